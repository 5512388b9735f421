"""What a frame costs to decode, with PyAV and with decord, on one thread.

`decode.CLIP.pyav` and `.decord` include the conversion to RGB; `.pyav_no_rgb` is what a run pays
for frames that nobody asks a picture of. `decode.CODEC.decord_over_pyav` decides what the backend
`auto` takes: see `rotoscope.pipeline.video.read.DECORD_COST`.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from benchmarks._video_clips import in_other_codecs, real_clips
from benchmarks.figure import Figure
from rotoscope.pipeline.errors import VideoError
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import Backend, read_frames

NUM_FRAMES = 200
REPEATS = 3


def run() -> list[Figure]:
    """CPU milliseconds a frame, by clip and backend, and their ratio by codec."""
    figures: list[Figure] = []
    ratios: dict[str, list[float]] = {}
    clips = real_clips()
    with in_other_codecs(clips["cups720"], NUM_FRAMES) as others:
        for name, path in {**clips, **{f"cups720_{k}": p for k, p in others.items()}}.items():
            found, ratio = _clip(name, path)
            figures += found
            if ratio is not None:
                ratios.setdefault(probe(path).codec, []).append(ratio)
    return figures + [
        Figure(f"decode.{codec}.decord_over_pyav", float(np.median(values)), "x")
        for codec, values in ratios.items()
    ]


def _clip(name: str, path: Path) -> tuple[list[Figure], float | None]:
    bare = _ms_per_frame(path, "pyav", with_rgb=False)
    pyav = _ms_per_frame(path, "pyav", with_rgb=True)
    figures = [
        Figure(f"decode.{name}.pyav_no_rgb", bare, "ms"),
        Figure(f"decode.{name}.pyav", pyav, "ms"),
    ]
    try:
        decord = _ms_per_frame(path, "decord", with_rgb=True)
    except VideoError:
        return figures, None
    return [*figures, Figure(f"decode.{name}.decord", decord, "ms")], decord / pyav


def _ms_per_frame(path: Path, backend: Backend, *, with_rgb: bool) -> float:
    video = probe(path)
    end = min(NUM_FRAMES, video.num_frames)
    best = np.inf
    for _ in range(REPEATS):
        mark = time.process_time()
        for frame in read_frames(video, backend=backend, end=end):
            if with_rgb:
                _ = frame.rgb
        best = min(best, time.process_time() - mark)
    return 1e3 * float(best) / end
