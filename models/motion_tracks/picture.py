"""Where points of a hand are seen, also by the camera of another moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from rotoscope.pipeline.geometry import pinhole, se3
from rotoscope.pipeline.tracks import Camera, CameraMotion


@dataclass(frozen=True, eq=False)
class InPicture:
    """Points of one hand or gripper over a clip, and the camera that saw them."""

    camera: Camera
    points_px: Float[np.ndarray, "time point 2"]
    """Where they are seen; gaps interpolated, NaN before the first and after the last."""
    is_seen: Bool[np.ndarray, " time"]
    """The hand was observed, and what the camera did is known."""
    is_camera_lost: Bool[np.ndarray, " time"]
    """What the camera did is not known."""
    points_m: Float[np.ndarray, "time point 3"] | None
    """The points in the frame of the clip's reference camera [m, or of any scale where the camera
    only turns]; `None` where it stands still."""
    T_reference_camera: Float[np.ndarray, "time 4 4"] | None
    """The camera's pose in that frame."""

    @classmethod
    def of(
        cls,
        camera: Camera,
        motion: CameraMotion | None,
        points_px: Float[np.ndarray, "time point 2"],
        depth_m: Float[np.ndarray, " time"],
        is_seen: Bool[np.ndarray, " time"],
    ) -> InPicture:
        """Points that the camera saw.

        Args:
            camera: Intrinsics, distortion and size of the picture.
            motion: What the camera did; `None` for a camera that stands still.
            points_px: Where the points are seen.
            depth_m: How far away they are along the axis of the camera of each frame; of no matter
                where the camera stays at one place.
            is_seen: Frames in which they were observed.
        """
        lost = np.zeros(len(is_seen), bool) if motion is None else ~motion.is_placed
        is_seen = is_seen & np.isfinite(points_px).all(axis=(1, 2)) & ~lost
        points_m = T = None
        if motion is not None and motion.kind in ("turning", "moving"):
            T = motion.T_reference_camera
            depth_m = depth_m if motion.kind == "moving" else np.ones(len(is_seen))
            points_m = _in_reference(points_px, depth_m, camera, T)
            is_seen = is_seen & np.isfinite(points_m).all(axis=(1, 2))
        return cls(camera, _interpolated(points_px, is_seen), is_seen, lost, points_m, T)

    def now(self) -> Float[np.ndarray, "time point 2"]:
        """Where the points are seen, as shares of the picture's width and height."""
        return self._shares(self.points_px)

    def seen_from_rows(
        self,
        left: Int[np.ndarray, "time step"],
        right: Int[np.ndarray, "time step"],
        weight: Float[np.ndarray, "time step"],
    ) -> Float[np.ndarray, "time step point 2"]:
        """Where the camera of each row would see the points of later moments, as shares.

        Args:
            left: Frame before each moment.
            right: Frame after it.
            weight: Weight of the latter, 0..1.
        """
        w = weight[..., None, None]
        if self.points_m is None or self.T_reference_camera is None:
            px = self.points_px[left] * (1 - w) + self.points_px[right] * w
            return self._shares(px)
        reference_m = self.points_m[left] * (1 - w) + self.points_m[right] * w
        rows = reference_m.reshape(len(reference_m), -1, 3)
        seen_m = se3.apply(se3.inverse(self.T_reference_camera), rows).reshape(reference_m.shape)
        camera = self.camera
        return self._shares(pinhole.project(seen_m, camera.K, camera.distortion, camera.fisheye))

    def _shares(self, px: Float[np.ndarray, "*batch 2"]) -> Float[np.ndarray, "*batch 2"]:
        shares: np.ndarray = px / np.array([self.camera.width, self.camera.height])
        return shares


def _in_reference(
    points_px: Float[np.ndarray, "time point 2"],
    depth_m: Float[np.ndarray, " time"],
    camera: Camera,
    T_reference_camera: Float[np.ndarray, "time 4 4"],
) -> Float[np.ndarray, "time point 3"]:
    """The points where their rays reach the depth, in the reference camera's frame."""
    rays = pinhole.rays(points_px, camera.K, camera.distortion, camera.fisheye)
    seen_m = np.concatenate([rays, np.ones((*rays.shape[:2], 1))], axis=2) * depth_m[:, None, None]
    reference_m: np.ndarray = se3.apply(T_reference_camera, seen_m)
    return reference_m


def _interpolated(
    values: Float[np.ndarray, "time point number"], is_seen: Bool[np.ndarray, " time"]
) -> Float[np.ndarray, "time point number"]:
    """Values between seen frames on straight lines by frame; NaN outside."""
    out = np.full(values.shape, np.nan)
    rows = np.flatnonzero(is_seen)
    if not len(rows):
        return out
    inside = np.arange(rows[0], rows[-1] + 1)
    flat, result = values.reshape(len(values), -1), out.reshape(len(values), -1)
    for column in range(flat.shape[1]):
        result[inside, column] = np.interp(inside, rows, flat[rows, column])
    return out
