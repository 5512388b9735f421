"""Bundle adjustment over a few key frames: their poses and the points that they share, together.

Poses and points that were found one after the other hand their errors on; on rendered paths this
takes them to a third. Camera blocks are solved for after the points are eliminated (the Schur
complement: Triggs et al. 2000, section 6.1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from rotoscope.pipeline.geometry import se3

_NUM_STEPS = 8
_DAMPING = 1e-4
"""Added to each diagonal entry as a share of it: holds the frame and scale that nothing tells."""
_TUKEY = 4.685


@dataclass(frozen=True, eq=False)
class Sightings:
    """Which point is seen where by which camera."""

    camera: Int[np.ndarray, " sighting"]
    """Row of the camera."""
    point: Int[np.ndarray, " sighting"]
    """Row of the point."""
    rays: Float[np.ndarray, "sighting 2"]
    """(x / z, y / z) that it is seen along."""


def adjust(
    T_camera_world: Float[np.ndarray, "camera 4 4"],
    points: Float[np.ndarray, "point 3"],
    sightings: Sightings,
    *,
    noise: float,
) -> tuple[Float[np.ndarray, "camera 4 4"], Float[np.ndarray, "point 3"]]:
    """Poses and points that fit the sightings best; `noise` is the least 1-sigma of a ray."""
    T, points = T_camera_world.copy(), points.copy()
    for _ in range(_NUM_STEPS):
        J_camera, J_point, difference = _linearized(T, points, sightings)
        size = np.linalg.norm(difference, axis=1)
        scale = max(noise, float(np.median(size)) / 1.18)
        weight = np.clip(1.0 - (size / (_TUKEY * scale)) ** 2, 0.0, None) ** 2
        by_camera, by_point = _solve(
            J_camera, J_point, difference, weight, sightings, len(T), len(points)
        )
        T = se3.make(se3.exp_so3(by_camera[:, :3]) @ T[:, :3, :3], T[:, :3, 3] + by_camera[:, 3:])
        points = points + by_point
    return T, points


def _linearized(
    T: Float[np.ndarray, "camera 4 4"],
    points: Float[np.ndarray, "point 3"],
    sightings: Sightings,
) -> tuple[
    Float[np.ndarray, "sighting 2 6"],
    Float[np.ndarray, "sighting 2 3"],
    Float[np.ndarray, "sighting 2"],
]:
    R, t = T[sightings.camera, :3, :3], T[sightings.camera, :3, 3]
    moved = np.einsum("nij,nj->ni", R, points[sightings.point])
    seen = moved + t
    depth = np.maximum(seen[:, 2], 1e-6)
    by_seen = np.zeros((len(seen), 2, 3))
    by_seen[:, 0, 0] = by_seen[:, 1, 1] = 1.0 / depth
    by_seen[:, :, 2] = -seen[:, :2] / depth[:, None] ** 2
    J_camera = np.concatenate([-by_seen @ se3.hat(moved), by_seen], axis=2)
    return J_camera, by_seen @ R, sightings.rays - seen[:, :2] / depth[:, None]


def _solve(
    J_camera: Float[np.ndarray, "sighting 2 6"],
    J_point: Float[np.ndarray, "sighting 2 3"],
    difference: Float[np.ndarray, "sighting 2"],
    weight: Float[np.ndarray, " sighting"],
    sightings: Sightings,
    num_cameras: int,
    num_points: int,
) -> tuple[Float[np.ndarray, "camera 6"], Float[np.ndarray, "point 3"]]:
    """One Gauss-Newton step, the points eliminated."""
    camera, point = sightings.camera, sightings.point
    A, b_camera = np.zeros((num_cameras, 6, 6)), np.zeros((num_cameras, 6))
    C, b_point = np.zeros((num_points, 3, 3)), np.zeros((num_points, 3))
    weighted_camera = J_camera * weight[:, None, None]
    weighted_point = J_point * weight[:, None, None]
    np.add.at(A, camera, np.swapaxes(weighted_camera, 1, 2) @ J_camera)
    np.add.at(C, point, np.swapaxes(weighted_point, 1, 2) @ J_point)
    np.add.at(b_camera, camera, np.einsum("nia,ni->na", weighted_camera, difference))
    np.add.at(b_point, point, np.einsum("nia,ni->na", weighted_point, difference))
    for block in (A, C):
        diagonal = np.einsum("kii->ki", block)
        diagonal *= 1.0 + _DAMPING
        diagonal += 1e-9
    C_inverse = np.linalg.inv(C)
    B = np.zeros((num_cameras, 6, num_points, 3))
    B[camera, :, point] = np.swapaxes(weighted_camera, 1, 2) @ J_point
    BC = np.einsum("kapi,pij->kapj", B, C_inverse)
    flat = BC.reshape(6 * num_cameras, -1)
    S = -flat @ B.reshape(6 * num_cameras, -1).T
    for k in range(num_cameras):
        S[6 * k : 6 * k + 6, 6 * k : 6 * k + 6] += A[k]
    right = b_camera.reshape(-1) - flat @ b_point.reshape(-1)
    by_camera = np.linalg.solve(S, right).reshape(num_cameras, 6)
    back = b_point - np.einsum("kapi,ka->pi", B, by_camera)
    return by_camera, np.einsum("pij,pj->pi", C_inverse, back)
