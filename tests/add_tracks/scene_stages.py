"""Small stages that look at pictures; one of them dies of some."""

import os

import numpy as np

from rotoscope.pipeline.stage import FrameStage
from rotoscope.pipeline.tracks import FeatureTrack


class Redness(FrameStage):
    """How red each picture is; crashes as native code does in episodes of more than 30 frames."""

    kind = "redness"
    version = "1"
    provides = ("features",)
    max_frames = 30

    def begin(self, video):
        self.values = []

    def observe(self, frame):
        if len(self.values) == self.max_frames:
            os.abort()
        self.values.append(frame.rgb[..., 0].mean())

    def finish(self, time_s):
        values = np.array(self.values)[:, None]
        facts = (("mean",), "1", "How red the picture is.")
        return {
            "features.red": FeatureTrack("track.red", "scene", values, *facts),
            "features.is_red": FeatureTrack("track.is_red", "scene", values > 0, *facts),
            "features.own": FeatureTrack("label.own", "scene", values, *facts),
        }


class Crashing(Redness):
    """Always."""

    kind = "crashing"
    max_frames = 3
