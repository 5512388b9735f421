"""What a depth sensor sees of a thing in one frame: points, less those of its edges and hands."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, UInt8

from rotoscope.models.object_pose.open3d_import import open3d
from rotoscope.pipeline.geometry import pinhole
from rotoscope.pipeline.tracks import Camera

FLYING_REL = 0.02
"""A pixel whose neighbors differ by so much of the distance lies at an edge, where sensors put
points between before and behind: 1.4 cm at 0.7 m."""
FEWEST_POINTS = 60
"""Points of a thing that tell a pose at all."""
APART = 0.3
"""Share of the largest cluster of points from which another is a part of the thing too."""
_BONES = tuple((0, *range(k, k + 4)) for k in (1, 5, 9, 13, 17))
FINGER_M = 0.020
"""Width of a finger with the error of its landmarks."""
BEFORE_FINGER_M = 0.015
"""What is so much nearer than the finger's bones is not the finger but before it."""


@dataclass(frozen=True, eq=False)
class SeenThing:
    """Points of a thing in the frame of one picture's camera."""

    points_m: Float[np.ndarray, "point 3"]
    """One for each cell of the voxel grid."""
    normals: Float[np.ndarray, "point 3"]
    """Towards the camera."""
    num_pixels: int
    """Pixels of depth that it was made of."""


@dataclass(frozen=True, eq=False)
class Lens:
    """The rays of a depth picture's pixels."""

    camera: Camera
    rays: Float[np.ndarray, "height width 2"]

    @classmethod
    def of(cls, camera: Camera, shape: tuple[int, int]) -> Lens:
        """Rays for depth pictures of a height and width."""
        height, width = shape
        u = (np.arange(width) + 0.5) * camera.width / width
        v = (np.arange(height) + 0.5) * camera.height / height
        pixels = np.stack(np.meshgrid(u, v), axis=2)
        rays = pinhole.rays(pixels.reshape(-1, 2), camera.K, camera.distortion, camera.fisheye)
        return cls(camera, rays.reshape(height, width, 2))

    def points(
        self, depth_m: Float[np.ndarray, "height width"], which: Bool[np.ndarray, "height width"]
    ) -> Float[np.ndarray, "point 3"]:
        """Points of some pixels in the camera frame [m]."""
        z = depth_m[which][:, None]
        return np.concatenate([self.rays[which] * z, z], axis=1)

    def depth_at(
        self, depth_m: Float[np.ndarray, "height width"], points_m: Float[np.ndarray, "point 3"]
    ) -> tuple[Float[np.ndarray, " point"], Float[np.ndarray, "point 2"]]:
        """Depth measured where points are seen [m], NaN outside; and the depth picture's pixels."""
        camera, (height, width) = self.camera, depth_m.shape
        px = pinhole.project(points_m, camera.K, camera.distortion, camera.fisheye)
        px = px * [width / camera.width, height / camera.height]
        inside = np.isfinite(px).all(axis=1) & (px >= 0).all(axis=1) & (px < [width, height]).all(1)
        at = np.where(inside[:, None], px, 0).astype(int)
        return np.where(inside, depth_m[at[:, 1], at[:, 0]], np.nan), px


def usable(
    mask: Bool[np.ndarray, "small_height small_width"],
    depth_m: Float[np.ndarray, "height width"],
    hands: Bool[np.ndarray, "height width"] | None,
) -> Bool[np.ndarray, "height width"]:
    """Pixels of depth that are the thing's own: not its outline, not flying, not a hand's."""
    import cv2

    height, width = depth_m.shape
    out = np.zeros(depth_m.shape, bool)
    inner = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8))
    large = cv2.resize(inner, (width, height), interpolation=cv2.INTER_NEAREST) > 0
    rows, columns = np.flatnonzero(large.any(axis=1)), np.flatnonzero(large.any(axis=0))
    if not len(rows):
        return out
    part = np.s_[max(rows[0] - 1, 0) : rows[-1] + 2, max(columns[0] - 1, 0) : columns[-1] + 2]
    depth = depth_m[part]
    known = np.isfinite(depth)
    near = np.where(known, depth, 1e6).astype(np.float32)
    far = np.where(known, depth, -1e6).astype(np.float32)
    square = np.ones((3, 3), np.uint8)
    spread = cv2.dilate(far, square) - cv2.erode(near, square)
    out[part] = large[part] & known & (spread < FLYING_REL * np.where(known, depth, 1.0))
    return out if hands is None else out & ~hands


