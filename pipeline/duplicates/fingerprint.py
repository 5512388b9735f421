"""What is kept of a video to tell whether another one shows the same recording."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.pipeline.errors import DamagedVideoError, VideoError
from rotoscope.pipeline.run.isolation import Limits, run_isolated
from rotoscope.pipeline.types import Frame

SIDE_PX = 64
"""Width and height of the small pictures, whatever the video's shape."""
MOST_HZ = 31.0
"""Pictures a second that are kept at most: of faster videos every second, third ... one."""
GRID_HZ = 15.0
"""Rate at which activity is told [Hz]."""
BINS = 32
"""Brightness is told apart in so many steps."""
_LIMITS = Limits(memory_bytes=4 * 2**30, stall_s=120.0, base_s=300.0, per_item_s=0.5)
_FUNCTION = "rotoscope.pipeline.duplicates.fingerprint:fingerprint"


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """A video in small."""

    path: Path
    """The file, or the folder of pictures."""
    sha256: str
    """Hex digest of its bytes."""
    width: int
    """Pixels across."""
    height: int
    """Pixels down."""
    size_bytes: int
    """Length of the file."""
    duration_s: float
    """From the first frame to the end of the last [s]."""
    times_s: Float[np.ndarray, " time"]
    """When each small picture is shown."""
    pictures: UInt8[np.ndarray, "time 64 64"]
    """Luma, upright, the whole picture squeezed into a square."""
    brightness: Float[np.ndarray, " bin"]
    """Share of the pixels of all pictures in each step of brightness; sums to 1."""
    activity: Float[np.ndarray, " tick"]
    """Log of how much the picture changes from one tick of 1/15 s to the next."""

    @property
    def area_px(self) -> int:
        """Pixels of a picture."""
        return self.width * self.height


def isolated_fingerprint(path: Path) -> Fingerprint:
    """The fingerprint of a video, decoded in a fresh child process.

    Raises:
        VideoError: It is not a video, or cannot be decoded to its end.
        WorkerError: Decoding crashed, hung or took too much memory.
    """
    answer = run_isolated(_FUNCTION, path, limits=_LIMITS)
    if answer.error is not None:
        raise VideoError(answer.error.message)
    found: Fingerprint = answer.value
    return found


def fingerprint(path: Path, report: Any = lambda *_: None) -> Fingerprint:
    """Decodes a video once, from beginning to end.

    Args:
        path: The file, or a folder of numbered pictures.
        report: Told of frames that are done.

    Raises:
        VideoError: It is not a video, or cannot be decoded to its end.
    """
    from rotoscope.pipeline.video.probe import probe
    from rotoscope.pipeline.video.read import read_frames

    video = probe(path)
    report("duplicates", 0, video.num_frames)
    every = max(1, int(np.ceil(video.rate_hz / MOST_HZ)))
    times, pictures = [], []
    for number, frame in enumerate(read_frames(video)):
        if number % every == 0:
            times.append(frame.time_s)
            pictures.append(_small(frame))
        if number % 100 == 0:
            report("duplicates", number, 0)
    if not pictures:
        raise DamagedVideoError(f"{path.name} gives no frame; copy it again")
    shown, when = np.array(pictures), np.array(times)
    return Fingerprint(
        path, video.sha256, video.width, video.height, video.size_bytes, video.duration_s,
        when, shown, brightness_of(shown), activity_of(shown, when),
    )  # fmt: skip


def _small(frame: Frame) -> UInt8[np.ndarray, "64 64"]:
    if frame.to_scaled is not None:
        return np.array(frame.to_scaled(SIDE_PX, SIDE_PX)[0])
    gray = frame.rgb.mean(axis=2)
    for _ in range(2):  # each side in turn: means of what a pixel covers
        edges = np.linspace(0, len(gray), SIDE_PX + 1).round().astype(int)
        counts = np.maximum(np.diff(edges), 1)[:, None]
        gray = (np.add.reduceat(gray, np.minimum(edges[:-1], len(gray) - 1)) / counts).T
    return gray.round().astype(np.uint8)


def brightness_of(pictures: UInt8[np.ndarray, "time h w"]) -> Float[np.ndarray, " bin"]:
    """Share of the pixels in each step of brightness."""
    counts = np.bincount((pictures[:: max(1, len(pictures) // 32)] >> 3).ravel(), minlength=BINS)
    return counts / counts.sum()


def activity_of(
    pictures: UInt8[np.ndarray, "time h w"], times_s: Float[np.ndarray, " time"]
) -> Float[np.ndarray, " tick"]:
    """Log of the mean change from each tick of 1/15 s to the next; one tick fewer than pictures."""
    grid = np.arange(times_s[0], times_s[-1] + 1e-6, 1 / GRID_HZ)
    near = nearest(times_s, grid)
    # Every second pixel is enough for a mean.
    small = pictures[near][:, ::2, ::2].astype(np.int16)
    return np.log1p(np.abs(np.diff(small, axis=0)).mean(axis=(1, 2)))


def nearest(
    times_s: Float[np.ndarray, " time"], wanted_s: Float[np.ndarray, " _"]
) -> np.ndarray:
    """Index of the time that is nearest to each wanted one."""
    after = np.clip(np.searchsorted(times_s, wanted_s), 1, max(len(times_s) - 1, 1))
    if len(times_s) == 1:
        return np.zeros(len(wanted_s), int)
    is_before = wanted_s - times_s[after - 1] <= times_s[after] - wanted_s
    return np.where(is_before, after - 1, after)
