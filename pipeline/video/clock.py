"""When each frame is shown, from the time stamps of its packet; stamps that cannot be are repaired.

Header rates are not used: they are wrong in many files and mean nothing at a variable rate.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from rotoscope.pipeline.errors import UnreasonableVideoError

MIN_RATE_HZ = 0.1
MAX_RATE_HZ = 1000.0
"""Median rates outside these cannot be meant; high-speed cameras reach 1000 Hz."""
MAX_SHARED_STAMPS = 0.5
"""Share of frames that may have the same stamp as another before the clock is given up."""
JOINT_FRAMES = 4
"""Usual steps that decoding stamps must go back by for another take to begin."""
FALLBACK_RATE_HZ = 25.0
"""Only for the length of a single frame that comes without one."""


MAX_PAUSES_S = 600.0
"""How long pauses within one clip may be together [s]: rows and knots are made for them too."""


@dataclass(frozen=True, eq=False)
class Clock:
    """Times of a video's frames in the order they are shown."""

    time_s: Float[np.ndarray, " time"]
    """Presentation time of each frame [s], the first at 0, increasing strictly."""
    duration_s: float
    """Time from the first frame to the end of the last [s]."""
    rate_hz: float
    """Frame rate [Hz]: the mean where it is constant, the median where it varies."""
    is_variable_rate: bool
    """Whether an interval differs from the median by more than half of it."""


def unrolled(
    shown: Sequence[int | None], decoded: Sequence[int | None]
) -> tuple[list[int | None], list[int | None], list[int]]:
    """Stamps of takes that were joined into one file, each behind the one before.

    Decoding stamps never go back within a take. Where they do, by more than `JOINT_FRAMES` usual
    steps, another take begins: its stamps are moved so that its first packet follows the last one
    of the take before by the usual step.

    Args:
        shown: Presentation stamps of all packets in the file's order.
        decoded: Their decoding stamps.

    Returns:
        Both anew, and the numbers of the packets at which a take begins, the first not counted.
    """
    known = [(index, d) for index, d in enumerate(decoded) if d is not None]
    steps = [b - a for (_, a), (_, b) in itertools.pairwise(known) if b > a]
    if not steps:
        return list(shown), list(decoded), []
    usual = int(np.median(steps))
    joints, shifts, shift = [], {}, 0
    for (_, before), (index, now) in itertools.pairwise(known):
        if before - now > JOINT_FRAMES * usual:
            shift += before - now + usual
            joints.append(index)
            shifts[index] = shift
    if not joints:
        return list(shown), list(decoded), []
    moved = np.zeros(len(shown), np.int64)
    for index, by in shifts.items():
        moved[index:] = by
    new_shown = [p if p is None else p + int(m) for p, m in zip(shown, moved, strict=True)]
    new_decoded = [d if d is None else d + int(m) for d, m in zip(decoded, moved, strict=True)]
    return new_shown, new_decoded, joints


def fill_missing(
    shown: Sequence[int | None], decoded: Sequence[int | None]
) -> Int[np.ndarray, " packet"]:
    """Presentation stamps of all packets, in ticks.

    A packet without one gets its decoding stamp plus the median delay of those that have both:
    exact where no frame is shown out of order, as in most AVI files.

    Raises:
        UnreasonableVideoError: A packet has neither stamp.
    """
    pairs = list(zip(shown, decoded, strict=True))
    delays = [p - d for p, d in pairs if p is not None and d is not None]
    delay = int(np.median(delays)) if delays else 0
    out = []
    for index, (p, d) in enumerate(pairs):
        if p is not None:
            out.append(p)
        elif d is not None:
            out.append(d + delay)
        else:
            raise UnreasonableVideoError(
                f"packet {index} of {len(shown)} has no time stamp at all; give it a clock with "
                "'ffmpeg -fflags +genpts -i IN -c copy OUT.mp4'"
            )
    return np.array(out, np.int64)


