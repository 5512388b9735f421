"""The pose and opening of a gripper that its points in all views fit best, to the pixel.

Placing each point first and laying the gripper on what was placed counts a point that the cameras
see along one line like any other; here a pixel counts as a pixel.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from rotoscope.models.motion_tracks.points import gripper_shape
from rotoscope.models.perception.multi_view import View
from rotoscope.pipeline.geometry import se3

_NUM_STEPS = 4
"""Of Gauss and Newton; the start is near."""
_DAMPING = 1e-6
"""Of the diagonal: what no view tells, such as the opening of fingers that touch, stays."""
_SPAN = gripper_shape(np.array(1.0)) - gripper_shape(np.array(0.0))
"""What a meter of opening moves each point by [m]."""


def fit_gripper(
    views: Sequence[View],
    points_px: Sequence[Float[np.ndarray, "row 5 2"]],
    T_world_ee: Float[np.ndarray, "row 4 4"],
    aperture_m: Float[np.ndarray, " row"],
    *,
    sigma_px: float,
) -> tuple[Float[np.ndarray, "row 4 4"], Float[np.ndarray, " row"], Float[np.ndarray, "row 3 3"]]:
    """Poses, openings [m], and the covariance of the position [m^2].

    Args:
        views: The calibrated cameras.
        points_px: Where each sees the gripper's points; none is missing.
        T_world_ee: Where to begin.
        aperture_m: The opening to begin with.
        sigma_px: 1-sigma of a pixel coordinate.
    """
    rays = [view.rays(px) for view, px in zip(views, points_px, strict=True)]
    T, aperture = T_world_ee, aperture_m
    for _ in range(_NUM_STEPS):
        normal, gradient = _normal_equations(views, rays, T, aperture, sigma_px)
        step = np.linalg.solve(normal, gradient[..., None])[..., 0]
        T = se3.make(se3.exp_so3(step[:, :3]) @ T[:, :3, :3], T[:, :3, 3] + step[:, 3:6])
        aperture = np.maximum(aperture + step[:, 6], 0.0)
    normal, _ = _normal_equations(views, rays, T, aperture, sigma_px)
    return T, aperture, np.linalg.inv(normal)[:, 3:6, 3:6]


def _normal_equations(
    views: Sequence[View],
    rays: Sequence[Float[np.ndarray, "row 5 2"]],
    T: Float[np.ndarray, "row 4 4"],
    aperture_m: Float[np.ndarray, " row"],
    sigma_px: float,
) -> tuple[Float[np.ndarray, "row 7 7"], Float[np.ndarray, "row 7"]]:
    arms = gripper_shape(aperture_m) @ np.swapaxes(T[:, :3, :3], 1, 2)
    opened = _SPAN @ np.swapaxes(T[:, :3, :3], 1, 2)
    # Points move by w x arm under a turn w, by a step itself, by their share of an opening.
    turned = -se3.hat(arms)
    moved = np.broadcast_to(np.eye(3), turned.shape)
    points = np.concatenate([turned, moved, opened[..., None]], axis=-1)
    normal = np.zeros((len(T), 7, 7))
    gradient = np.zeros((len(T), 7))
    for view, seen in zip(views, rays, strict=True):
        R, t = view.T_camera_world[:3, :3], view.T_camera_world[:3, 3]
        in_view = (arms + T[:, None, :3, 3]) @ R.T + t
        predicted = in_view[..., :2] / in_view[..., 2:]
        jacobian = (R[:2] - predicted[..., None] * R[2]) / in_view[..., 2:, None] @ points
        weight = view.K[0, 0] * view.K[1, 1] / sigma_px**2
        normal += weight * np.einsum("rpki,rpkj->rij", jacobian, jacobian)
        gradient += weight * np.einsum("rpki,rpk->ri", jacobian, seen - predicted)
    diagonal = np.einsum("rii->ri", normal)
    normal += _DAMPING * diagonal.max(axis=1)[:, None, None] * np.eye(7)
    return normal, gradient
