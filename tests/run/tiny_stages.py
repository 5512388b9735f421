"""Small stages that make the whole pipeline run in a test without any model."""

import os
import time

import numpy as np

from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.stage import ClipStage, FrameStage, StageConfig
from rotoscope.pipeline.tracks import ActionTrack, ClockTrack


class Brightness(FrameStage):
    """Mean brightness per frame; misbehaves on demand."""

    kind = "brightness"
    version = "1"
    provides = ("brightness",)

    class Config(StageConfig):
        misbehave: str = ""
        at_frame: int = 3

    def begin(self, video):
        self.means = []

    def observe(self, frame):
        if len(self.means) == self.config.at_frame:
            misbehave(self.config.misbehave)
        self.means.append(float(frame.gray(16).mean()))

    def finish(self, time_s):
        return {"brightness": ClockTrack(time_s=np.array(self.means))}


class BrightnessLabeler(ClipStage):
    """A one-joint robot whose angle is the brightness."""

    kind = "brightness-labeler"
    version = "1"
    requires = ("brightness",)
    provides = ("actions",)

    class Config(StageConfig):
        gain: float = 0.01
        nothing: bool = False

    def run(self, clip, tracks):
        if self.config.nothing:
            return {}
        values = tracks["brightness"].time_s[:, None] * self.config.gain
        contract = ActionContract(
            robot="lamp",
            dimensions=(Dimension(name="lamp.pos", quantity="joint", unit="rad"),),
            rate_hz=30,
            shift_s=0,
        )
        ok = np.ones(clip.num_frames, bool)
        return {
            "actions.lamp.scene": ActionTrack(
                labeler=self.kind,
                subject="scene",
                contract=contract,
                values=values,
                valid=ok,
                confidence=ok.astype(float),
                reason=np.zeros(clip.num_frames, np.uint8),
            )
        }


def misbehave(how):
    if how == "abort":
        os.abort()
    if how == "hang":
        time.sleep(3600)
    if how == "leak":
        hoard = []
        while True:
            hoard.append(np.ones(4_000_000))
            time.sleep(0.02)
    if how == "wait":
        time.sleep(1.5)
    if how == "raise":
        raise ZeroDivisionError("a defect in a stage")
    if how == "full":
        raise OSError(28, "No space left on device")
