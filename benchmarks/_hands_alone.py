"""Decode and run the hand stage on the given files: the baseline of `label_cost`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from pipeline.recipe import load_recipe
from pipeline.stage import FrameStage
from pipeline.video.probe import probe
from pipeline.video.read import read_frames


def main() -> None:
    """Runs the stage as the recipe `hand-gripper` configures it."""
    entry = next(s for s in load_recipe("hand-gripper").stages if s.name == "hands")
    for name in sys.argv[1:]:
        stage = entry.build()
        assert isinstance(stage, FrameStage)
        stage.setup()
        video = probe(Path(name))
        stage.begin(video)
        times = []
        for frame in read_frames(video):
            stage.observe(frame)
            times.append(frame.time_s)
        stage.finish(np.array(times))
        stage.close()


if __name__ == "__main__":
    main()
