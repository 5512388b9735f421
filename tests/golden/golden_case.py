"""What a golden is made of: a stage on a small input that is the same everywhere."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.pipeline.registry import stage_class
from rotoscope.pipeline.stage import ClipStage, FrameStage, select
from rotoscope.pipeline.testing import a_video
from rotoscope.pipeline.tracks import Track
from rotoscope.pipeline.types import Clip, Frame, Video


@dataclass(frozen=True)
class Case:
    """One golden."""

    make: Callable[[Path], Mapping[str, Any]]
    """Runs it, with an empty folder to write into; gives everything that comes out, by name."""
    rtol: float
    """Relative difference of numbers that is rounding: fifty times, or more, what differed
    between OpenBLAS, NumPy and torch with the instructions of their oldest processors and with
    those of a new one (at most 6e-7; in double precision 2e-7, mostly none)."""
    why: str
    """Where that comes from."""


def video_of(
    num_frames: int, *, size: tuple[int, int] = (640, 480), rate_hz: float = 30.0
) -> Video:
    """A video of which a stage sees the facts alone."""
    path, (width, height) = Path("golden.mp4"), size
    return a_video(num_frames, rate_hz=rate_hz, path=path, width=width, height=height)


def clip_of(num_frames: int, *, rate_hz: float = 30.0, **facts: Any) -> Clip:
    """All of such a video."""
    return Clip(video_of(num_frames, rate_hz=rate_hz, **facts), 0, np.arange(num_frames) / rate_hz)


def run_clip_stage(
    kind: str, clip: Clip, tracks: Mapping[str, Track], **config: Any
) -> dict[str, Track]:
    """What a clip stage makes of the tracks that it asks for, as in a recipe."""
    found = stage_class(kind)
    stage = found(found.Config(**config))
    assert isinstance(stage, ClipStage)
    stage.setup()
    try:
        return stage.run(clip, select(tracks, stage.requires + stage.uses))
    finally:
        stage.close()


def show_frames(stage: FrameStage, video: Video, frames: list[Frame]) -> dict[str, Track]:
    """What a frame stage, set up, makes of frames."""
    stage.begin(video)
    for frame in frames:
        stage.observe(frame)
    return stage.finish(np.array([frame.time_s for frame in frames]))


def parts(**named: Mapping[str, Any]) -> dict[str, Any]:
    """Several outputs as one."""
    return {
        f"{part}: {name}": value for part, made in named.items() for name, value in made.items()
    }
