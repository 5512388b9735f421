"""The camera's motion where a file states it: nothing has to be estimated."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks.camera import CameraMotion, MotionKind
from rotoscope.pipeline.types import Clip

SIGMA_POSITION_M = 0.01
SIGMA_ROTATION_RAD = 0.005
"""Assumed of poses that come without: what visual-inertial odometry of headsets drifts by within a
clip of seconds."""
_STILL_M, _STILL_RAD = 1e-3, 1e-3


def stated_motion(
    T_world_camera: Float[np.ndarray, "frame 4 4"], clip: Clip
) -> CameraMotion | None:
    """Motion over a clip against its first frame; `None` where the first frame's pose is unknown.

    The reference camera is the clip's first frame, as where motion is estimated.
    """
    T = T_world_camera[clip.start : clip.end]
    if not np.isfinite(T[0]).all():
        return None
    moved = se3.inverse(T[0]) @ T
    valid = np.isfinite(moved).all(axis=(1, 2))
    away_m = np.linalg.norm(moved[valid, :3, 3], axis=1).max()
    turned_rad = np.linalg.norm(se3.log_so3(moved[valid, :3, :3]), axis=1).max()
    kind: MotionKind = "moving"
    if away_m < _STILL_M:
        kind = "turning" if turned_rad > _STILL_RAD else "still"
    known = np.where(valid, 1.0, np.nan)
    is_first = np.arange(len(T)) == 0
    return CameraMotion(
        kind=kind,
        T_reference_camera=moved,
        valid=valid,
        sigma_rotation_rad=known * np.where(is_first, 0.0, SIGMA_ROTATION_RAD),
        sigma_position_m=known * np.where(is_first, 0.0, SIGMA_POSITION_M),
        scale_source="stated" if kind == "moving" else "none",
        sigma_scale_rel=0.0,
        residual_px=0.0,
        why="",
    )
