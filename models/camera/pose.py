"""Pose of a camera from placed points: perspective-n-point from a start that is nearly right."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3

NOISE_PX = 0.2
"""What followed points are wrong by at the least [px of the small picture]."""
_NUM_STEPS = 6
_TUKEY = 4.685
_SMALL_STEP = 1e-5
"""A step that turns the camera by less ends the search [rad]; noise turns it by four times that."""


def fit_pose(
    points: Float[np.ndarray, "point 3"],
    rays: Float[np.ndarray, "point 2"],
    start: Float[np.ndarray, "4 4"],
    focal_px: float,
) -> tuple[Float[np.ndarray, "4 4"], Float[np.ndarray, "6 6"], Float[np.ndarray, " point"]]:
    """The pose T_camera_points nearest to a start, its covariance, and residuals [px].

    Gauss-Newton on SE(3) with Tukey's weights; the covariance is of (rotation vector in the camera
    frame [rad], translation).
    """
    R, t = start[:3, :3], start[:3, 3]
    scale_px, normal = NOISE_PX, np.eye(6)
    for _ in range(_NUM_STEPS):
        moved = points @ R.T
        seen = moved + t
        depth = np.maximum(seen[:, 2:], 1e-6)
        difference = (rays - seen[:, :2] / depth) * focal_px
        size = np.linalg.norm(difference, axis=1)
        scale_px = max(NOISE_PX, float(np.median(size)) / 1.18)
        weight = np.clip(1.0 - (size / (_TUKEY * scale_px)) ** 2, 0.0, None) ** 2
        J = _pose_jacobian(moved, seen, depth) * focal_px
        flat = J.reshape(-1, 6)
        normal = (flat * weight.repeat(2)[:, None]).T @ flat
        normal[np.diag_indices(6)] += 1e-9
        step = np.linalg.solve(normal, flat.T @ (difference * weight[:, None]).reshape(-1))
        if not np.isfinite(step).all():
            return start, np.full((6, 6), np.nan), np.full(len(points), np.inf)
        R, t = se3.exp_so3(step[:3]) @ R, t + step[3:]
        if np.abs(step[:3]).max() < _SMALL_STEP:
            break
    seen = points @ R.T + t
    away = np.linalg.norm(seen[:, :2] / np.maximum(seen[:, 2:], 1e-6) - rays, axis=1) * focal_px
    error_px = np.where(seen[:, 2] > 0, away, np.inf)
    return se3.make(R, t), scale_px**2 * np.linalg.pinv(normal), error_px


def _pose_jacobian(
    moved: Float[np.ndarray, "point 3"],
    seen: Float[np.ndarray, "point 3"],
    depth: Float[np.ndarray, "point 1"],
) -> Float[np.ndarray, "point 2 6"]:
    """How (x / z, y / z) changes with a turn of the rotated points and with the translation."""
    by_point = np.zeros((len(seen), 2, 3))
    by_point[:, 0, 0] = by_point[:, 1, 1] = 1.0 / depth[:, 0]
    by_point[:, :, 2] = -seen[:, :2] / depth**2
    return np.concatenate([-by_point @ se3.hat(moved), by_point], axis=2)
