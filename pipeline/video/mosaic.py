"""Parts of a picture made unrecognizable: what is left of them is a few blocks of color."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
from jaxtyping import Float, UInt8

BLOCKS = 5
"""Blocks along each side of what is hidden: a face of 5 x 5 blocks is nobody's."""


def hide(
    plane: UInt8[np.ndarray, "height width"], boxes: Iterable[Float[np.ndarray, " 4"]]
) -> None:
    """Replaces boxes of a plane by blocks, each of the mean of what it covers, in place.

    Args:
        plane: Values of one channel.
        boxes: Left, top, right, bottom [px of the plane]; may reach beyond it.
    """
    height, width = plane.shape
    for left, top, right, bottom in boxes:
        columns = _edges(left, right, width)
        rows = _edges(top, bottom, height)
        for y0, y1 in itertools.pairwise(rows):
            for x0, x1 in itertools.pairwise(columns):
                if y1 > y0 and x1 > x0:
                    plane[y0:y1, x0:x1] = round(float(plane[y0:y1, x0:x1].mean()))


def _edges(start: float, end: float, size: int) -> list[int]:
    """Where the blocks begin and end, whole pixels inside of the plane."""
    inside = np.clip(np.linspace(np.floor(start), np.ceil(end), BLOCKS + 1), 0, size)
    return [int(edge) for edge in np.round(inside)]