def make_clock(
    ticks: Int[np.ndarray, " time"], *, seconds_per_tick: float, last_frame_s: float
) -> Clock:
    """The clock of frames with these stamps, in any order.

    Stamps are sorted, because decoders deliver frames in the order they are shown while some
    files carry stamps in another. Frames that share a stamp are spread evenly up to the next one.

    Args:
        ticks: Presentation stamps.
        seconds_per_tick: Length of a tick [s].
        last_frame_s: How long the last frame says it is shown [s]; believed where plausible.

    Raises:
        UnreasonableVideoError: Most frames share a stamp, or the rate cannot be meant.
    """
    ticks = np.sort(ticks)
    distinct = np.unique(ticks)
    if len(ticks) > 1 and len(distinct) < max(2.0, (1 - MAX_SHARED_STAMPS) * len(ticks)):
        raise UnreasonableVideoError(
            f"{len(ticks)} frames have only {len(distinct)} different time stamps; "
            "write it anew with 'ffmpeg -i IN -r RATE OUT.mp4'"
        )
    time_s = _spread(ticks, distinct) * seconds_per_tick
    if len(time_s) == 1:
        duration_s = last_frame_s if 0 < last_frame_s < np.inf else 1 / FALLBACK_RATE_HZ
        return Clock(time_s, duration_s, 1 / duration_s, False)
    steps_s = np.diff(time_s)
    median_s = float(np.median(steps_s))
    _check_rate(median_s)
    is_plausible = 0 < last_frame_s <= max(1.0, 2 * median_s)
    is_variable_rate = bool((np.abs(steps_s - median_s) > median_s / 2).any())
    # Stamps in whole milliseconds alternate between 33 and 34: only their mean tells 30 Hz.
    step_s = median_s if is_variable_rate else float(time_s[-1]) / len(steps_s)
    return Clock(
        time_s=time_s,
        duration_s=float(time_s[-1]) + (last_frame_s if is_plausible else step_s),
        rate_hz=1 / step_s,
        is_variable_rate=is_variable_rate,
    )


def check_pauses(time_s: Float[np.ndarray, " time"], *, first_frame: int, shown: str) -> None:
    """Refuses a clip whose clock stands still for longer than can be meant.

    Args:
        time_s: Time of each of its frames [s].
        first_frame: Number of its first frame in the file.
        shown: How messages call the file.

    Raises:
        UnreasonableVideoError: Its pauses last too long.
    """
    steps_s = np.diff(time_s)
    pauses_s = steps_s[steps_s > 1 / MIN_RATE_HZ]
    if pauses_s.sum() <= MAX_PAUSES_S:
        return
    at = first_frame + int(np.argmax(steps_s))
    raise UnreasonableVideoError(
        f"{shown}: {pauses_s.max():,.1f} s pass between frames {at} and {at + 1}, and nobody "
        f"knows what happened; at most {MAX_PAUSES_S:g} s of pauses are accepted in one clip: "
        "lower video.max_gap_s, at whose gaps it is cut, or cut the video"
    )


def _spread(
    ticks: Int[np.ndarray, " time"], distinct: Int[np.ndarray, " stamp"]
) -> Float[np.ndarray, " time"]:
    """Ticks from the first, where frames of one stamp divide the time up to the next."""
    if len(distinct) == len(ticks):
        return (ticks - ticks[0]).astype(float)
    step = np.median(np.diff(distinct))
    following = np.append(distinct[1:], distinct[-1] + step)
    first, counts = np.unique(ticks, return_index=True, return_counts=True)[1:]
    stamp = np.repeat(np.arange(len(distinct)), counts)
    share = (np.arange(len(ticks)) - first[stamp]) / counts[stamp]
    return ticks - ticks[0] + share * (following - distinct)[stamp]


def _check_rate(median_s: float) -> None:
    if not MIN_RATE_HZ <= 1 / median_s <= MAX_RATE_HZ:
        raise UnreasonableVideoError(
            f"its time stamps say {1 / median_s:.6g} frames per second, which cannot be meant; "
            f"{MIN_RATE_HZ:g} to {MAX_RATE_HZ:g} are accepted; correct the clock with "
            "'ffmpeg -r RATE -i IN OUT.mp4'"
        )
