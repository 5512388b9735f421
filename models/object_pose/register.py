"""Points of one frame brought onto a model by Open3D's ICP, and how well that is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.models.object_pose.open3d_import import open3d
from rotoscope.models.object_pose.seen import SeenThing
from rotoscope.pipeline.geometry import se3

COARSE_VOXELS, FINE_VOXELS = 5.0, 2.0
"""Distances within which points are matched, coarse and fine [voxels]."""
NORMAL_NOISE_RAD = 0.12
"""Error of estimated normals along each axis: without taking it out, a ball would seem to show how
it is turned."""
SHARED_POINTS = 8.0
"""Points whose errors are one error: a sensor's noise comes in blobs, and the model has its own."""
LEAST_NOISE_M = 0.0006
"""Least 1-sigma of a point that is assumed, however well it fits [m]."""


@dataclass(frozen=True, eq=False)
class Registered:
    """One frame on the model."""

    T_model_camera: Float[np.ndarray, "4 4"]
    information: Float[np.ndarray, "6 6"]
    """Of (turn, shift) about the model's origin, along the model's axes [1/rad^2, 1/m^2]."""
    share: float
    """Points that lie on the model."""
    rms_m: float
    """Of their distance to its surface."""


class Model:
    """Points and normals of a thing in its own frame, made ready for registration."""

    def __init__(
        self, points_m: Float[np.ndarray, "point 3"], normals: Float[np.ndarray, "point 3"], voxel_m: float
    ) -> None:
        from scipy.spatial import KDTree

        self.points_m, self.normals, self.voxel_m = points_m, normals, voxel_m
        self.cloud = cloud_of(points_m, normals)
        self.tree = KDTree(points_m)


def cloud_of(points_m: np.ndarray, normals: np.ndarray | None = None) -> Any:
    """An Open3D point cloud."""
    o3d = open3d()
    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(points_m))
    if normals is not None:
        cloud.normals = o3d.utility.Vector3dVector(normals)
    return cloud


def register(
    seen: SeenThing, model: Model, T_start: Float[np.ndarray, "4 4"], *, fine_only: bool = False
) -> Registered:
    """ICP from a start, coarse then fine, point to plane with Tukey's loss."""
    o3d = open3d()
    reg = o3d.pipelines.registration
    source, T = cloud_of(seen.points_m), T_start
    stages = ((COARSE_VOXELS, 15), (FINE_VOXELS, 12))
    for voxels, iterations in stages[1:] if fine_only else stages:
        reach = voxels * model.voxel_m
        loss = reg.TransformationEstimationPointToPlane(reg.TukeyLoss(k=reach))
        end = reg.ICPConvergenceCriteria(1e-5, 1e-5, iterations)
        T = reg.registration_icp(source, model.cloud, reach, T, loss, end).transformation
    return judge(seen, model, np.asarray(T))


def judge(seen: SeenThing, model: Model, T: Float[np.ndarray, "4 4"]) -> Registered:
    """How a frame lies on the model in a pose, and how well that pose is told by its surface."""
    p = se3.apply(T, seen.points_m)
    reach = FINE_VOXELS * model.voxel_m
    away, nearest = model.tree.query(p, distance_upper_bound=reach)
    facing = np.zeros(len(p), bool)
    found = np.isfinite(away)
    n = model.normals[nearest[found]]
    turned = seen.normals[found] @ T[:3, :3].T
    facing[found] = (turned * n).sum(axis=1) > 0.5
    used = found & facing
    if used.sum() < 10:
        return Registered(T, np.zeros((6, 6)), float(used.mean()), np.inf)
    n, q = model.normals[nearest[used]], p[used]
    off = ((q - model.points_m[nearest[used]]) * n).sum(axis=1)
    rms = float(np.sqrt(np.mean(off**2)))
    return Registered(T, _information(q, n, max(rms, LEAST_NOISE_M)), float(used.mean()), rms)


def _information(
    points: Float[np.ndarray, "point 3"], normals: Float[np.ndarray, "point 3"], noise_m: float
) -> Float[np.ndarray, "6 6"]:
    """Of point-to-plane residuals, less what noise of the normals feigns."""
    rows = np.concatenate([np.cross(points, normals), normals], axis=1)
    H = rows.T @ rows
    c = points.mean(axis=0)
    shift = np.eye(6)
    # About the points' own middle: d(turn about origin, shift) = (turn, shift at the middle).
    shift[:3, 3:] = -se3.hat(c)
    at_middle = shift @ H @ shift.T
    rest = points - c
    var = NORMAL_NOISE_RAD**2
    feigned = np.zeros((6, 6))
    feigned[:3, :3] = var * ((rest**2).sum() * np.eye(3) - rest.T @ rest)
    feigned[3:, 3:] = var * len(points) * np.eye(3)
    values, axes = np.linalg.eigh(_scaled(at_middle - feigned, rest))
    clean = _unscaled((axes * np.maximum(values, 0)) @ axes.T, rest)
    back = np.linalg.inv(shift)
    out: np.ndarray = back @ clean @ back.T / (noise_m**2 * SHARED_POINTS)
    return out


def _size(rest: np.ndarray) -> float:
    return max(float(np.sqrt((rest**2).sum(axis=1).mean())), 1e-3)


def _scaled(H: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Turns counted as the shift of a point at the mean distance, so that both have one unit."""
    s = np.array([1 / _size(rest)] * 3 + [1.0] * 3)
    return H * np.outer(s, s)


def _unscaled(H: np.ndarray, rest: np.ndarray) -> np.ndarray:
    s = np.array([_size(rest)] * 3 + [1.0] * 3)
    return H * np.outer(s, s)
