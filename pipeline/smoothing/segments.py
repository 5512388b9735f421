"""Which frames belong together: runs of samples without a long gap between them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int


def gap_limit_s(time_s: Float[np.ndarray, " time"], max_gap_s: float) -> float:
    """Longest time between two samples that is still bridged [s].

    On a clock slower than `max_gap_s` neighbouring frames must stay connected, so the limit is
    never below one and a half frame intervals.
    """
    if len(time_s) < 2:
        return max_gap_s
    return max(max_gap_s, 1.5 * float(np.median(np.diff(time_s))))


def split(
    time_s: Float[np.ndarray, " time"], valid: Bool[np.ndarray, " time"], limit_s: float
) -> Int[np.ndarray, "segment 2"]:
    """First and last sample (both inclusive, as frame indices) of each run without a long gap."""
    samples = np.flatnonzero(valid)
    if len(samples) == 0:
        return np.empty((0, 2), dtype=np.intp)
    breaks = np.flatnonzero(np.diff(time_s[samples]) > limit_s)
    first = np.concatenate([[0], breaks + 1])
    last = np.concatenate([breaks, [len(samples) - 1]])
    return np.stack([samples[first], samples[last]], axis=1)


def numbers(num_frames: int, segments: Int[np.ndarray, "segment 2"]) -> Int[np.ndarray, " time"]:
    """The number of the segment that each frame lies in, -1 for none."""
    number = np.full(num_frames, -1, dtype=np.intp)
    for i, (first, last) in enumerate(segments):
        number[first : last + 1] = i
    return number


def known_frames(
    time_s: Float[np.ndarray, " time"], good: Bool[np.ndarray, " time"], max_gap_s: float
) -> Bool[np.ndarray, " time"]:
    """Frames that lie between good samples (or are one) no further apart than the limit."""
    spans = split(time_s, good, gap_limit_s(time_s, max_gap_s))
    return numbers(len(time_s), spans) >= 0


def neighbours(
    segment: Int[np.ndarray, " sample"], reach: int
) -> Int[np.ndarray, "sample neighbour"]:
    """Each sample with `reach` others on both sides, its segment's ends repeated where it ends.

    Args:
        segment: Number of the segment of each sample, increasing.
        reach: How many samples on each side.
    """
    first = np.searchsorted(segment, segment, side="left")
    last = np.searchsorted(segment, segment, side="right") - 1
    index = np.arange(len(segment))[:, None] + np.arange(-reach, reach + 1)
    return np.clip(index, first[:, None], last[:, None])
