"""Stages that make a whole run take a second: a robot of one joint that follows brightness."""

from __future__ import annotations

import numpy as np

from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.stage import ClipStage, FrameStage, Tracks
from rotoscope.pipeline.tracks import ActionTrack, ClockTrack
from rotoscope.pipeline.types import Clip, Frame, Video


class Bright(FrameStage):
    """Mean brightness of every frame, carried as a clock because that is the smallest track."""

    kind = "bright"
    version = "1"
    provides = ("bright",)

    def begin(self, video: Video) -> None:
        """Starts with nothing seen."""
        self.means: list[float] = []

    def observe(self, frame: Frame) -> None:
        """Takes the mean of a small gray picture."""
        self.means.append(float(frame.gray(16).mean()))

    def finish(self, time_s: np.ndarray) -> Tracks:
        """One number a frame."""
        return {"bright": ClockTrack(time_s=np.array(self.means))}


class Lamp(ClipStage):
    """The brightness as an angle."""

    kind = "lamp"
    version = "1"
    requires = ("bright",)
    provides = ("actions",)

    def run(self, clip: Clip, tracks: Tracks) -> Tracks:
        """An action for every frame."""
        bright = tracks["bright"]
        assert isinstance(bright, ClockTrack)
        contract = ActionContract(
            robot="lamp",
            dimensions=(Dimension(name="lamp.pos", quantity="joint", unit="rad"),),
            rate_hz=30,
            shift_s=0,
        )
        known = np.ones(clip.num_frames, bool)
        track = ActionTrack(
            labeler=self.kind,
            subject="scene",
            contract=contract,
            values=bright.time_s[:, None] * 0.01,
            valid=known,
            confidence=known.astype(float),
            reason=np.zeros(clip.num_frames, np.uint8),
        )
        return {"actions.lamp.scene": track}
