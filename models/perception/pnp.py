"""Pose of rigid points from where they are seen: batched perspective-n-point.

A pose starts from weak perspective (all points at one depth), which is exact up to the object's
depth over its distance, and is refined by Levenberg-Marquardt on SE(3) with Huber's loss. Image
coordinates are rays (x / z, y / z), so that intrinsics and lens distortion are dealt with before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from rotoscope.models.perception.least_squares import (
    Linearised,
    State,
    huber,
    minimize,
    normal_equations,
)
from rotoscope.pipeline.geometry import se3

HUBER_SIGMAS = 2.0
"""Residuals beyond this many standard deviations count linearly."""
_NUM_ITERATIONS = 30
_RELATIVE_TOLERANCE = 1e-15


@dataclass(frozen=True, eq=False)
class RigidPose:
    """Poses of a batch; NaN where none was found."""

    T_camera_object: Float[np.ndarray, "time 4 4"]
    """Object to camera [m]."""
    covariance: Float[np.ndarray, "time 6 6"]
    """Covariance of (rotation vector, camera frame [rad]; translation [m]) under the noise."""
    cost: Float[np.ndarray, " time"]
    """Robust sum of squared residuals in units of the noise; inf where no pose was found."""


def solve_pnp(
    points_m: Float[np.ndarray, "point 3"],
    rays: Float[np.ndarray, "time point 2"],
    R_start: Float[np.ndarray, "time 3 3"],
    *,
    noise: Float[np.ndarray, " time"] | float = 0.01,
    num_iterations: int = _NUM_ITERATIONS,
    relative_tolerance: float = _RELATIVE_TOLERANCE,
) -> RigidPose:
    """Poses in which `points_m` are seen along `rays`, the local best near `R_start`.

    Args:
        points_m: The object's points in its own frame [m].
        rays: Where they are seen, (x / z, y / z).
        R_start: Rotation of object to camera to start from.
        noise: 1-sigma of a ray coordinate, for the loss and the covariance.
        num_iterations: Most steps taken.
        relative_tolerance: Stop when a step improves the cost by a smaller share.

    Points that coincide, rays that are not finite, and objects that would lie behind the camera
    give NaN and an infinite cost, not an error.
    """
    scale = np.broadcast_to(np.asarray(noise, dtype=np.float64), (len(rays),))
    problem = _Rigid(np.asarray(points_m, dtype=np.float64), rays, scale)
    t_start = weak_perspective(R_start @ problem.points.T, rays)
    state, result = minimize(
        {"R": np.array(R_start, dtype=np.float64), "t": t_start},
        problem.evaluate,
        retract_pose,
        num_iterations=num_iterations,
        relative_tolerance=relative_tolerance,
    )
    covariance = safe_inverse(result.normal)
    found = np.isfinite(result.cost) & np.isfinite(covariance).all(axis=(1, 2))
    T = se3.make(state["R"], state["t"])
    T[~found], covariance[~found] = np.nan, np.nan
    return RigidPose(T, covariance, np.where(found, result.cost, np.inf))


def rotation_between(
    points: Float[np.ndarray, "point 3"], seen: Float[np.ndarray, "time point 3"]
) -> Float[np.ndarray, "time 3 3"]:
    """Rotations that bring `points` closest to `seen` (Kabsch 1976)."""
    a = points - points.mean(axis=0)
    b = seen - seen.mean(axis=1, keepdims=True)
    u, _, vt = np.linalg.svd(np.nan_to_num(a.T @ b))
    flip = np.ones((len(seen), 1, 3))
    flip[:, 0, 2] = np.sign(np.linalg.det(u @ vt))
    out: np.ndarray = np.swapaxes((u * flip) @ vt, 1, 2)
    return out


def weak_perspective(
    rotated: Float[np.ndarray, "time 3 point"], rays: Float[np.ndarray, "time point 2"]
) -> Float[np.ndarray, "time 3"]:
    """Translation that fits points of known rotation, were they all equally far away [m].

    NaN where the points or the rays have no extent.
    """
    flat = np.swapaxes(rotated[:, :2], 1, 2)
    spread = flat - flat.mean(axis=1, keepdims=True)
    seen = rays - rays.mean(axis=1, keepdims=True)
    # Points at one depth z are seen at (x, y) / z: sizes in the image and in space differ by z.
    size, seen_size = (spread**2).sum(axis=(1, 2)), (seen**2).sum(axis=(1, 2))
    has_extent = (size > 1e-16) & (seen_size > 1e-16)
    depth = np.full(len(rays), np.nan)
    depth[has_extent] = np.sqrt(size[has_extent] / seen_size[has_extent])
    middle = np.concatenate([rays.mean(axis=1), np.ones((len(rays), 1))], axis=1)
    out: np.ndarray = middle * depth[:, None] - rotated.mean(axis=2)
    return out


def project_with_jacobian(
    points: Float[np.ndarray, "row point 3"],
) -> tuple[Float[np.ndarray, "row point 2"], Float[np.ndarray, "row point 2 3"]]:
    """Rays (x / z, y / z) of points, and their derivative; not finite behind the camera."""
    depth = np.where(points[..., 2:] > 1e-6, points[..., 2:], np.nan)
    seen = points[..., :2] / depth
    jacobian = np.zeros((*points.shape[:-1], 2, 3))
    jacobian[..., 0, 0] = jacobian[..., 1, 1] = 1.0 / depth[..., 0]
    jacobian[..., 2] = -seen / depth
    return seen, jacobian


def retract_pose(state: State, step: Float[np.ndarray, "row parameter"]) -> State:
    """Turns by the first three numbers of the step (camera axes), then moves by the next."""
    return {"R": se3.exp_so3(step[:, :3]) @ state["R"], "t": state["t"] + step[:, 3:6]}


def position_sigma(
    variance: Float[np.ndarray, "row 3"],
    at_m: Float[np.ndarray, "row 3"],
    *,
    size_rel: float,
    across_m: float,
    focal_rel: float,
) -> Float[np.ndarray, "row 3"]:
    """1-sigma of positions with what all landmarks of a frame have in common [m].

    Args:
        variance: Of the fit itself [m^2].
        at_m: The positions, camera frame [m].
        size_rel: Error of the object's size; moves it along its ray in proportion to the distance.
        across_m: Error across the line of sight [m].
        focal_rel: Error of the focal length; moves it in depth alone.
    """
    out = variance + (at_m * size_rel) ** 2 + across_m**2
    out[:, 2] += (at_m[:, 2] * focal_rel) ** 2
    return np.sqrt(out)


def is_believed(
    joints_m: Float[np.ndarray, "row joint 3"],
    residual: Float[np.ndarray, " row"],
    *,
    between_m: tuple[float, float],
    max_residual: float,
) -> Bool[np.ndarray, " row"]:
    """Fits whose joints all lie within two distances, and which are close enough."""
    depth = joints_m[..., 2]
    near, far = depth.min(axis=1, initial=np.inf), depth.max(axis=1, initial=-np.inf)
    is_within = (near >= between_m[0]) & (far <= between_m[1])
    return np.asarray(is_within & (residual <= max_residual))


def safe_inverse(
    matrices: Float[np.ndarray, "row parameter parameter"],
) -> Float[np.ndarray, "row parameter parameter"]:
    """Inverses of symmetric matrices; NaN for those that are singular or not finite."""
    out = np.full_like(matrices, np.nan)
    scale = np.sqrt(np.einsum("rpp->rp", np.nan_to_num(matrices)))
    usable = np.isfinite(matrices).all(axis=(1, 2)) & (scale > 0).all(axis=1)
    # Scaled to a unit diagonal first: radians and meters differ by orders of magnitude.
    per_unit = scale[usable, :, None] * scale[usable, None, :]
    correlation = matrices[usable] / per_unit
    values, vectors = np.linalg.eigh(correlation)
    regular = values[:, 0] > 1e-12
    rows = np.flatnonzero(usable)[regular]
    inverse = (vectors[regular] / values[regular, None]) @ np.swapaxes(vectors[regular], 1, 2)
    out[rows] = inverse / per_unit[regular]
    return out


class _Rigid:
    """Residuals of a rigid object's points."""

    def __init__(
        self,
        points: Float[np.ndarray, "point 3"],
        rays: Float[np.ndarray, "time point 2"],
        noise: Float[np.ndarray, " time"],
    ) -> None:
        self.points, self._rays, self._noise = points, rays, noise

    def evaluate(self, state: State, rows: Int[np.ndarray, " row"]) -> Linearised:
        turned = self.points @ np.swapaxes(state["R"], 1, 2)
        seen, jacobian = project_with_jacobian(turned + state["t"][:, None])
        noise = self._noise[rows, None, None]
        residual = (seen - self._rays[rows]) / noise
        loss, weight = huber((residual**2).sum(axis=2), HUBER_SIGMAS)
        jacobian = jacobian / noise[..., None]
        # d(R p + t) = -[R p]x dw + dt for a turn dw about the camera's axes.
        full = np.concatenate([-jacobian @ se3.hat(turned), jacobian], axis=3)
        return normal_equations(
            full.reshape(len(rows), 2 * len(self.points), 6),
            residual.reshape(len(rows), 2 * len(self.points)),
            np.repeat(weight, 2, axis=1),
            loss.sum(axis=1),
        )


def check_distances(nearest_m: float, farthest_m: float) -> None:
    """Refuses settings that believe no distance.

    Raises:
        ValueError: The nearest is not nearer than the farthest.
    """
    if nearest_m >= farthest_m:
        raise ValueError(
            f"min_distance_m={nearest_m:g} must be less than max_distance_m={farthest_m:g}"
        )
