"""What an arm can be asked for at all: a whole pose, or a position and where the gripper points."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float

from rotoscope.retarget.kinematics.tree import KinematicTree

Follows = Literal["pose", "approach", "position"]
"""`pose`: position and rotation. `approach`: position, and the direction of approach as far as the
joints that are left can turn it. `position`: where it is and nothing else."""

NUM_SAMPLES = 128
"""Joint values at which the rank is taken."""
SINGULAR = 1e-3
"""A direction whose singular value is a smaller share of the largest one cannot be moved along:
arms of six joints and more have .02 to .2 in the median, with positions as shares of the reach."""


def rank_of(
    kinematics: KinematicTree,
    lower: Float[np.ndarray, " joint"],
    upper: Float[np.ndarray, " joint"],
) -> int:
    """Directions out of six that an arm can move its end effector in, over its joints' ranges.

    Args:
        kinematics: Kinematics of the end effector alone.
        lower: Lower position limits [rad or m].
        upper: Upper position limits [rad or m].
    """
    low, high = np.maximum(lower, -np.pi), np.minimum(upper, np.pi)
    # Additive recurrence on the plastic numbers' powers (Roberts 2018): spread without clusters.
    steps = np.sqrt(np.array([2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0, 19.0, 23.0, 29.0]))
    spread = (np.arange(1, NUM_SAMPLES + 1)[:, None] * np.resize(steps, len(low))) % 1.0
    reached = kinematics.forward_kinematics(low + spread * (high - low), jacobian=True)
    reach = max(float(np.linalg.norm(reached.p_m[:, 0], axis=1).max()), 1e-9)
    J = np.concatenate([reached.J_p[:, :, 0] / reach, reached.J_w[:, :, 0]], axis=2)
    values = np.linalg.svd(J, compute_uv=False)
    return int((np.median(values / values[:, :1], axis=0) > SINGULAR).sum())


def what_follows(rank: int) -> Follows:
    """What an arm of this rank can follow.

    Rank six follows a pose. Less cannot: the wrist of an arm of five joints turns as its place
    allows. Rank four and five leave one direction or more to turn in.
    """
    return "pose" if rank == 6 else "approach" if rank >= 4 else "position"
