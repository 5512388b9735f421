"""Stage `scene_points`: points of the whole picture, followed from frame to frame."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from jaxtyping import Float, UInt8
from pydantic import Field

from rotoscope.models.camera.point_follower import PointFollower
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.stage import FrameStage, StageConfig, Tracks
from rotoscope.pipeline.tracks import PointTracks
from rotoscope.pipeline.types import Frame, Video
from rotoscope.pipeline.video.frame_rows import FrameRows


class ScenePointsConfig(StageConfig):
    """How large a picture to look at."""

    max_side_px: int = Field(default=640, ge=160, le=1920)
    """Pictures with a longer side are shrunk to it [px]: twice the pixels cost twice the time."""


class ScenePoints(FrameStage):
    """Follows some 160 corners of the picture; provides `scene_points`.

    It does not know what they lie on: hands, people or background. Whoever reads the track does.
    """

    kind: ClassVar[str] = "scene_points"
    version: ClassVar[str] = "1"
    provides: ClassVar[tuple[str, ...]] = ("scene_points",)
    packages: ClassVar[tuple[str, ...]] = ("opencv-contrib-python",)
    preload: ClassVar[tuple[str, ...]] = ("cv2",)
    Config: ClassVar[type[StageConfig]] = ScenePointsConfig
    config: ScenePointsConfig

    def setup(self) -> None:
        """Loads OpenCV; one thread, so that videos side by side do not fight."""
        import cv2

        cv2.setNumThreads(1)

    def begin(self, video: Video) -> None:
        """Starts a new video."""
        scale = min(1.0, self.config.max_side_px / max(video.width, video.height))
        # Even, because the reader's planes of color have half the size.
        self._size = (
            max(2, 2 * round(video.width * scale / 2)),
            max(2, 2 * round(video.height * scale / 2)),
        )
        self._to_frame = np.array([video.width, video.height]) / self._size
        self._follower = PointFollower()
        self._points, self._ids = FrameRows(), FrameRows()

    def observe(self, frame: Frame) -> None:
        """Follows the points into the next frame; keeps two kilobytes of it."""
        self._follower.observe(gray_of(frame, self._size))
        self._points.append((self._follower.points * self._to_frame).astype(np.float32))
        self._ids.append(self._follower.ids)

    def finish(self, time_s: Float[np.ndarray, " time"]) -> Tracks:
        """The track `scene_points`.

        Raises:
            TrackError: `time_s` does not hold one time per observed frame.
        """
        if len(self._ids) != len(time_s):
            raise TrackError(
                f"scene_points: {len(self._ids)} frames were observed but {len(time_s)} times "
                "given; pass the time of each observed frame"
            )
        pixel_px = float(self._to_frame.mean())
        points, ids = self._points.joined(), self._ids.joined()
        return {"scene_points": PointTracks(points, ids, pixel_px)}


def gray_of(frame: Frame, size: tuple[int, int]) -> UInt8[np.ndarray, "height width"]:
    """The upright frame's luma in a given size (width, height)."""
    if frame.to_scaled is not None:
        return np.ascontiguousarray(frame.to_scaled(*size)[0])
    import cv2

    gray = cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA))
