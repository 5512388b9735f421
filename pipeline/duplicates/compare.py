"""Whether two videos show the same recording, from their fingerprints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rotoscope.pipeline.duplicates.agreement import Agreement, agreement, aligned
from rotoscope.pipeline.duplicates.crops import Crop, find_crops, refined
from rotoscope.pipeline.duplicates.fingerprint import Fingerprint
from rotoscope.pipeline.duplicates.offsets import Offset, offsets

LEAST_CORRELATION = 0.6
"""Correlation of activity below which two videos are not looked at together."""
MOST_BRIGHTNESS = 0.6
"""Distance of brightness (half the sum of differences, 0..1) beyond which they are not, either."""
MOST_DIFFERING = 0.15
"""Share of the moving pixels that may differ in a copy, in the worst part of the time."""
MOST_RESTING = 0.15
"""Share of the resting pixels that may differ in a copy."""
_NUM_PLACED = 4
"""Moments by which a crop is found."""


@dataclass(frozen=True)
class Copy:
    """How one video shows what another one shows."""

    whole: int
    """Number of the video that shows more, or as much."""
    part: int
    """Number of the other."""
    crop: Crop
    """Which part of the whole's picture it shows."""
    correlation: float
    """Of the activity of both, -1..1."""
    agreement: Agreement
    """How well they fit."""

    @property
    def is_same(self) -> bool:
        """Whether what moves is the same everywhere and at every time."""
        return is_copy(self.agreement)


def is_copy(found: Agreement) -> bool:
    """Whether videos that fit so are copies; never where nothing moves, which tells nothing."""
    return bool(found.differing <= MOST_DIFFERING and found.resting <= MOST_RESTING)


def compare(first: Fingerprint, second: Fingerprint, numbers: tuple[int, int]) -> Copy | None:
    """The best way in which one of two videos fits onto the other; `None` where there is none.

    Args:
        first: One.
        second: The other.
        numbers: Their numbers, for the result.
    """
    if 0.5 * np.abs(first.brightness - second.brightness).sum() > MOST_BRIGHTNESS:
        return None
    best: Copy | None = None
    for offset in offsets(first.activity, second.activity, least=LEAST_CORRELATION):
        for found in _fits(first, second, numbers, offset):
            if best is None or _off(found) < _off(best):
                best = found
            if best.is_same:
                return best
    return best


def _off(one: Copy) -> float:
    """How badly it fits."""
    differing = one.agreement.differing
    return (differing if np.isfinite(differing) else 1.0) + one.agreement.resting


def _fits(
    first: Fingerprint, second: Fingerprint, numbers: tuple[int, int], offset: Offset
) -> Iterator[Copy]:
    """Ways to lay one video onto the other at some lag, the likeliest first."""
    for is_turned in (False, True):
        whole, part = (second, first) if is_turned else (first, second)
        lag_s = -offset.lag_s if is_turned else offset.lag_s
        pair = aligned(whole, part, lag_s, _NUM_PLACED)
        if pair is None:
            return
        aspect = (whole.width / whole.height) / (part.width / part.height)
        for start in find_crops(pair[0], pair[1], aspect):
            crop = refined(pair[0], pair[1], start)
            found = agreement(whole, part, crop, lag_s)
            if found is not None:
                order = numbers[::-1] if is_turned else numbers
                yield Copy(*order, crop, offset.correlation, found)
