"""Many small videos that differ, made in no time, and a recipe without perception for them."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import yaml

from benchmarks._processes import ROOT

_STAGES = ROOT / "tests" / "run" / "tiny_stages.py"


def tiny_videos(folder: Path, count: int, *, frames: int = 30, size: int = 64) -> None:
    """Writes videos of 30 frames a second; they share pictures, and no two share all bytes."""
    folder.mkdir(parents=True)
    first = folder / f"{0:06d}.mp4"
    _encode(first, frames, size)
    pictures = first.read_bytes()
    for number in range(count):
        # A box that players skip, as MP4 has it: length, kind, content.
        mark = struct.pack(">I4sQ", 16, b"free", number)
        (folder / f"{number:06d}.mp4").write_bytes(pictures + mark)


def lamp_recipe(path: Path, *, seconds: float = 0.0) -> Path:
    """A recipe for them: the brightness is the angle of a robot of one joint.

    Args:
        path: Where to write it.
        seconds: CPU time that each video takes beside, as perception would.
    """
    stage = f"{_STAGES}:Brightness"
    if seconds:
        own = path.with_name("busy.py")
        own.write_text(_BUSY.format(stage=stage, seconds=seconds))
        stage = f"{own}:Busy"
    # A clip of 30 frames is a little shorter than a second.
    curate = {"curate": {"min_episode_s": 0.5}}
    stages = [f"{stage} as bright", f"{_STAGES}:BrightnessLabeler as lamp", curate]
    raw = {"name": "lamp", "stages": stages, "export": {"width": 64, "height": 64}}
    path.write_text(yaml.safe_dump(raw))
    return path


_BUSY = '''
import time
from rotoscope.pipeline.registry import stage_class

class Busy(stage_class({stage!r}, allow_code=True)):
    """Burns CPU once it has seen all frames."""

    def finish(self, time_s):
        end = time.process_time() + {seconds}
        while time.process_time() < end:
            sum(range(1000))
        return super().finish(time_s)
'''


def _encode(path: Path, frames: int, size: int) -> None:
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=30, options={"preset": "ultrafast"})
        stream.width = stream.height = size
        stream.pix_fmt = "yuv420p"
        for number in range(frames):
            image = np.full((size, size, 3), 40 + 6 * (number % 30), np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 30)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
