"""Looks for many points at once, each near where it is expected, from what it last looked like."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from rotoscope.models.points.flow import follow_both_ways

SIDE_PX = 56
"""Side of what is kept of a point [px]; of a power of two times 7, so that a row holds 8."""
_HALF = SIDE_PX // 2
MIDDLE_PX = 13
"""Side of what must look alike [px]."""
LEVELS = 1
"""Of the pyramid: the guess is near, and a third level would see the neighbors' patches."""


def cut(
    gray: UInt8[np.ndarray, "height width"], points: Float[np.ndarray, "point 2"]
) -> tuple[UInt8[np.ndarray, "point side side"], Float[np.ndarray, "point 2"]]:
    """The surroundings of points, and where in them each point lies."""
    corner = np.floor(points).astype(int) - _HALF
    height, width = gray.shape
    step = np.arange(SIDE_PX)
    rows = np.clip(corner[:, 1, None] + step, 0, height - 1)
    columns = np.clip(corner[:, 0, None] + step, 0, width - 1)
    return gray[rows[:, :, None], columns[:, None, :]], points - corner


def find(
    gray: UInt8[np.ndarray, "height width"],
    patches: UInt8[np.ndarray, "point side side"],
    inside: Float[np.ndarray, "point 2"],
    guess: Float[np.ndarray, "point 2"],
) -> tuple[Float[np.ndarray, "point 2"], Float[np.ndarray, " point"], Float[np.ndarray, " point"]]:
    """Where points are that looked like their patches, and how sure that is.

    Beside the places: how far off following back ends [px], and how much what is there looks like
    them, the correlation of the middles, -1 to 1.

    All patches make one picture, what lies around the guesses a second one: Lucas and Kanade's
    flow between the two finds all points with one call, of which OpenCV's cost is mostly made.
    """
    around, at = cut(gray, guess)
    shift = _shifts(len(guess))
    start = (inside + shift).astype(np.float32)
    looked, now = _tiled(patches), _tiled(around)
    there, off_px = follow_both_ways(
        looked, now, start, guess=(at + shift).astype(np.float32), levels=LEVELS
    )
    likeness = correlation(_middles(looked, start), _middles(now, there))
    return there - shift - at + guess, off_px, likeness


def _middles(
    image: UInt8[np.ndarray, "height width"], points: Float[np.ndarray, "point 2"]
) -> Float[np.ndarray, "point pixel"]:
    import cv2

    step = np.arange(MIDDLE_PX, dtype=np.float32) - MIDDLE_PX // 2
    x = points[:, 0, None, None] + step[None, None, :] + 0 * step[None, :, None]
    y = points[:, 1, None, None] + step[None, :, None] + 0 * step[None, None, :]
    flat = (len(points), MIDDLE_PX**2)
    maps = x.reshape(flat).astype(np.float32), y.reshape(flat).astype(np.float32)
    return np.asarray(cv2.remap(image, *maps, cv2.INTER_LINEAR), float)


def correlation(
    a: Float[np.ndarray, "point pixel"], b: Float[np.ndarray, "point pixel"]
) -> Float[np.ndarray, " point"]:
    """How much looks are alike, -1 to 1, whatever their brightness and contrast."""
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    size = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.asarray((a * b).sum(axis=1) / np.maximum(size, 1e-9))


def _shifts(num: int) -> Int[np.ndarray, "point 2"]:
    row, column = np.divmod(np.arange(num), _per_row(num))
    return np.stack([column, row], axis=1) * SIDE_PX


def _per_row(num: int) -> int:
    return max(1, int(np.ceil(np.sqrt(num))))


def _tiled(patches: UInt8[np.ndarray, "point side side"]) -> UInt8[np.ndarray, "height width"]:
    across = _per_row(len(patches))
    down = -(-len(patches) // across)
    full = np.zeros((down * across, SIDE_PX, SIDE_PX), np.uint8)
    full[: len(patches)] = patches
    grid = full.reshape(down, across, SIDE_PX, SIDE_PX).swapaxes(1, 2)
    return np.ascontiguousarray(grid.reshape(down * SIDE_PX, across * SIDE_PX))


def is_inside(
    points: Float[np.ndarray, "point 2"], shape: tuple[int, ...], border_px: float
) -> Bool[np.ndarray, " point"]:
    """Points that lie in a picture of (height, width), its border left out."""
    last = np.array([shape[1], shape[0]]) - 1 - border_px
    return np.asarray(((points >= border_px) & (points <= last)).all(axis=1))
