"""Stage `points`: points of the picture followed through the video, hidden or not."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from jaxtyping import Float
from pydantic import Field

from rotoscope.models.camera.points_stage import gray_of
from rotoscope.models.points.corners import new_corners
from rotoscope.models.points.result import point_tracks, small_size
from rotoscope.models.points.tracker import PointTracker
from rotoscope.pipeline.stage import FrameStage, StageConfig, Tracks
from rotoscope.pipeline.types import Frame, Video

SEARCH_EVERY_FRAMES = 8
"""Frames between searches for new corners; a search takes half as long as following."""
MIN_SEEN = 0.6
"""A search comes at once where fewer than this share of the slots is seen and a slot is free."""


class PointsConfig(StageConfig):
    """How many points, in how large a picture."""

    num_points: int = Field(default=150, ge=8, le=1024)
    """Points that are followed at a time."""
    max_side_px: int = Field(default=640, ge=160, le=1920)
    """Pictures with a longer side are shrunk to it [px]: twice the pixels cost twice the time."""


class Points(FrameStage):
    """Follows corners of the picture; provides `points` and `quality.points`.

    Lucas and Kanade's flow forward and back. A point that is not found is hidden: those that moved
    with it carry it, and it is looked for where they put it by what it last looked like; once found
    it is followed back to where it came out. Points that are hidden for three seconds, leave the
    picture or end with it at a cut give their slots to new ones.
    """

    kind: ClassVar[str] = "points"
    version: ClassVar[str] = "1"
    provides: ClassVar[tuple[str, ...]] = ("points", "quality.points")
    packages: ClassVar[tuple[str, ...]] = ("opencv-contrib-python",)
    preload: ClassVar[tuple[str, ...]] = ("cv2",)
    Config: ClassVar[type[StageConfig]] = PointsConfig
    config: PointsConfig

    def setup(self) -> None:
        """Loads OpenCV; one thread, so that videos side by side do not fight."""
        import cv2

        cv2.setNumThreads(1)

    def begin(self, video: Video) -> None:
        """Starts a new video."""
        self._size, self._to_frame = small_size(video, self.config.max_side_px)
        self._tracker = PointTracker(self.config.num_points)
        self._since_search = SEARCH_EVERY_FRAMES

    def observe(self, frame: Frame) -> None:
        """Follows the points into the next frame; keeps three kilobytes of it."""
        gray = gray_of(frame, self._size)
        self._tracker.observe(gray)
        self._since_search += 1
        is_short = self._tracker.num_seen < MIN_SEEN * self.config.num_points
        if self._since_search >= SEARCH_EVERY_FRAMES or (is_short and self._since_search > 1):
            taken = self._tracker.alive
            if len(taken) < self.config.num_points:
                self._tracker.add(new_corners(gray, taken, self.config.num_points - len(taken)))
            self._since_search = 0

    def finish(self, time_s: Float[np.ndarray, " time"]) -> Tracks:
        """The tracks `points` and `quality.points`.

        Raises:
            TrackError: `time_s` does not hold one time per observed frame.
        """
        rows = self._tracker.rows
        return point_tracks(
            self.kind,
            time_s,
            points=np.array([row.points for row in rows]),
            ids=np.array([row.ids for row in rows]),
            seen=np.array([row.seen for row in rows]),
            sigma=np.array([row.sigma for row in rows]),
            to_frame=self._to_frame,
        )
