"""What writing an episode costs beyond decoding it, and how large and how true the file is.

Clips are scaled to 640 pixels across, key frame every second frame, crf 23, one thread. The mean
absolute error is that of the written luma against the scaled source, in levels.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks._video_clips import real_clips
from benchmarks.figure import Figure
from rotoscope.pipeline.types import Video
from rotoscope.pipeline.video.encode import EpisodeEncoder
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames

CLIPS = ("cup480", "dex720", "cups720", "bedroom540")
PRESETS = ("ultrafast", "superfast", "veryfast")
NUM_FRAMES = 200
REPEATS = 3


def run() -> list[Figure]:
    """CPU, bytes and error a frame, by clip and x264 preset."""
    figures: list[Figure] = []
    clips = real_clips()
    with tempfile.TemporaryDirectory() as folder:
        for name in CLIPS:
            if name not in clips:
                continue
            video = probe(clips[name])
            bare = min(_decode_s(video) for _ in range(REPEATS))
            for preset in PRESETS:
                figures += _preset(name, video, preset, bare, Path(folder) / "a.mp4")
    return figures


def _preset(name: str, video: Video, preset: str, bare_s: float, path: Path) -> list[Figure]:
    num_frames = _num_frames(video)
    cost = min(_encode_s(video, preset, path) for _ in range(REPEATS)) - bare_s
    label = f"encode.{name}.{preset}"
    return [
        Figure(f"{label}.cpu", 1e3 * cost / num_frames, "ms"),
        Figure(f"{label}.size", path.stat().st_size / num_frames, "B/frame"),
        Figure(f"{label}.error", _error(video, path), "levels"),
    ]


def _num_frames(video: Video) -> int:
    return min(NUM_FRAMES, video.num_frames)


def _decode_s(video: Video) -> float:
    mark = time.process_time()
    for _ in read_frames(video, end=_num_frames(video)):
        pass
    return time.process_time() - mark


def _encode_s(video: Video, preset: str, path: Path) -> float:
    scale = min(1.0, 640 / max(video.width, video.height))
    width, height = (2 * round(scale * side / 2) for side in (video.width, video.height))
    mark = time.process_time()
    with EpisodeEncoder(path, width=width, height=height, fps=30, preset=preset) as encoder:
        for frame in read_frames(video, end=_num_frames(video)):
            encoder.add(frame)
    return time.process_time() - mark


def _error(video: Video, path: Path) -> float:
    written = probe(path)
    size = written.width, written.height
    errors = []
    pairs = zip(read_frames(video, end=_num_frames(video)), read_frames(written), strict=True)
    for source, copy in pairs:
        assert source.to_scaled is not None
        assert copy.to_scaled is not None
        meant = source.to_scaled(*size)[0].astype(int)
        errors.append(float(np.abs(meant - copy.to_scaled(*size)[0]).mean()))
    return float(np.mean(errors))
