"""A motion solved again until its links are no more inside each other, or it is not worth it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from rotoscope.retarget.collision.apart import Watched
from rotoscope.retarget.collision.balls import balls_of
from rotoscope.retarget.collision.model import CollisionModel
from rotoscope.retarget.collision.overlap import TOLERANCE_OVERLAP_M, Overlap
from rotoscope.retarget.kinematics.tree import KinematicTree

Motion = Float[np.ndarray, "time column"]
MAX_ROUNDS = 2
"""How often a motion is solved again."""
GOOD_SHARE = 0.5
"""Less than this share of the tolerance may stay."""


def pulled_apart(
    x: Motion,
    shapes: CollisionModel,
    *,
    overlap: Callable[[Motion], Overlap],
    tree_of: Callable[[Watched], KinematicTree],
    solve_again: Callable[[Watched, Motion], Motion],
    R_reference: Float[np.ndarray, "time 3 3"] | None = None,
    floor_m: Float[np.ndarray, " time"] | None = None,
) -> tuple[Motion, Overlap]:
    """The motion with links apart, as far as they can be, and what is left of their overlap.

    Args:
        x: The motion, solved without asking what is inside what.
        shapes: The robot's shapes.
        overlap: What is inside what in a motion.
        tree_of: Kinematics of all balls.
        solve_again: The motion with these links kept apart, starting from one.
        R_reference: Rotation of a floating base at rotation vector zero.
        floor_m: Height of the ground or table in each frame [m].
    """
    found = overlap(x)
    watched: Watched | None = None
    for _ in range(MAX_ROUNDS):
        if not found.between_m.any() and found.deepest_m < GOOD_SHARE * TOLERANCE_OVERLAP_M:
            break
        if watched is None:
            watched = Watched(balls_of(shapes))
            tree = tree_of(watched)
        p_m = tree.forward_kinematics(x, R_reference).p_m
        watched = watched.seen(found, p_m, floor_m)
        x = solve_again(watched, x)
        found = overlap(x)
    return x, found
