"""Which balls of a robot must be kept apart for a motion, found from where the motion takes them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from rotoscope.retarget.collision.balls import Balls, balls_of
from rotoscope.retarget.collision.model import CollisionModel, arm_of
from rotoscope.retarget.kinematics.frames import Frame
from rotoscope.retarget.optimize.one_sided import GroundClearanceCost, SelfCollisionCost
from rotoscope.retarget.optimize.terms import CostTerm

NEAR_M = 0.03
"""Balls that come nearer to each other than this, beyond their margin, are watched once any are
inside it [m]: what evades one meets the next."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Every ball of a robot, and the pairs of them that must not touch."""

    balls: Balls
    """Balls on all shapes."""
    pairs: Int[np.ndarray, "pair 2"]
    """Numbers of balls whose links are no neighbors, nor inside each other at rest."""
    distance_m: Float[np.ndarray, " pair"]
    """Sum of radii and margin [m]."""
    grounded: Int[np.ndarray, " ball"]
    """Balls on links that move and that a floor or table is in the way of."""


def candidates_of(
    shapes: CollisionModel,
    *,
    margin_m: float = 0.0,
    between_m: float = 0.0,
    may_be_below: Collection[str] = (),
) -> Candidates:
    """What could touch.

    Args:
        shapes: The robot's shapes.
        margin_m: Distance that links of one chain keep from each other [m]; negative where balls
            may overlap, as they are thicker than the links.
        between_m: Distance that links of two arms keep.
        may_be_below: Links that a floor or table is not in the way of.
    """
    balls = balls_of(shapes)
    model = shapes.model
    excluded = {
        frozenset((int(signature) >> 16, int(signature) & 0xFFFF))
        for signature in model.exclude_signature
    }
    body = np.array([model.body(link).id for link in balls.links])
    welded = model.body_weldid[body]
    first, second = np.triu_indices(len(body), k=1)
    free = np.array(
        [
            welded[a] != welded[b] and frozenset((int(body[a]), int(body[b]))) not in excluded
            for a, b in zip(first, second, strict=True)
        ],
        bool,
    )
    pairs = np.stack([first[free], second[free]], axis=1)
    side = np.array([arm_of(link) for link in balls.links])
    is_between = side[pairs[:, 0]] != side[pairs[:, 1]]
    distance = balls.radius_m[pairs].sum(axis=1) + np.where(is_between, between_m, margin_m)
    is_low = np.array([link not in may_be_below for link in balls.links])
    return Candidates(balls, pairs, distance, np.flatnonzero((welded != 0) & is_low))


@dataclass(frozen=True, eq=False)
class Watched:
    """The balls that a motion brings near each other or near the ground."""

    candidates: Candidates
    """Where they are from."""
    pairs: frozenset[int] = frozenset()
    """Numbers of pairs."""
    low: frozenset[int] = frozenset()
    """Numbers of balls that come near the ground."""

    def seen(
        self, p_m: Float[np.ndarray, "time ball 3"], floor_m: float | None = None
    ) -> Watched:
        """With those that this motion brings near, beside those of before.

        Args:
            p_m: Where all balls of the candidates are [m].
            floor_m: Height of the ground or table; none when absent.
        """
        c = self.candidates
        between = p_m[:, c.pairs[:, 1]] - p_m[:, c.pairs[:, 0]]
        gap = np.sqrt((between**2).sum(axis=2)).min(axis=0) - c.distance_m
        near = np.flatnonzero(gap < NEAR_M).tolist() if (gap < 0.0).any() else []
        low: list[int] = []
        if floor_m is not None and len(c.grounded):
            height = p_m[:, c.grounded, 2].min(axis=0) - c.balls.radius_m[c.grounded] - floor_m
            low = c.grounded[height < NEAR_M].tolist() if (height < 0.0).any() else []
        return Watched(c, self.pairs | set(near), self.low | set(low))

    def frames(self) -> list[Frame]:
        """Centers of the balls that are watched."""
        frames = self.candidates.balls.frames()
        return [frames[i] for i in self._balls()]

    def terms(
        self, first: int, *, sigma_m: float, floor_m: Float[np.ndarray, " time"] | None = None
    ) -> list[CostTerm]:
        """What keeps them apart, and off the ground.

        Args:
            first: Number of the first of `frames` among those of the kinematics.
            sigma_m: 1-sigma of what is missing to the distance [m].
            floor_m: Height of the ground or table in each frame; none when absent [m].
        """
        c, place = self.candidates, {ball: first + i for i, ball in enumerate(self._balls())}
        out: list[CostTerm] = []
        if self.pairs:
            numbers = sorted(self.pairs)
            a, b = ([place[i] for i in c.pairs[numbers, k].tolist()] for k in (0, 1))
            out.append(SelfCollisionCost(a, b, c.distance_m[numbers], sigma_m))
        if self.low and floor_m is not None:
            low = sorted(self.low)
            height = floor_m[:, None] + c.balls.radius_m[low]
            out.append(GroundClearanceCost([place[i] for i in low], height, sigma_m))
        return out

    def _balls(self) -> list[int]:
        in_pairs = self.candidates.pairs[sorted(self.pairs)].ravel().tolist()
        return sorted({*in_pairs, *self.low})
