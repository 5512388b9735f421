"""Corners of a thing's own texture, followed from picture to picture and known in its frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from rotoscope.models.object_pose.seen import Lens
from rotoscope.models.perception.pnp import rotation_between
from rotoscope.models.points.corners import new_corners
from rotoscope.models.points.flow import follow_both_ways
from rotoscope.pipeline.geometry import pinhole, se3

MOST, ENOUGH = 60, 30
"""Corners that are followed, and how few call for new ones."""
FEWEST = 6
"""Corners that must agree for a pose."""
BACK_PX = 1.0
"""A corner that does not come back so near to its start is lost [px]."""
AGREE_REL = 0.008
"""How far from where a pose puts it a corner may be seen, as a share of the distance: 5.6 mm at
0.7 m."""
SIGMA_M = 0.002
"""1-sigma of a corner's place [m]: noise of depth, and of the pose that it was found in."""
SHARED_CORNERS = 4.0
"""Corners whose errors are one error: those of one picture lean on the same pose."""
INSIDE_REL = 0.02
"""Side of the window about a corner that must be the thing's, as a share of the picture's width."""
_TRIES = 40


@dataclass(frozen=True, eq=False)
class Followed:
    """What the corners say of a frame's pose."""

    T_model_camera: Float[np.ndarray, "4 4"]
    information: Float[np.ndarray, "6 6"]
    """Of (turn, shift) about the model's origin, as `Registered.information`."""


class Landmarks:
    """Corners of one thing while they are seen."""

    def __init__(self) -> None:
        self._model_m: np.ndarray = np.zeros((0, 3))
        self._px: np.ndarray = np.zeros((0, 2))
        self._covariance = np.zeros((6, 6))
        self._before: UInt8[np.ndarray, "height width"] | None = None

    def forget(self) -> None:
        """Starts anew, where the pose was lost."""
        self.__init__()  # type: ignore[misc]

    def follow(
        self,
        gray: UInt8[np.ndarray, "height width"],
        depth_m: Float[np.ndarray, "height width"],
        which: Bool[np.ndarray, "height width"],
        lens: Lens,
    ) -> Followed | None:
        """The pose that the corners tell; `None` where too few of them agree."""
        if self._before is None or len(self._px) < FEWEST:
            return None
        which = _well_inside(which)
        px, back_px = follow_both_ways(self._before, gray, self._px - 0.5)
        px = px.astype(float) + 0.5
        points, known = _lifted(px, depth_m, which, lens)
        known &= back_px < BACK_PX
        self._px, self._model_m, points = px[known], self._model_m[known], points[known]
        found = _pose(points, self._model_m)
        if found is None:
            self._px, self._model_m = self._px[:0], self._model_m[:0]
            return None
        T, agree = found
        self._px, self._model_m = self._px[agree], self._model_m[agree]
        # No surer than the pose that placed them, nor than they agree.
        off_m = se3.apply(T, points[agree]) - self._model_m
        worse = max(1.0, float(np.mean(off_m**2)) / SIGMA_M**2)
        own = worse * np.linalg.inv(_information(self._model_m))
        return Followed(T, np.linalg.inv(own + self._covariance))

    def renew(
        self,
        gray: UInt8[np.ndarray, "height width"],
        depth_m: Float[np.ndarray, "height width"],
        which: Bool[np.ndarray, "height width"],
        lens: Lens,
        T_model_camera: Float[np.ndarray, "4 4"],
        covariance: Float[np.ndarray, "6 6"],
    ) -> None:
        """Remembers the picture, and adds corners where few are left, placed by the pose."""
        self._before = gray
        if len(self._px) >= ENOUGH:
            return
        which = _well_inside(which)
        scale = np.array([gray.shape[1] / which.shape[1], gray.shape[0] / which.shape[0]])
        rows, columns = np.nonzero(which)
        if not len(rows):
            return
        low = np.maximum(np.floor(np.array([columns.min(), rows.min()]) * scale) - 12, 0).astype(
            int
        )
        high = np.ceil(np.array([columns.max() + 1, rows.max() + 1]) * scale).astype(int) + 12
        part = np.ascontiguousarray(gray[low[1] : high[1], low[0] : high[0]])
        fresh = new_corners(part, self._px - low - 0.5, MOST - len(self._px)) + low + 0.5
        if not len(fresh):
            return
        points, known = _lifted(fresh, depth_m, which, lens)
        if known.any() and (not len(self._px) or np.trace(covariance) > np.trace(self._covariance)):
            self._covariance = covariance
        self._px = np.concatenate([self._px, fresh[known]])
        self._model_m = np.concatenate([self._model_m, se3.apply(T_model_camera, points[known])])


