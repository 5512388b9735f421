"""How much a pixel's color is a thing's, against everything else near the hand."""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import Bool, Float, UInt8, UInt16

BINS = 16
_SMOOTH = (0.25, 0.5, 0.25)
FLOOR = 2e-4
"""Share of a color that nothing has: what is seldom is no evidence."""

Histogram = Float[np.ndarray, "bin bin bin"]


def quantized(rgb: UInt8[np.ndarray, "height width 3"]) -> UInt16[np.ndarray, "height width"]:
    """Number of each pixel's bin of lightness and two colors, of CIE Lab."""
    import cv2

    lab: np.ndarray = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB), np.uint8)
    codes = [np.take(table, lab[..., k]) for k, table in enumerate(_codes())]
    return np.asarray(codes[0] + codes[1] + codes[2])


@cache
def _codes() -> tuple[UInt16[np.ndarray, " level"], ...]:
    level = np.arange(256)
    # Lightness changes with the shade; the two colors of most things lie in the middle third.
    lightness = level * BINS // 512
    color = np.clip((level - 128) * BINS // 112 + BINS // 2, 0, BINS - 1)
    parts = (lightness * BINS * BINS, color * BINS, color)
    return tuple(part.astype(np.uint16) for part in parts)


def histogram(
    bins: UInt16[np.ndarray, "height width"], mask: Bool[np.ndarray, "height width"]
) -> Histogram:
    """Counts by bin."""
    counts = np.bincount(bins[mask], minlength=BINS**3)
    return counts.reshape(BINS, BINS, BINS).astype(float)


def shares(counts: Histogram) -> Histogram:
    """Smoothed over neighboring bins, summing to one."""
    for axis in range(3):
        padded = np.pad(counts, [(1, 1) if a == axis else (0, 0) for a in range(3)], mode="edge")
        parts = [np.take(padded, range(k, k + BINS), axis=axis) for k in range(3)]
        counts = np.einsum("k,kabc->abc", np.array(_SMOOTH), np.array(parts))
    return np.asarray(counts / max(counts.sum(), 1e-9))


def likeness(
    thing: Histogram, rest: Histogram, bins: UInt16[np.ndarray, "height width"]
) -> Float[np.ndarray, "height width"]:
    """Probability that a pixel is the thing's by its color alone, from counts, 0 to 1."""
    return np.asarray(np.take(likeness_by_bin(thing, rest), bins))


def likeness_by_bin(thing: Histogram, rest: Histogram) -> Float[np.ndarray, " color"]:
    """The same for every bin, by its number."""
    a, b = shares(thing) + FLOOR, shares(rest) + FLOOR
    return np.asarray(a / (a + b), np.float32).ravel()


def overlap(a: Histogram, b: Histogram) -> float:
    """How alike two sets of colors are, 0 to 1 (Bhattacharyya's coefficient)."""
    return float(np.sqrt(shares(a) * shares(b)).sum())
