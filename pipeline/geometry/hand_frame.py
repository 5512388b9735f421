"""The wrist frame: how 21 hand joints define an orientation."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.geometry.vectors import unit
from rotoscope.pipeline.tracks import Side

WRIST, THUMB_TIP, INDEX_MCP, INDEX_TIP, MIDDLE_MCP = 0, 4, 5, 8, 9


def wrist_rotation(
    joints: Float[np.ndarray, "*batch 21 3"], side: Side
) -> Float[np.ndarray, "*batch 3 3"]:
    """Rotation of the wrist frame in the frame the joints are given in.

    z runs from the wrist to the root of the middle finger within the palm's plane (wrist, index
    root, middle root), x stands on that plane and points out of the palm, y completes the
    right-handed frame: towards the thumb on a right hand, towards the little finger on a left.
    These are MANO's wrist axes as AnyTeleop uses them (Qin et al. 2023, dex-retargeting).
    """
    wrist, index, middle = (joints[..., i, :] for i in (WRIST, INDEX_MCP, MIDDLE_MCP))
    z = unit(middle - wrist)
    across = index - middle if side == "right" else middle - index
    y = unit(across - np.sum(across * z, axis=-1, keepdims=True) * z)
    return np.stack([np.cross(y, z), y, z], axis=-1)


def wrist_pose(
    joints_m: Float[np.ndarray, "*batch 21 3"], side: Side
) -> Float[np.ndarray, "*batch 4 4"]:
    """Pose of the wrist frame (origin at joint 0) in the frame the joints are given in [m]."""
    return se3.make(wrist_rotation(joints_m, side), joints_m[..., WRIST, :])


def in_wrist_frame(
    joints_m: Float[np.ndarray, "*batch 21 3"], side: Side
) -> Float[np.ndarray, "*batch 21 3"]:
    """The joints seen from the wrist frame [m]; joint 0 is the origin."""
    return (joints_m - joints_m[..., :1, :]) @ wrist_rotation(joints_m, side)
