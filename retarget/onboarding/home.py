"""A pose for an arm to start from: the hand down in front of the base, far from every limit."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.retarget.kinematics.tree import KinematicTree

NUM_SAMPLES = 2000
"""Poses that one is chosen from."""
MARGIN = 0.1
"""Share of a joint's range that is kept at each end."""
FULL_TURN_RAD = 5.5
"""A first joint that turns further has no middle: such arms face along x [rad]."""
AHEAD = 0.55
"""How far ahead of the base the hand shall be, as a share of the reach."""


def comfortable_pose(
    tree: KinematicTree,
    lower: Float[np.ndarray, " joint"],
    upper: Float[np.ndarray, " joint"],
) -> Float[np.ndarray, " joint"]:
    """Joint values with the gripper down, ahead of the base, the elbow up, and room to every limit.

    The best of a fixed random sample.

    Args:
        tree: Kinematics with the end effector as first frame, whose x is the approach, and the
            links of the arm after it.
        lower: Lower position limits [rad or m].
        upper: Upper position limits [rad or m].
    """
    # What turns further than half a turn either way comes to the same poses again.
    lower, upper = np.maximum(lower, -np.pi), np.minimum(upper, np.pi)
    span = upper - lower
    rng = np.random.default_rng(0)
    share = MARGIN + (1.0 - 2.0 * MARGIN) * rng.random((NUM_SAMPLES, len(lower)))
    middle = np.maximum(lower, np.minimum(0.0, upper))
    # Half of them near zero, where most files have a plain pose.
    share[::2] = np.clip(
        ((middle - lower) / span)[None] + 0.25 * rng.standard_normal(share[::2].shape),
        MARGIN,
        1.0 - MARGIN,
    )
    joints = lower + share * span
    reached = tree.forward_kinematics(joints, jacobian=True)
    p, R = reached.p_m[:, 0], reached.R[:, 0]
    reach = float(np.percentile(np.linalg.norm(p, axis=1), 99))
    J = np.concatenate([reached.J_p[:, :, 0], 0.25 * reached.J_w[:, :, 0]], axis=2)
    singular = np.linalg.svd(J, compute_uv=False)
    dexterity = singular[:, min(5, len(lower) - 1)] / max(float(singular[:, 0].max()), 1e-9)
    links = reached.p_m[:, 1:, 2].mean(axis=1)
    ahead = np.abs(np.linalg.norm(p[:, :2], axis=1) / reach - AHEAD)
    beside = np.abs(np.arctan2(p[:, 1], p[:, 0]))
    if span[0] < FULL_TURN_RAD:
        # It faces the middle of its first joint's range, which some files have elsewhere than x.
        beside = 2.0 * np.pi * np.abs(share[:, 0] - 0.5)
    room = np.minimum(share, 1.0 - share).min(axis=1)
    score = (
        -1.0 * R[:, 2, 0]
        - 2.0 * ahead
        - 1.0 * beside
        + 1.0 * (links - p[:, 2]) / reach
        + 2.0 * np.minimum(room, 0.25)
        + 1.0 * dexterity
        - 0.3 * np.abs(joints).mean(axis=1)
        - 2.0 * np.maximum(-p[:, 2] / reach, 0.0)
    )
    return np.asarray(joints[int(np.argmax(score))])
