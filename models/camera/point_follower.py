"""Follows corners of the picture from frame to frame, forward and back, and finds new ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

GRID = 4
"""Cells along each side of the picture; every cell gets its share of the points."""
POINTS_PER_CELL = 10
"""160 points in all. Followed forward and back they take 3 ms at 640 x 480; rotation from 120 is
good to .03 degrees, and twice as many do not make it better."""
MIN_CORNER = 3e-5
"""Least eigenvalue of a corner (`cv2.cornerMinEigenVal`, a block of 5). Low, because scratches on a
wall may be all there is to go by: in an H.264 clip of a hand before one there are 10 of them. What
is no corner but noise does not come back when it is followed back, or fits no motion."""
SPACING_PX = 11
"""Least distance between corners when they are found [px]."""
MAX_RETURN_PX = 0.7
"""Farthest that a point may come back from where it started, followed forward and back [px]."""
SEARCH_EVERY_FRAMES = 8
"""Frames between searches for new corners, which take as long as following does."""
MIN_ALIVE = 0.6
"""A search comes at once where fewer than this share of the points of the last one is left."""
BORDER_PX = 6
"""Points nearer to the edge of the picture are let go: half of their patch is not there [px]."""
_BLOCK, _WINDOW, _LEVELS = 5, (15, 15), 3


class PointFollower:
    """Follows points through one video; each lives in a slot until it is lost."""

    def __init__(self) -> None:
        self._before: np.ndarray | None = None
        self._num_points = GRID * GRID * POINTS_PER_CELL
        self._points = np.full((self._num_points, 2), np.nan, np.float32)
        self._ids = np.full(self._num_points, -1, np.int32)
        self._next_id = 0
        self._since_search = SEARCH_EVERY_FRAMES
        self._num_after_search = 0

    @property
    def ids(self) -> np.ndarray:
        """Which point each slot holds, -1 for none."""
        return self._ids.copy()

    @property
    def points(self) -> Float[np.ndarray, "slot 2"]:
        """Where they are: the upper left pixel covers 0 to 1; NaN in an empty slot."""
        return self._points + np.float32(0.5)

    def observe(self, gray: UInt8[np.ndarray, "height width"]) -> None:
        """Follows all points into the next picture, and finds new ones where they are due."""
        if self._before is not None and (self._ids >= 0).any():
            self._follow(self._before, gray)
        self._before = gray
        self._since_search += 1
        num_alive = int((self._ids >= 0).sum())
        is_short = num_alive < MIN_ALIVE * self._num_after_search
        if self._since_search >= SEARCH_EVERY_FRAMES or is_short:
            self._search(gray)
            self._since_search = 0
            self._num_after_search = int((self._ids >= 0).sum())

    def _follow(
        self, before: UInt8[np.ndarray, "height width"], now: UInt8[np.ndarray, "height width"]
    ) -> None:
        slots = np.flatnonzero(self._ids >= 0)
        start = self._points[slots]
        there, is_found = _flow(before, now, start)
        back, is_found_back = _flow(now, before, there)
        returns = np.linalg.norm(back - start, axis=1) <= MAX_RETURN_PX
        is_kept = is_found & is_found_back & returns & _is_inside(there, now.shape)
        self._points[slots] = np.where(is_kept[:, None], there, np.nan)
        self._ids[slots[~is_kept]] = -1

    def _search(self, gray: UInt8[np.ndarray, "height width"]) -> None:
        """Fills empty slots with the strongest corners of the cells that have too few points."""
        import cv2

        strength = cv2.cornerMinEigenVal(gray, _BLOCK)
        peaks = cv2.dilate(strength, np.ones((SPACING_PX, SPACING_PX), np.uint8))
        rows, columns = np.nonzero((strength == peaks) & (strength > MIN_CORNER))
        found = np.stack([columns, rows], axis=1).astype(np.float32)
        alive = self._points[self._ids >= 0]
        if len(alive) and len(found):
            away = [np.abs(found[:, None, axis] - alive[None, :, axis]) for axis in (0, 1)]
            gap = np.maximum(*away).min(axis=1)
            found = found[gap >= SPACING_PX]
        found = found[_is_inside(found, gray.shape)]
        found = found[np.argsort(-strength[tuple(found.T.astype(int)[::-1])], kind="stable")]
        cells, taken = cell_of(found, gray.shape), cell_of(alive, gray.shape)
        room = POINTS_PER_CELL - np.bincount(taken, minlength=GRID * GRID)
        chosen = [np.flatnonzero(cells == c)[: max(0, room[c])] for c in range(GRID * GRID)]
        new = found[np.concatenate(chosen)]
        empty = np.flatnonzero(self._ids < 0)[: len(new)]
        self._points[empty] = new[: len(empty)]
        self._ids[empty] = self._next_id + np.arange(len(empty), dtype=np.int32)
        self._next_id += len(empty)


def cell_of(points: Float[np.ndarray, "point 2"], shape: tuple[int, ...]) -> np.ndarray:
    """The cell of the grid, 0 to 15, that each point lies in; `shape` is (height, width)."""
    size = np.array([shape[1], shape[0]])
    at = np.clip((points * GRID / size).astype(int), 0, GRID - 1)
    return np.asarray(at[:, 1] * GRID + at[:, 0])


def _is_inside(
    points: Float[np.ndarray, "point 2"], shape: tuple[int, ...]
) -> Bool[np.ndarray, " point"]:
    last = np.array([shape[1], shape[0]]) - 1 - BORDER_PX
    return np.asarray(((points >= BORDER_PX) & (points <= last)).all(axis=1))


def _flow(
    before: np.ndarray, now: np.ndarray, points: Float[np.ndarray, "point 2"]
) -> tuple[Any, Any]:
    """Lucas and Kanade's points in the next picture (Bouguet 2001), and whether they were found."""
    import cv2

    flow: Any = cv2.calcOpticalFlowPyrLK  # its stubs leave out that there need be no guess
    there, found, _ = flow(
        before,
        now,
        points.reshape(-1, 1, 2),
        None,
        winSize=_WINDOW,
        maxLevel=_LEVELS,
        criteria=(cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 15, 0.03),
    )
    return there.reshape(-1, 2), found.reshape(-1) == 1
