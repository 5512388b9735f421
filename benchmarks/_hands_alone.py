"""Decode and run the hand stage on the given files: the baseline of `label_cost`.

With `--plain` first: decode and run MediaPipe's plain loop instead (two hands, every frame).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from rotoscope.pipeline.recipe import load_recipe
from rotoscope.pipeline.stage import FrameStage
from rotoscope.pipeline.types import Video
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames


def main() -> None:
    """Runs over the files one after another, in this one process."""
    is_plain = sys.argv[1:2] == ["--plain"]
    for name in sys.argv[1 + is_plain :]:
        video = probe(Path(name))
        if is_plain:
            _run_plain(video)
        else:
            _run_stage(video)


def _run_stage(video: Video) -> None:
    """The stage as the recipe `hand-gripper` configures it."""
    entry = next(s for s in load_recipe("hand-gripper").stages if s.name == "hands")
    stage = entry.build()
    assert isinstance(stage, FrameStage)
    stage.setup()
    stage.begin(video)
    times = []
    for frame in read_frames(video):
        stage.observe(frame)
        times.append(frame.time_s)
    stage.finish(np.array(times))
    stage.close()


def _run_plain(video: Video) -> None:
    from benchmarks.hands import PlainLoop

    loop = PlainLoop()
    for frame in read_frames(video):
        loop.detect(frame.rgb)
    loop.close()


if __name__ == "__main__":
    main()
