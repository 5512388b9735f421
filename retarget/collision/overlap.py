"""How far parts of a robot are inside each other or below the ground, frame by frame."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.retarget.collision.model import FLOOR, CollisionModel, arm_of

TOLERANCE_OVERLAP_M = 0.01
"""Parts further inside each other, or below the ground, make a frame invalid [m]: shapes of robot
files are no better than that, hulls of hollow parts worse."""


@dataclass(frozen=True)
class Near:
    """Two links near each other, or one near the floor, in one frame."""

    frame: int
    """Which frame."""
    first: str
    """A link, or `FLOOR`."""
    second: str
    """The other link."""
    distance_m: float
    """How far apart they are; negative where they are inside each other [m]."""


@dataclass(frozen=True, eq=False)
class Overlap:
    """What is inside what in each frame, by the robot's own shapes."""

    near: tuple[Near, ...]
    """Everything nearer than the model's margin."""
    itself_m: Float[np.ndarray, " time"]
    """How deep the worst two links are inside each other [m]; 0 where all are apart."""
    between_m: Float[np.ndarray, " time"]
    """The same of links of one arm with links of the other [m]."""
    below_m: Float[np.ndarray, " time"]
    """How deep the lowest link is below the ground or table [m]; 0 where all are above."""

    @property
    def deepest_m(self) -> float:
        """How deep any link ever is in another or below the ground [m]."""
        return float(max(self.itself_m.max(initial=0.0), self.below_m.max(initial=0.0)))

    def worst(self, frame: int) -> str:
        """The two that are furthest inside each other there; empty where none are."""
        found = [n for n in self.near if n.frame == frame and n.distance_m < 0.0]
        deepest = min(found, key=lambda n: n.distance_m, default=None)
        return "" if deepest is None else f"{deepest.first} - {deepest.second}"


def overlap_of(
    shapes: CollisionModel,
    joints: Float[np.ndarray, "time joint"],
    *,
    T_world_root: Float[np.ndarray, "time 4 4"] | None = None,
    others: Sequence[Mapping[str, float]] | None = None,
    floor_m: Float[np.ndarray, " time"] | None = None,
    may_be_below: Collection[str] = (),
) -> Overlap:
    """Overlap of a motion.

    Args:
        shapes: The robot's shapes.
        joints: Values of the robot's joints [rad or m].
        T_world_root: Where its base link is, of a robot that floats.
        others: Values of further joints in each frame, such as fingers [rad or m].
        floor_m: Height of the ground or table in each frame [m]; there is none when absent.
        may_be_below: Links that the ground or table is not in the way of.
    """
    near: list[Near] = []
    for t in range(len(joints)):
        shapes.set_floor(-1e3 if floor_m is None else float(floor_m[t]))
        shapes.place(
            joints[t],
            T_world_root=None if T_world_root is None else T_world_root[t],
            others=None if others is None else others[t],
        )
        near += [
            Near(t, first, second, distance)
            for first, second, distance in shapes.contacts()
            if not (first == FLOOR and second in may_be_below)
        ]
    itself, between, below = (np.zeros(len(joints)) for _ in range(3))
    for n in near:
        where = below if n.first == FLOOR else itself
        where[n.frame] = max(where[n.frame], -n.distance_m)
        if n.first != FLOOR and arm_of(n.first) != arm_of(n.second):
            between[n.frame] = max(between[n.frame], -n.distance_m)
    return Overlap(tuple(near), itself, between, below)
