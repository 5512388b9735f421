"""Pictures in which nothing is seen, and those that another scene comes before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8, UInt16

from rotoscope.models.objects.colors import BINS

MIN_CONTRAST = 12
"""Gray levels that spread by less from the 2nd to the 98th percentile show nothing."""
CUT_LEVELS = 20.0
"""Mean change of a picture across a cut [gray levels]; a moving camera makes as much on tiles."""
CUT_COLORS = 0.75
"""Share of colors that two pictures have in common when there is no cut: a moving camera keeps
them."""


def blind_pictures(gray: Sequence[UInt8[np.ndarray, "height width"]]) -> frozenset[int]:
    """Numbers of the pictures that show nothing."""
    found = []
    for t, picture in enumerate(gray):
        low, high = np.percentile(picture[::4, ::4], [2, 98])
        if high - low < MIN_CONTRAST:
            found.append(t)
    return frozenset(found)


def cuts(
    gray: Sequence[UInt8[np.ndarray, "height width"]],
    bins: Sequence[UInt16[np.ndarray, "height width"]],
) -> frozenset[int]:
    """Numbers of the pictures that begin another scene."""
    found = []
    for t in range(1, len(gray)):
        change = np.abs(gray[t][::4, ::4].astype(int) - gray[t - 1][::4, ::4]).mean()
        if change > CUT_LEVELS and _common(bins[t], bins[t - 1]) < CUT_COLORS:
            found.append(t)
    return frozenset(found)


def _common(a: UInt16[np.ndarray, "height width"], b: UInt16[np.ndarray, "height width"]) -> float:
    """Share of pixels whose color the other picture has as often."""
    mine, other = (np.bincount(bins.ravel(), minlength=BINS**3) for bins in (a, b))
    return float(np.minimum(mine, other).sum() / a.size)
