"""A thing's points and normals in its own frame, as Open3D and SciPy want them."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.models.object_pose.open3d_import import open3d
from rotoscope.pipeline.geometry import se3


def turn_between(T: Float[np.ndarray, "4 4"], other: Float[np.ndarray, "4 4"]) -> float:
    """Angle of the rotation from one pose to another [rad]."""
    return float(se3.angle_between(T[None, :3, :3], other[None, :3, :3])[0])


class Model:
    """What is known of a thing's surface, made ready for finding the nearest point."""

    def __init__(
        self,
        points_m: Float[np.ndarray, "point 3"],
        normals: Float[np.ndarray, "point 3"],
        voxel_m: float,
    ) -> None:
        from scipy.spatial import KDTree

        self.points_m, self.normals, self.voxel_m = points_m, normals, voxel_m
        self.tree = KDTree(points_m)

    def without(self, which: np.ndarray) -> Model:
        """The model less some of its points."""
        return Model(self.points_m[~which], self.normals[~which], self.voxel_m)


def cloud_of(points_m: Float[np.ndarray, "point 3"], normals: Float[np.ndarray, "point 3"]) -> Any:
    """An Open3D point cloud."""
    o3d = open3d()
    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(points_m))
    cloud.normals = o3d.utility.Vector3dVector(normals)
    return cloud


def thinned(
    points_m: Float[np.ndarray, "point 3"], normals: Float[np.ndarray, "point 3"], voxel_m: float
) -> Model:
    """A model of one point in each cell of a grid, the mean of those in it."""
    cloud = cloud_of(points_m, normals).voxel_down_sample(voxel_m)
    n = np.asarray(cloud.normals).copy()
    length = np.linalg.norm(n, axis=1, keepdims=True)
    return Model(np.asarray(cloud.points).copy(), n / np.maximum(length, 1e-9), voxel_m)
