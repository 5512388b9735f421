"""Points that several calibrated cameras see at once: where they are, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.geometry import pinhole, se3

_NUM_STEPS = 6
"""Gauss-Newton steps after the linear solution; three settle all but nearly parallel rays."""
_PARALLEL = 1e-9


@dataclass(frozen=True, eq=False)
class View:
    """A calibrated camera that stands still."""

    K: Float[np.ndarray, "3 3"]
    """Intrinsics [px]."""
    T_camera_world: Float[np.ndarray, "4 4"]
    """World to camera [m]; x right, y down, z forward of the camera."""
    distortion: tuple[float, ...] = ()
    """OpenCV's coefficients (k1, k2, p1, p2[, k3])."""
    fisheye: tuple[float, ...] = ()
    """OpenCV's fisheye coefficients (k1 to k4), instead."""

    def project(self, points_m: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 2"]:
        """Pixels of points of the world [m]; NaN for those not in front."""
        seen_m = points_m @ self.T_camera_world[:3, :3].T + self.T_camera_world[:3, 3]
        return pinhole.project(seen_m, self.K, self.distortion, self.fisheye)

    def rays(self, points_px: Float[np.ndarray, "*batch 2"]) -> Float[np.ndarray, "*batch 2"]:
        """(x / z, y / z) of pixels, the lens taken out."""
        return pinhole.rays(points_px, self.K, self.distortion, self.fisheye)


def triangulate(
    views: Sequence[View],
    points_px: Sequence[Float[np.ndarray, "*batch 2"]] | np.ndarray,
    *,
    sigma_px: float | np.ndarray = 1.0,
) -> tuple[Float[np.ndarray, "*batch 3"], Float[np.ndarray, "*batch 3 3"]]:
    """Points of the world [m] with the least squared distance from where each view sees them.

    A linear start (Hartley and Zisserman 2004, section 12.2), then Gauss-Newton.

    Args:
        views: Two cameras or more.
        points_px: Where each sees the points; NaN where it does not.
        sigma_px: 1-sigma of a pixel coordinate; one for all, or shaped (view, *batch).

    Returns:
        Points and their covariance [m^2] under that noise; NaN where fewer than two views see a
        point, where rays are parallel, or where the point would lie behind a camera.

    Raises:
        TrackError: One view alone, or views and points that differ in number.
    """
    if len(views) < 2 or len(views) != len(points_px):
        raise TrackError(
            f"triangulation needs two views or more with points of each, got {len(views)} views "
            f"and points of {len(points_px)}"
        )
    rays = np.stack([view.rays(px) for view, px in zip(views, points_px, strict=True)])
    batch = rays.shape[1:-1]
    rays = rays.reshape(len(views), -1, 2)
    sigma = np.broadcast_to(sigma_px, (len(views), *batch)).reshape(len(views), -1)
    focal_px = np.array([np.sqrt(view.K[0, 0] * view.K[1, 1]) for view in views])
    seen = np.isfinite(rays).all(axis=2)
    weight = np.where(seen, (focal_px[:, None] / sigma) ** 2, 0.0)
    rays = np.where(seen[..., None], rays, 0.0)
    T = np.stack([view.T_camera_world for view in views])
    is_told = seen.sum(axis=0) >= 2
    points = _linear(rays, T, weight)
    for _ in range(_NUM_STEPS):
        normal, gradient = _normal_equations(points, rays, T, weight)
        points = points + _solved(normal, gradient)
    normal, _ = _normal_equations(points, rays, T, weight)
    covariance = np.full((len(points), 3, 3), np.nan)
    condition = np.linalg.eigvalsh(np.nan_to_num(normal))
    depth = np.einsum("vj,pj->vp", T[:, 2, :3], points) + T[:, 2, 3:]
    is_told &= np.where(seen, depth > 0, True).all(axis=0)
    is_told &= condition[:, 0] > _PARALLEL * condition[:, 2]
    covariance[is_told] = np.linalg.inv(normal[is_told])
    points = np.where(is_told[:, None], points, np.nan)
    return points.reshape(*batch, 3), covariance.reshape(*batch, 3, 3)


def _linear(
    rays: Float[np.ndarray, "view point 2"],
    T: Float[np.ndarray, "view 4 4"],
    weight: Float[np.ndarray, "view point"],
) -> Float[np.ndarray, "point 3"]:
    """Least squares of (x z' - x' = 0, y z' - y' = 0) for all views."""
    rows = rays[..., None] * T[:, None, None, 2, :] - T[:, None, :2, :]
    rows = rows * np.sqrt(weight)[..., None, None]
    a = np.moveaxis(rows, 0, 1).reshape(rays.shape[1], -1, 4)
    normal = np.swapaxes(a[..., :3], 1, 2) @ a[..., :3]
    right = -np.einsum("pri,pr->pi", a[..., :3], a[..., 3])
    return _solved(normal, right)


def _normal_equations(
    points: Float[np.ndarray, "point 3"],
    rays: Float[np.ndarray, "view point 2"],
    T: Float[np.ndarray, "view 4 4"],
    weight: Float[np.ndarray, "view point"],
) -> tuple[Float[np.ndarray, "point 3 3"], Float[np.ndarray, "point 3"]]:
    R = T[:, :3, :3]
    seen = np.einsum("vij,pj->vpi", R, points) + T[:, None, :3, 3]
    depth = np.where(np.abs(seen[..., 2]) > 1e-9, seen[..., 2], 1e-9)
    predicted = seen[..., :2] / depth[..., None]
    residual = rays - predicted
    # d (x / z) = (dx - (x / z) dz) / z, and likewise for y.
    jacobian = R[:, None, :2, :] - predicted[..., None] * R[:, None, 2:, :]
    jacobian = jacobian / depth[..., None, None]
    weighted = weight[..., None, None] * jacobian
    normal = np.einsum("vpki,vpkj->pij", weighted, jacobian)
    gradient = np.einsum("vpki,vpk->pi", weighted, residual)
    return normal, gradient


def _solved(
    normal: Float[np.ndarray, "point 3 3"], right: Float[np.ndarray, "point 3"]
) -> Float[np.ndarray, "point 3"]:
    """Solutions; zero where a matrix has none."""
    size = np.trace(normal, axis1=1, axis2=2)
    is_good = np.isfinite(size) & (np.linalg.det(normal) > 1e-24 * size**3) & (size > 0)
    out = np.zeros_like(right)
    if is_good.any():
        out[is_good] = np.linalg.solve(normal[is_good], right[is_good][..., None])[..., 0]
    return out


def rigid_between(
    before_m: Float[np.ndarray, "*batch point 3"], after_m: Float[np.ndarray, "*batch point 3"]
) -> Float[np.ndarray, "*batch 4 4"]:
    """Rigid motions that bring points closest to where they are later [m] (Kabsch 1976).

    NaN where a point is unknown, or where fewer than three span a plane.
    """
    known = np.isfinite(before_m).all(axis=(-2, -1)) & np.isfinite(after_m).all(axis=(-2, -1))
    a, b = (np.where(known[..., None, None], x, 0.0) for x in (before_m, after_m))
    middle_a, middle_b = a.mean(axis=-2, keepdims=True), b.mean(axis=-2, keepdims=True)
    u, s, vt = np.linalg.svd(np.swapaxes(a - middle_a, -1, -2) @ (b - middle_b))
    flip = np.ones(s.shape)
    flip[..., 2] = np.sign(np.linalg.det(u @ vt))
    R = np.swapaxes((u * flip[..., None, :]) @ vt, -1, -2)
    t = (middle_b - middle_a @ np.swapaxes(R, -1, -2))[..., 0, :]
    known = known & (s[..., 1] > 1e-12)
    out: np.ndarray = np.where(known[..., None, None], se3.make(R, t), np.nan)
    return out
