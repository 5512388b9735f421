"""New corners where no point is followed yet."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.camera.point_follower import MIN_CORNER, SPACING_PX
from rotoscope.models.points.patches import is_inside

GRID = 6
"""Cells along each side of the picture; each gives its best corner, then each its second best."""
BORDER_PX = 8.0
MIN_OVER_GROUND = 6.5
"""Least strength of a corner over that of the smoothest tenth of the picture. Noise on a plain wall
has no corner above 5.7 times that; two corners of three on drawn clouds, the softest texture of the
scenes that chose, have more."""
_BLOCK = 5


def new_corners(
    gray: UInt8[np.ndarray, "height width"], taken: Float[np.ndarray, "point 2"], num: int
) -> Float[np.ndarray, "corner 2"]:
    """Up to `num` corners that are not near points that are followed, all over the picture.

    Cells with few points come first.
    """
    import cv2

    strength: Any = cv2.cornerMinEigenVal(gray, _BLOCK)
    peaks = cv2.dilate(strength, np.ones((SPACING_PX, SPACING_PX), np.uint8))
    least = max(MIN_CORNER, MIN_OVER_GROUND * float(np.quantile(strength, 0.1)))
    rows, columns = np.nonzero((strength == peaks) & (strength > least))
    found = np.stack([columns, rows], axis=1).astype(float)
    found = found[is_inside(found, gray.shape, BORDER_PX)]
    if len(found) and len(taken):
        gap = np.abs(found[:, None] - taken[None]).max(axis=2).min(axis=1)
        found = found[gap >= SPACING_PX]
    if not len(found):
        return found
    found = found[np.argsort(-strength[tuple(found.T.astype(int)[::-1])], kind="stable")]
    cell, full = _cells(found, gray.shape), _cells(taken, gray.shape)
    crowd = np.bincount(full, minlength=GRID * GRID)
    # A corner's turn is how many stand before it in its cell.
    order = np.argsort(cell, kind="stable")
    first = np.searchsorted(cell[order], cell[order])
    turn = np.empty(len(cell), int)
    turn[order] = np.arange(len(cell)) - first
    return found[np.argsort(turn + crowd[cell], kind="stable")[:num]]


def _cells(points: Float[np.ndarray, "point 2"], shape: tuple[int, ...]) -> np.ndarray:
    at = np.clip((points * GRID / [shape[1], shape[0]]).astype(int), 0, GRID - 1)
    return np.asarray(at[:, 1] * GRID + at[:, 0])