def surely_beside(
    mask: Bool[np.ndarray, "small_height small_width"],
    shape: tuple[int, int],
    hands: Bool[np.ndarray, "height width"] | None,
) -> Bool[np.ndarray, "height width"]:
    """Pixels of a depth picture that are not the thing, nor a hand: outlines are a bit off."""
    import cv2

    wide = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8))
    out = cv2.resize(wide, shape[::-1], interpolation=cv2.INTER_NEAREST) == 0
    return np.asarray(out if hands is None else out & ~hands)


def hand_pixels(
    joints_m: Float[np.ndarray, "21 3"],
    camera: Camera,
    depth_m: Float[np.ndarray, "height width"],
) -> Bool[np.ndarray, "height width"]:
    """Pixels of a hand's fingers and palm, those of what is seen before it left out."""
    import cv2

    height, width = depth_m.shape
    scale = np.array([width / camera.width, height / camera.height])
    px = pinhole.project(joints_m, camera.K, camera.distortion, camera.fisheye) * scale
    bone_m = np.full(depth_m.shape, np.inf, np.float32)
    if not np.isfinite(px).all():
        return np.zeros(depth_m.shape, bool)
    for finger in _BONES:
        for a, b in pairwise(finger):
            z = float(min(joints_m[a, 2], joints_m[b, 2]))
            wide = max(1, round(FINGER_M / z * camera.K[0, 0] * scale[0]))
            ends = [tuple(int(v) for v in np.clip(px[k], -1e4, 1e4)) for k in (a, b)]
            layer = np.zeros(depth_m.shape, np.uint8)
            cv2.line(layer, ends[0], ends[1], 1, wide)
            bone_m = np.where(layer > 0, np.minimum(bone_m, z), bone_m)
    return np.asarray(np.isfinite(bone_m) & ~(depth_m < bone_m - BEFORE_FINGER_M))


def see(
    lens: Lens,
    depth_m: Float[np.ndarray, "height width"],
    which: Bool[np.ndarray, "height width"],
    voxel_m: float,
) -> SeenThing | None:
    """The thing's points in one frame; `None` where there are too few."""
    num = int(which.sum())
    if num < FEWEST_POINTS:
        return None
    o3d = open3d()
    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(lens.points(depth_m, which)))
    cloud = cloud.voxel_down_sample(voxel_m)
    if len(cloud.points) < FEWEST_POINTS // 2:
        return None
    # What a segment holds beside the thing lies apart: the table behind its outline, a fingertip.
    labels = np.asarray(cloud.cluster_dbscan(3 * voxel_m, 6))
    counts = np.bincount(labels[labels >= 0], minlength=1)
    large = np.flatnonzero(counts >= APART * counts.max())
    cloud = cloud.select_by_index(np.flatnonzero(np.isin(labels, large)).tolist())
    if len(cloud.points) < FEWEST_POINTS // 2:
        return None
    cloud.estimate_normals(o3d.geometry.KDTreeSearchParamHybrid(4 * voxel_m, 30))
    cloud.orient_normals_towards_camera_location(np.zeros(3))
    return SeenThing(np.asarray(cloud.points).copy(), np.asarray(cloud.normals).copy(), num)


def gray_of(rgb: UInt8[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "height width"]:
    """Luma of a picture."""
    import cv2

    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))
