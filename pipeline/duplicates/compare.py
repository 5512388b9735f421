"""Whether two videos show the same recording, from their fingerprints."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rotoscope.pipeline.duplicates.agreement import Agreement, agreement, aligned, misfit
from rotoscope.pipeline.duplicates.crops import Crop, find_crop, refined
from rotoscope.pipeline.duplicates.fingerprint import Fingerprint
from rotoscope.pipeline.duplicates.offsets import Offset, offsets

LEAST_CORRELATION = 0.85
"""Correlation of activity below which two videos are not looked at together."""
MOST_BRIGHTNESS = 0.35
"""Distance of brightness (half the sum of differences, 0..1) beyond which they are not, either."""
MOST_RESTING = 0.5
"""Difference over steepness, where all rests, beyond which a crop does not fit at all."""
MAYBE, SURE = 1.8, 1.55
"""How much worse what moves may fit than what rests: in small pictures, where it may be a copy, and
in larger ones, where it is."""
WELL = 0.14
"""Difference over steepness, where something moves, up to which it is one anyway: what rests may be
too plain to say how well a copy can fit."""
_NUM_SMALL, _NUM_LARGE, _NUM_PLACED = 10, 20, 4
"""Moments that are compared in small pictures and in larger ones, and by which a crop is found."""
_SAME_PLACE = 0.35
"""The same difference of whole pictures, moving things and all, up to which they need no crop."""
_LEAST_ALIKE = 0.92
"""Correlation of pictures below which the likeliest crop is none."""


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

    def fits(self, limit: float) -> bool:
        """Whether what moves fits about as well as what rests; never where nothing moves."""
        found = self.agreement
        is_like = found.ratio <= limit or found.moving <= WELL
        return bool(found.resting <= MOST_RESTING and is_like)

    def is_apart(self, limit: float) -> bool:
        """Whether what rests fits and what moves does not: another take of the scene."""
        found = self.agreement
        is_unlike = found.ratio > limit and found.moving > WELL
        return bool(found.resting <= MOST_RESTING and is_unlike)


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
        found = _fit(first, second, numbers, offset)
        if found is not None and (best is None or _off(found) < _off(best)):
            best = found
        # Where what rests fits, the next best lag will not make good what moves.
        if best is not None and (best.fits(MAYBE) or best.is_apart(MAYBE)):
            break
    return best


def looked_at_closely(copy: Copy, whole: Fingerprint, part: Fingerprint) -> Copy:
    """The same from larger pictures of both; crop and lag are refined first."""
    found, crop = copy.agreement, copy.crop
    if (crop.width, crop.height) != (1.0, 1.0):
        pair = aligned(whole, part, found.lag_s, _NUM_PLACED)
        crop = crop if pair is None else refined(pair[0], pair[1], crop)
    closer = agreement(whole, part, crop, found.lag_s, count=_NUM_LARGE)
    return replace(copy, crop=crop, agreement=closer or found)


def _off(one: Copy) -> float:
    """How badly it fits."""
    found = one.agreement
    return found.resting + (found.moving if np.isfinite(found.moving) else 1.0)


def _fit(
    first: Fingerprint, second: Fingerprint, numbers: tuple[int, int], offset: Offset
) -> Copy | None:
    """Lays one video onto the other at some lag."""
    pair = aligned(first, second, offset.lag_s, _NUM_PLACED)
    if pair is None:
        return None
    ours, theirs, _ = pair
    plain, turned = misfit(ours, theirs), misfit(ours, theirs[:, :, ::-1])
    if min(plain, turned) <= _SAME_PLACE:
        crop = Crop(is_mirrored=turned < plain)
        found = agreement(first, second, crop, offset.lag_s, count=_NUM_SMALL)
        return None if found is None else Copy(*numbers, crop, offset.correlation, found)
    aspect = (first.width / first.height) / (second.width / second.height)
    ways = [
        (find_crop(ours, theirs, aspect), False),
        (find_crop(theirs, ours, 1 / aspect), True),
    ]
    (alike, crop), is_turned = max(ways, key=lambda way: way[0][0])
    if alike < _LEAST_ALIKE:
        return None
    if is_turned:
        crop = refined(theirs, ours, crop)
        found = agreement(second, first, crop, -offset.lag_s, count=_NUM_SMALL)
    else:
        crop = refined(ours, theirs, crop)
        found = agreement(first, second, crop, offset.lag_s, count=_NUM_SMALL)
    order = numbers[::-1] if is_turned else numbers
    return None if found is None else Copy(*order, crop, offset.correlation, found)
