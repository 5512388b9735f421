"""Which frames belong together: runs of samples without a long gap between them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int


def gap_limit_s(time_s: Float[np.ndarray, " time"], max_gap_s: float) -> float:
    """Longest time between two samples that is still bridged [s].

    On a clock slower than `max_gap_s` neighboring frames must stay connected, so the limit is
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


def runs(time_s: Float[np.ndarray, " sample"]) -> Int[np.ndarray, " sample"]:
    """Number of the run that each sample lies in: samples in which at most one frame is missing."""
    steps = np.diff(time_s)
    breaks = steps > 2.5 * np.median(steps) if len(steps) else np.zeros(0, bool)
    return np.concatenate([[0], np.cumsum(breaks)])


def neighbors(
    run: Int[np.ndarray, " sample"], reach: int
) -> tuple[Int[np.ndarray, "sample neighbor"], Bool[np.ndarray, " sample"]]:
    """The `2 reach + 1` samples around each one, shifted to one side where its run ends.

    Args:
        run: Number of the run of each sample, increasing.
        reach: How many samples on each side.

    Returns:
        Sample indices, and whether the run is long enough; if not, its last sample is repeated.
    """
    first = np.searchsorted(run, run, side="left")
    last = np.searchsorted(run, run, side="right") - 1
    start = np.clip(np.arange(len(run)) - reach, first, np.maximum(last - 2 * reach, first))
    index = np.minimum(start[:, None] + np.arange(2 * reach + 1), last[:, None])
    return index, last - first >= 2 * reach
