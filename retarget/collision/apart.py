"""Which balls of a robot are kept apart in a motion, and how far: found from where it overlaps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from rotoscope.retarget.collision.balls import Balls
from rotoscope.retarget.collision.model import FLOOR, arm_of
from rotoscope.retarget.collision.overlap import Overlap
from rotoscope.retarget.kinematics.frames import Frame
from rotoscope.retarget.optimize.one_sided import GroundClearanceCost, SelfCollisionCost
from rotoscope.retarget.optimize.terms import CostTerm

CLEAR_M = 2e-3
"""Distance that links of one robot keep from each other and from the ground [m]."""


@dataclass(frozen=True, eq=False)
class Watched:
    """Links that came near each other or the ground, and what balls miss of their shapes.

    Balls stand for shapes badly or well. How badly is measured where two links are near: their
    true distance is that of their nearest balls less an `excess`.
    """

    balls: Balls
    """Balls on all links."""
    pairs: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """Excess of each two links [m]."""
    low: Mapping[str, float] = field(default_factory=dict)
    """Excess of each link over the ground [m]."""

    def seen(
        self,
        overlap: Overlap,
        p_m: Float[np.ndarray, "time ball 3"],
        floor_m: Float[np.ndarray, " time"] | None = None,
    ) -> Watched:
        """With those that a motion brings near, beside those of before.

        Args:
            overlap: What its shapes do.
            p_m: Where the balls are [m].
            floor_m: Height of the ground or table in each frame [m].
        """
        pairs, low = dict(self.pairs), dict(self.low)
        of_link = self.balls.by_link()
        for n in overlap.near:
            second = of_link[n.second]
            if n.first == FLOOR:
                assert floor_m is not None
                height = p_m[n.frame, second, 2] - self.balls.radius_m[second]
                gap = float(height.min()) - float(floor_m[n.frame])
                low[n.second] = max(low.get(n.second, -np.inf), gap - n.distance_m)
                continue
            gap = float(self._gaps(p_m[n.frame], of_link[n.first], second).min())
            key = (n.first, n.second)
            pairs[key] = max(pairs.get(key, -np.inf), gap - n.distance_m)
        return Watched(self.balls, pairs, low)

    @property
    def is_empty(self) -> bool:
        """Nothing came near."""
        return not self.pairs and not self.low

    def frames(self) -> list[Frame]:
        """Centers of the balls that are watched."""
        frames = self.balls.frames()
        return [frames[i] for i in self._numbers()]

    def terms(
        self,
        first: int,
        *,
        margin_m: float,
        sigma_m: float,
        floor_m: Float[np.ndarray, " time"] | None = None,
    ) -> list[CostTerm]:
        """What keeps them apart, and off the ground.

        Args:
            first: Number of the first of `frames` among those of the kinematics.
            margin_m: Distance that the links of two arms keep where they can [m].
            sigma_m: 1-sigma of what is missing to it [m].
            floor_m: Height of the ground or table in each frame; none when absent [m].
        """
        place = {ball: first + i for i, ball in enumerate(self._numbers())}
        of_link, radius = self.balls.by_link(), self.balls.radius_m
        a, b, distance = [], [], []
        for (one, other), excess in self.pairs.items():
            margin = margin_m if arm_of(one) != arm_of(other) else CLEAR_M
            for i in of_link[one]:
                for j in of_link[other]:
                    a.append(place[i])
                    b.append(place[j])
                    distance.append(radius[i] + radius[j] + excess + margin)
        out: list[CostTerm] = []
        if a:
            out.append(SelfCollisionCost(a, b, np.array(distance), sigma_m))
        if self.low and floor_m is not None:
            low = [(i, excess) for link, excess in self.low.items() for i in of_link[link]]
            height = np.array([radius[i] + excess + CLEAR_M for i, excess in low])
            ids = [place[i] for i, _ in low]
            out.append(GroundClearanceCost(ids, floor_m[:, None] + height, sigma_m))
        return out

    def _gaps(
        self, p_m: Float[np.ndarray, "ball 3"], first: list[int], second: list[int]
    ) -> Float[np.ndarray, "a b"]:
        between = p_m[first][:, None] - p_m[second]
        radius = self.balls.radius_m
        gaps: np.ndarray = np.linalg.norm(between, axis=2) - radius[first][:, None] - radius[second]
        return gaps

    def _numbers(self) -> list[int]:
        of_link = self.balls.by_link()
        links = {link for pair in self.pairs for link in pair} | set(self.low)
        return sorted(i for link in links for i in of_link[link])
