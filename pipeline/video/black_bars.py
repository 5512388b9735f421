"""Black bars around a picture: letterboxes, pillarboxes, screens of phones that were recorded.

A bar is what no frame of the video lights up, from an edge of the frame to a straight border
across which the picture begins. A dark scene fades, and begins somewhere else in every column.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, UInt8

WIDTH = 160
"""Pixels across the image that is looked at: borders are found to half a percent of the width."""
BLACK = 26
"""Brightest luma of a bar [levels of 0..255]: black is 16 in most video, coding adds some."""
LIT = 40
"""Luma that a picture reaches in some frame, in most places along its border."""
MIN_LIT_SHARE = 0.6
"""Least share of a border along which the picture is lit. These three were chosen on clips made
with bars and on clips without of the demo; the sample cases with bars chose nothing."""
MIN_BAR = 0.02
"""Thinner bars, as a share of the frame's side, change no focal length that is assumed."""
MIN_PICTURE = 0.3
"""Least share of a side that the picture fills."""


class BarFinder:
    """Collects the brightest that each pixel of a video ever was."""

    def __init__(self) -> None:
        self._brightest: UInt8[np.ndarray, "height width"] | None = None

    def observe(self, luma: UInt8[np.ndarray, "height width"]) -> None:
        """Takes a small luma image; some of a video's are enough."""
        if self._brightest is None:
            self._brightest = luma.copy()
        np.maximum(self._brightest, luma, out=self._brightest)

    def picture(self) -> Float[np.ndarray, " 4"]:
        """Left, top, right and bottom edge of the picture as shares of the frame."""
        if self._brightest is None:
            return np.array([0.0, 0.0, 1.0, 1.0])
        left, right = _bars(self._brightest.T)
        top, bottom = _bars(self._brightest)
        return np.array([left, top, 1.0 - right, 1.0 - bottom])


def _bars(luma: UInt8[np.ndarray, "line along"]) -> tuple[float, float]:
    """Share of the lines that the bars before and behind the picture fill."""
    is_dark = np.asarray((luma <= BLACK).all(axis=1))
    before = _bar(is_dark, luma)
    behind = _bar(is_dark[::-1], luma[::-1])
    if 1.0 - before - behind < MIN_PICTURE:
        return 0.0, 0.0
    return before, behind


def _bar(is_dark: Bool[np.ndarray, " line"], luma: UInt8[np.ndarray, "line along"]) -> float:
    """Share of the lines that one bar fills; 0 where there is none with a straight border."""
    num = len(is_dark) if is_dark.all() else int(np.argmin(is_dark))
    if num < MIN_BAR * len(is_dark) or num >= len(is_dark) - 1:
        return 0.0
    # The line at the border itself may hold some of both.
    is_lit = luma[num : num + 3].max(axis=0) >= LIT
    share = float(is_lit[_inner(luma)].mean())
    return num / len(is_dark) if share >= MIN_LIT_SHARE else 0.0


def _inner(luma: UInt8[np.ndarray, "line along"]) -> slice:
    """The part along a border in which any line is lit: bars of the other two sides count not."""
    lit = np.flatnonzero((luma > BLACK).any(axis=0))
    return slice(int(lit[0]), int(lit[-1]) + 1) if len(lit) else slice(None)
