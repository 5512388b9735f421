"""The edge of a segment as a few points that a row of numbers can hold."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.tracks import ObjectTrack

VERTICES = 32
"""Directions from the middle of a segment in which its edge is told: numbers per row, against how
much of a corner is cut off."""
OUTLINE_NAMES = tuple(f"p{number}.{axis}" for number in range(VERTICES) for axis in "xy")


def outline(thing: ObjectTrack, frame: int) -> Float[np.ndarray, " number"]:
    """The farthest part of the segment in each direction from its middle.

    Directions are even, from right over down. A finger before the thing cuts nothing off where
    something of the thing is seen beyond it, nor where it hides the thing in a direction: the edge
    goes straight on from one side of it to the other.

    Returns:
        x and y of each vertex, as shares of the picture's width and height; NaN without a segment.
    """
    y, x = np.nonzero(thing.mask(frame))
    if not len(x):
        return np.full(2 * VERTICES, np.nan)
    # The middle of the segment's box: of a thing that is half hidden, nearer to its own.
    middle = np.array([x.min() + x.max() + 1, y.min() + y.max() + 1]) / 2
    away = np.stack([x, y], axis=1) + 0.5 - middle
    turn = np.arctan2(away[:, 1], away[:, 0]) / (2 * np.pi)
    sector = np.round(turn * VERTICES).astype(int) % VERTICES
    order = np.argsort(np.hypot(away[:, 0], away[:, 1]), kind="stable")
    out = np.full((VERTICES, 2), np.nan)
    out[sector[order]] = away[order]  # the farthest of a direction is written last
    there = np.flatnonzero(np.isfinite(out[:, 0]))
    for axis in range(2):
        out[:, axis] = np.interp(np.arange(VERTICES), there, out[there, axis], period=VERTICES)
    shares: np.ndarray = (middle + out) / [thing.mask_width, thing.mask_height]
    return shares.ravel()
