"""The plane on which things stand, from depth (RANSAC)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.object_pose.open3d_import import open3d
from rotoscope.models.object_pose.seen import Lens

LEAST_SHARE = 0.2
"""Share of what is measured that a plane must hold to be called one."""
REACH_REL = 0.01
"""Distance from the plane within which points are of it, as a share of their distance."""
_MOST_POINTS = 6000


@dataclass(frozen=True, eq=False)
class Table:
    """The largest plane, in the frame of one picture's camera."""

    normal: Float[np.ndarray, " 3"]
    """Towards the camera."""
    distance_m: float
    """Of the camera from it."""
    share: float
    """Of what is measured."""
    rms_m: float

    def height_m(self, points_m: Float[np.ndarray, "point 3"]) -> Float[np.ndarray, " point"]:
        """How far above it points are."""
        return np.asarray(points_m @ self.normal + self.distance_m)


def table(
    lens: Lens, depth_m: Float[np.ndarray, "height width"], things: Bool[np.ndarray, "height width"]
) -> Table | None:
    """The largest plane that is seen beside things and hands; `None` where there is none."""
    which = np.isfinite(depth_m) & ~things
    points = lens.points(depth_m, which)
    points = points[:: max(1, len(points) // _MOST_POINTS)]
    if len(points) < 500:
        return None
    o3d = open3d()
    o3d.utility.random.seed(0)
    reach_m = REACH_REL * float(np.median(points[:, 2]))
    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(points))
    _, inside = cloud.segment_plane(reach_m, 3, 300)
    on = points[np.asarray(inside)]
    if len(on) < LEAST_SHARE * len(points):
        return None
    # Least squares over what RANSAC found; the three points it drew are as noisy as any.
    middle = on.mean(axis=0)
    normal = np.linalg.svd(on - middle, full_matrices=False)[2][2]
    normal = normal if normal @ middle < 0 else -normal
    away = (on - middle) @ normal
    return Table(normal, float(-normal @ middle), len(on) / len(points), float(away.std()))
