"""What is kept of a video to tell whether another one shows the same recording."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.pipeline.errors import DamagedVideoError, VideoError
from rotoscope.pipeline.run.isolation import Limits, Progress, run_isolated
from rotoscope.pipeline.types import Frame

SIDE_PX, LARGE_PX = 64, 128
"""Width and height of the small pictures, whatever the video's shape, and of those for a second,
closer look."""
MOST_HZ = 31.0
"""Pictures a second that are kept at most: of faster videos every second, third ... one."""
GRID_HZ = 15.0
"""Rate at which activity is told [Hz]."""
BINS = 32
"""Brightness is told apart in so many steps."""
_LIMITS = Limits(memory_bytes=4 * 2**30, stall_s=120.0, base_s=300.0, per_item_s=0.5)
_FUNCTION = "rotoscope.pipeline.duplicates.fingerprint:_in_child"


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
    pictures: UInt8[np.ndarray, "time side side"]
    """Luma, upright, the whole picture squeezed into a square."""
    brightness: Float[np.ndarray, " bin"]
    """Share of the pixels of all pictures in each step of brightness; sums to 1."""
    activity: Float[np.ndarray, " tick"]
    """Log of how much the picture changes from one tick of 1/15 s to the next."""

    @property
    def area_px(self) -> int:
        """Pixels of a picture."""
        return self.width * self.height


def isolated_fingerprint(path: Path, side_px: int = SIDE_PX) -> Fingerprint:
    """The fingerprint of a video, decoded in a fresh child process.

    Raises:
        VideoError: It is not a video, or cannot be decoded to its end.
        WorkerError: Decoding crashed, hung or took too much memory.
    """
    answer = run_isolated(_FUNCTION, (path, side_px), limits=_LIMITS)
    if answer.error is not None:
        raise VideoError(answer.error.message)
    found: Fingerprint = answer.value
    return found


def _in_child(job: tuple[Path, int], report: Progress) -> Fingerprint:
    path, side_px = job
    return fingerprint(path, side_px, report=report)


def fingerprint(
    path: Path, side_px: int = SIDE_PX, *, report: Progress = lambda *_: None
) -> Fingerprint:
    """Decodes a video once, from beginning to end.

    Args:
        path: The file, or a folder of numbered pictures.
        side_px: Width and height of the small pictures.
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
            pictures.append(_small(frame, side_px))
        if number % 100 == 0:
            report("duplicates", number, 0)
    if not pictures:
        raise DamagedVideoError(f"{path.name} gives no frame; copy it again")
    shown, when = np.array(pictures), np.array(times)
    return Fingerprint(
        path, video.sha256, video.width, video.height, video.size_bytes, video.duration_s,
        when, shown, brightness_of(shown), activity_of(shown, when),
    )  # fmt: skip


def _small(frame: Frame, side_px: int) -> UInt8[np.ndarray, "side side"]:
    if frame.to_scaled is not None:
        return np.array(frame.to_scaled(side_px, side_px)[0])
    gray = frame.rgb.mean(axis=2)
    for _ in range(2):  # each side in turn: means of what a pixel covers
        edges = np.linspace(0, len(gray), side_px + 1).round().astype(int)
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
    """Log of the mean change within each tick of 1/15 s; one tick fewer than there are edges.

    What changes from picture to picture is spread over the time between them, so that it does not
    matter when the first one was taken.
    """
    step = max(2, pictures.shape[1] // 32)  # some of the pixels are enough for a mean
    small = pictures[:, ::step, ::step].astype(np.int16)
    changes = np.abs(np.diff(small, axis=0)).mean(axis=(1, 2))
    edges = np.arange(times_s[0], times_s[-1] + 1e-6, 1 / GRID_HZ)
    total = np.interp(edges, times_s, np.concatenate([[0.0], np.cumsum(changes)]))
    return np.log1p(np.diff(total))


def nearest(times_s: Float[np.ndarray, " time"], wanted_s: Float[np.ndarray, " _"]) -> np.ndarray:
    """Index of the time that is nearest to each wanted one."""
    after = np.clip(np.searchsorted(times_s, wanted_s), 1, max(len(times_s) - 1, 1))
    if len(times_s) == 1:
        return np.zeros(len(wanted_s), int)
    is_before = wanted_s - times_s[after - 1] <= times_s[after] - wanted_s
    return np.where(is_before, after - 1, after)
