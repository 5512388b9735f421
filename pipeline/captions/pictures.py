"""A few pictures of a video, small, spread over its length; read in a child as all videos are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from rotoscope.pipeline.errors import VideoError
from rotoscope.pipeline.run.isolation import Limits, Progress, run_isolated

LONGEST_PX = 512
"""Longest side of what is sent: what is done can be told, and a model charges by the pixel."""
LIMITS = Limits(memory_bytes=2 << 30, stall_s=120.0, base_s=300.0, per_item_s=0.5)


def pictures_of(path: Path, count: int) -> list[UInt8[np.ndarray, "height width 3"]]:
    """`count` pictures from the middles of equal parts of a video; fewer where it has fewer frames.

    Raises:
        VideoError: The video cannot be read.
        WorkerError: The child that reads it was ended.
    """
    answer = run_isolated("rotoscope.pipeline.captions.pictures:read", (path, count), limits=LIMITS)
    if answer.error is not None:
        raise VideoError(answer.error.message)
    found: list[np.ndarray] = answer.value
    return found


def read(job: tuple[Path, int], report: Progress) -> list[np.ndarray]:
    """What `pictures_of` gives; runs in a child."""
    from PIL import Image

    from rotoscope.pipeline.video.probe import probe
    from rotoscope.pipeline.video.read import read_frames

    path, count = job
    video = probe(path, sha256="-")
    total = max(video.num_frames, 1)
    wanted = sorted({int((k + 0.5) * total / count) for k in range(min(count, total))})
    out = []
    for frame in read_frames(video, end=wanted[-1] + 1):
        report("pictures", frame.index, total)
        if frame.index in wanted:
            image = Image.fromarray(frame.rgb)
            image.thumbnail((LONGEST_PX, LONGEST_PX))
            out.append(np.asarray(image).copy())
    return out
