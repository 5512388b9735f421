"""How much a pixel's color is a thing's, against everything else near the hand."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, UInt8

BINS = 16
_SMOOTH = (0.25, 0.5, 0.25)
FLOOR = 2e-4
"""Share of a color that nothing has: what is seldom is no evidence."""

Histogram = Float[np.ndarray, "bin bin bin"]


def quantized(rgb: UInt8[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "height width 3"]:
    """Bins of lightness and two colors, of CIE Lab."""
    import cv2

    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).astype(np.int32)
    # Lightness changes with the shade; the two colors of most things lie in the middle third.
    lightness = lab[..., :1] * BINS // 512
    color = np.clip((lab[..., 1:] - 128) * BINS // 112 + BINS // 2, 0, BINS - 1)
    return np.concatenate([lightness, color], axis=-1).astype(np.uint8)


def histogram(
    bins: UInt8[np.ndarray, "height width 3"], mask: Bool[np.ndarray, "height width"]
) -> Histogram:
    """Counts by bin."""
    out = np.zeros((BINS, BINS, BINS))
    np.add.at(out, tuple(bins[mask].T), 1.0)
    return out


def shares(counts: Histogram) -> Histogram:
    """Smoothed over neighboring bins, summing to one."""
    for axis in range(3):
        padded = np.pad(counts, [(1, 1) if a == axis else (0, 0) for a in range(3)], mode="edge")
        parts = [np.take(padded, range(k, k + BINS), axis=axis) for k in range(3)]
        counts = np.einsum("k,kabc->abc", np.array(_SMOOTH), np.array(parts))
    return np.asarray(counts / max(counts.sum(), 1e-9))


def likeness(
    thing: Histogram, rest: Histogram, bins: UInt8[np.ndarray, "height width 3"]
) -> Float[np.ndarray, "height width"]:
    """Probability that a pixel is the thing's by its color alone, from counts, 0 to 1."""
    a, b = shares(thing) + FLOOR, shares(rest) + FLOOR
    ratio = (a / (a + b)).astype(np.float32)
    return np.asarray(ratio[tuple(np.moveaxis(bins, -1, 0))])


def overlap(a: Histogram, b: Histogram) -> float:
    """How alike two sets of colors are, 0 to 1 (Bhattacharyya's coefficient)."""
    return float(np.sqrt(shares(a) * shares(b)).sum())
