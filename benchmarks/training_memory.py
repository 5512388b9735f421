"""Memory of training on a hundred hours of video against one hour, and frames a second by part.

The video is generated: 30 frames a second, 16 x 16 pixels, ten minutes a file, a square that walks
over noise. A few thousand frames are drawn and repeated: nothing is decoded, and what a training
reads is as large as a hundred hours are at that size (8.3 GB; 133 GB at 64 x 64, which the disk at
hand does not hold). Memory is that of the training process alone, its peak as the system counts it
(`VmHWM`: private memory, and every page of the maps that is mapped at the time) and its private
part (`RssAnon`, sampled). An inverse dynamics labeler with an image network learns from the same
pictures with seven numbers an action: what its rows take, which do lie in memory.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.figure import Bar, Figure
from rotoscope.pipeline.processes import python_module

SIDE_PX, RATE_HZ, FILE_S = 16, 30, 600.0
HOURS = (1, 100)
NUM_STEPS = 60
LABELED_HOURS = (0.25, 1.0)


def run() -> list[Figure]:
    """Trains a latent action model on both, each in a process of its own; 10 GB of disk."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("ROTOSCOPE_BENCH_DISK")) as name:
        found = {hours: _train(Path(name), hours) for hours in HOURS}
    one, many = (found[hours] for hours in HOURS)
    out = [
        Figure("training_memory.peak_1h", one["peak_mib"], "MiB"),
        Figure("training_memory.peak_100h", many["peak_mib"], "MiB"),
        Figure(
            "training_memory.peak_100h_over_1h",
            many["peak_mib"] / one["peak_mib"],
            "x",
            Bar("<=", 1.15),
        ),
        Figure(
            "training_memory.private_100h_over_1h",
            many["private_mib"] / one["private_mib"],
            "x",
            Bar("<=", 1.15),
        ),
    ]
    with tempfile.TemporaryDirectory() as name:
        few, more = (_train(Path(name), hours, "labeled") for hours in LABELED_HOURS)
        grown = 2**20 * (more["private_mib"] - few["private_mib"])
        per_row = grown / (more["frames"] - few["frames"])
        out.append(Figure("training_memory.labeled_bytes_per_row", per_row, "B"))
        out.append(Figure("training_memory.frames_per_s.decode", _decoded(Path(name)), "1/s"))
    return out + [
        Figure(f"training_memory.frames_per_s.{part.replace(' ', '_')}", rate, "1/s")
        for part, rate in many["frames_per_s"].items()
    ]


def _decoded(root: Path) -> float:
    """Frames of a real clip (640 x 480) that are decoded and kept in a second of CPU."""
    from rotoscope.models.training.frames import open_video_frames
    from rotoscope.pipeline.assets import asset_path
    from rotoscope.pipeline.video.probe import probe

    facts = probe(asset_path("box.mp4"))
    began = time.process_time()
    frames = open_video_frames(
        [facts], side_px=64, shape=(facts.width, facts.height), folder=root / "frames"
    )
    return len(frames.time_s) / (time.process_time() - began)


def _train(root: Path, hours: float, kind: str = "video") -> dict[str, Any]:
    command = python_module("benchmarks._training_memory", str(root), str(hours), kind)
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found
