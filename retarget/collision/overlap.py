"""How far parts of a robot are inside each other or below the ground, frame by frame."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.retarget.collision.model import FLOOR, CollisionModel, arm_of


@dataclass(frozen=True, eq=False)
class Overlap:
    """What is inside what in each frame, by the robot's own shapes."""

    itself_m: Float[np.ndarray, " time"]
    """How deep the worst two links are inside each other [m]; 0 where all are apart."""
    between_m: Float[np.ndarray, " time"]
    """The same of links of one arm with links of the other [m]."""
    below_m: Float[np.ndarray, " time"]
    """How deep the lowest link is below the ground or table [m]; 0 where all are above."""
    worst: tuple[str, ...]
    """In each frame the two that are furthest inside each other, `a - b`; empty where none are."""


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
    num = len(joints)
    itself, between, below = np.zeros(num), np.zeros(num), np.zeros(num)
    worst = []
    for t in range(num):
        shapes.set_floor(-1e3 if floor_m is None else float(floor_m[t]))
        shapes.place(
            joints[t],
            T_world_root=None if T_world_root is None else T_world_root[t],
            others=None if others is None else others[t],
        )
        deepest, names = 0.0, ""
        for first, second, depth in shapes.contacts():
            if first == FLOOR and second in may_be_below:
                continue
            if depth > deepest:
                deepest, names = depth, f"{first} - {second}"
            if first == FLOOR:
                below[t] = max(below[t], depth)
                continue
            itself[t] = max(itself[t], depth)
            if arm_of(first) != arm_of(second):
                between[t] = max(between[t], depth)
        worst.append(names)
    return Overlap(itself, between, below, tuple(worst))