def _well_inside(which: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """Pixels about which a window of optical flow holds the thing alone.

    At its outline, and beside fingers, corners are of two things and turn with neither.
    """
    import cv2

    filled = cv2.morphologyEx(which.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    side = 2 * (round(INSIDE_REL * which.shape[1]) // 2) + 1
    return np.asarray(which & (cv2.erode(filled, np.ones((side, side), np.uint8)) > 0))


def _lifted(
    px: Float[np.ndarray, "point 2"],
    depth_m: Float[np.ndarray, "height width"],
    which: Bool[np.ndarray, "height width"],
    lens: Lens,
) -> tuple[Float[np.ndarray, "point 3"], Bool[np.ndarray, " point"]]:
    """Points of corners in the camera frame, and which of them are on the thing."""
    camera, (height, width) = lens.camera, depth_m.shape
    at = np.floor(px * [width / camera.width, height / camera.height])
    inside = (at >= 1).all(axis=1) & (at < [width - 1, height - 1]).all(axis=1)
    at = np.where(inside[:, None], at, 1).astype(int)
    near = [(at[:, 1] + dy, at[:, 0] + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    window = np.stack([np.where(which[place], depth_m[place], np.nan) for place in near])
    on = inside & np.isfinite(window).any(axis=0)
    z = np.full(len(px), np.nan)
    z[on] = np.nanmedian(window[:, on], axis=0)
    rays = pinhole.rays(px, camera.K, camera.distortion, camera.fisheye)
    return np.concatenate([rays, np.ones((len(px), 1))], axis=1) * z[:, None], on


def _pose(
    camera_m: Float[np.ndarray, "point 3"], model_m: Float[np.ndarray, "point 3"]
) -> tuple[Float[np.ndarray, "4 4"], Bool[np.ndarray, " point"]] | None:
    """The rigid motion that most corners agree with (RANSAC), and which those are."""
    num = len(camera_m)
    if num < FEWEST:
        return None
    reach = AGREE_REL * float(np.median(camera_m[:, 2]))
    rng = np.random.default_rng(num)
    best = np.zeros(num, bool)
    for _ in range(_TRIES):
        T = _rigid(camera_m, model_m, rng.choice(num, 3, replace=False))
        agree = np.linalg.norm(se3.apply(T, camera_m) - model_m, axis=1) < reach
        if agree.sum() > best.sum():
            best = agree
        if best.sum() > 0.8 * num:
            break
    if best.sum() < max(FEWEST, 0.4 * num):
        return None
    T = _rigid(camera_m, model_m, np.flatnonzero(best))
    return T, np.linalg.norm(se3.apply(T, camera_m) - model_m, axis=1) < reach


def _rigid(a: np.ndarray, b: np.ndarray, which: np.ndarray) -> Float[np.ndarray, "4 4"]:
    """Least squares motion that takes the chosen points of a to those of b (Kabsch 1976)."""
    ca, cb = a[which].mean(axis=0), b[which].mean(axis=0)
    R = rotation_between(a[which] - ca, (b[which] - cb)[None])[0]
    return se3.make(R, cb - R @ ca)


def _information(model_m: Float[np.ndarray, "point 3"]) -> Float[np.ndarray, "6 6"]:
    H = np.zeros((6, 6))
    for p in model_m:
        J = np.concatenate([-se3.hat(p), np.eye(3)], axis=1)
        H += J.T @ J
    return H / (SIGMA_M**2 * SHARED_CORNERS)
