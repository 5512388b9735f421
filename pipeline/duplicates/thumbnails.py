"""Small gray pictures of a video: of its key frames, and of all of it at an even rate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from jaxtyping import Float

from rotoscope.pipeline.errors import DamagedVideoError, VideoError
from rotoscope.pipeline.video.container import decode, open_video

SIDE = 48
"""Pixels across and down, whatever the shape of the video."""
KEY_FRAMES = 6
"""Key frames that are looked at, spread over the video."""
RATE_HZ = 15.0
"""Pictures a second where a video is looked at closely."""


@dataclass(frozen=True, eq=False)
class Glimpse:
    """What a few key frames say of a video."""

    path: Path
    """The video."""
    duration_s: float
    """How long it is, by its header or its last key frame."""
    pictures: Float[np.ndarray, "frame side side"]
    """Gray levels of up to `KEY_FRAMES` key frames."""


def glimpse(path: Path) -> Glimpse:
    """Decodes key frames alone, spread over a video.

    Raises:
        VideoError: It cannot be read, or has no picture.
    """
    try:
        with open_video(path) as (container, stream):
            stream.codec_context.skip_frame = "NONKEY"
            found = list(_small(decode(container, stream), 0.0))
            length = (stream.duration or 0) * float(stream.time_base or 0)
    except (av.FFmpegError, OSError, IndexError) as error:
        raise _unreadable(path, error) from error
    if not found:
        raise DamagedVideoError(f"{path.name} has no picture that can be decoded; leave it out")
    chosen = np.unique(np.linspace(0, len(found) - 1, KEY_FRAMES).round().astype(int))
    last_s = found[-1][0]
    return Glimpse(
        path,
        length or last_s,
        np.array([found[k][1] for k in chosen]),
    )


def pictures(path: Path) -> Float[np.ndarray, "frame side side"]:
    """The whole video at `RATE_HZ`, gray levels; the frame that is shown at each time.

    Raises:
        VideoError: It cannot be read, or has no picture.
    """
    try:
        with open_video(path) as (container, stream):
            found = list(_small(decode(container, stream), 1 / RATE_HZ))
    except (av.FFmpegError, OSError, IndexError) as error:
        raise _unreadable(path, error) from error
    if not found:
        raise DamagedVideoError(f"{path.name} has no picture that can be decoded; leave it out")
    return np.array([picture for _, picture in found])


def _small(
    frames: Iterator[av.VideoFrame], step_s: float
) -> Iterator[tuple[float, Float[np.ndarray, "side side"]]]:
    """Time [s] and small picture of frames, the first one at or after each step."""
    shrink = VideoReformatter()
    begin = None
    wanted = 0.0
    for frame in frames:
        if frame.time is None:
            continue
        begin = frame.time if begin is None else begin
        time_s = frame.time - begin
        # Stamps are rounded to ticks; half a millisecond is none of the next frame's.
        if time_s + 5e-4 < wanted:
            continue
        wanted = max(wanted + step_s, time_s) if step_s else 0.0
        small = shrink.reformat(frame, width=SIDE, height=SIDE, format="gray", interpolation="AREA")
        yield time_s, small.to_ndarray().astype(np.float32)


def _unreadable(path: Path, error: Exception) -> VideoError:
    return DamagedVideoError(f"{path.name} cannot be decoded ({error}); leave it out")
