"""Stage `anonymise`: where faces are, so that published frames hide them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from jaxtyping import Float
from pydantic import Field

from rotoscope.models.faces.detector import FaceDetector
from rotoscope.models.faces.through_time import filled
from rotoscope.pipeline.assets import asset_path
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.stage import FrameStage, StageConfig, Tracks
from rotoscope.pipeline.tracks import FaceTrack
from rotoscope.pipeline.types import Frame, Video

WEIGHTS = "centerface.onnx"


class AnonymiseConfig(StageConfig):
    """How hard faces are looked for, and how much around them is hidden."""

    max_side_px: int = Field(default=480, ge=160, le=1920)
    """Pictures with a longer side are shrunk to it for the search [px]: a face must keep some 10 px
    to be found. Twice as much takes four times as long."""
    every_s: float = Field(default=0.15, ge=0, le=2)
    """Time from one search to the next [s]; in between, all that lies between two places of a face
    is hidden. At 0 every frame is searched, which costs as much as the hands."""
    hold_s: float = Field(default=0.7, ge=0, le=10)
    """How long a face is hidden before it is first seen and after it was last seen [s]."""
    margin: float = Field(default=0.3, ge=0, le=2)
    """How much further than the face's box is hidden, on each side [its size]."""


class Anonymise(FrameStage):
    """Finds faces; provides `faces`, whose boxes the published frames do not show.

    It is a help, not a promise: faces turned away, covered, very small or dark are missed. What the
    other stages see stays as it is.
    """

    kind: ClassVar[str] = "anonymise"
    version: ClassVar[str] = "1"
    provides: ClassVar[tuple[str, ...]] = ("faces",)
    assets: ClassVar[tuple[str, ...]] = (WEIGHTS,)
    packages: ClassVar[tuple[str, ...]] = ("opencv-contrib-python",)
    preload: ClassVar[tuple[str, ...]] = ("cv2",)
    Config: ClassVar[type[StageConfig]] = AnonymiseConfig
    config: AnonymiseConfig

    def setup(self) -> None:
        """Loads the network; one thread, so that videos side by side do not fight."""
        import cv2

        cv2.setNumThreads(1)
        self._detect = FaceDetector(asset_path(WEIGHTS), max_side_px=self.config.max_side_px)

    def begin(self, video: Video) -> None:
        """Starts a new video."""
        self._num_frames, self._look_s = 0, -np.inf
        self._looks: list[tuple[int, np.ndarray]] = []

    def observe(self, frame: Frame) -> None:
        """Looks for faces where the last search is `every_s` ago."""
        if frame.time_s >= self._look_s:
            self._look_s = frame.time_s + self.config.every_s
            boxes = self._detect(frame.rgb)
            margin = self.config.margin * (boxes[:, 2:] - boxes[:, :2])
            grown = np.concatenate([boxes[:, :2] - margin, boxes[:, 2:] + margin], axis=1)
            self._looks.append((self._num_frames, grown))
        self._num_frames += 1

    def finish(self, time_s: Float[np.ndarray, " time"]) -> Tracks:
        """The track `faces`.

        Raises:
            TrackError: `time_s` does not hold one time per observed frame.
        """
        if self._num_frames != len(time_s):
            raise TrackError(
                f"anonymise: {self._num_frames} frames were observed but {len(time_s)} times "
                "given; pass the time of each observed frame"
            )
        step_s = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 1.0
        # At the least up to the next search.
        hold_s = max(self.config.hold_s, self.config.every_s)
        hold = int(np.ceil(hold_s / max(step_s, 1e-3)))
        return {"faces": FaceTrack(filled(self._looks, len(time_s), hold_frames=hold))}
