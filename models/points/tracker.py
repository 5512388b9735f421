"""Follows points through one video: seen, hidden and seen again."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from rotoscope.models.points import patches
from rotoscope.models.points.flow import follow_both_ways
from rotoscope.models.points.groups import Companions

MAX_RETURN_PX = 1.0
"""Farthest that a point may come back from where it started and count as seen [px]."""
MAX_JOLT_PX = 4.0
"""Most that a point's step may change in a frame, beside what all points' steps do [px]: a point
that something passes over is taken along by it. One that truly set off is found again at once."""
FOUND_RETURN_PX = 1.0
"""The same for one that is found again."""
FOUND_LIKENESS = 0.8
"""So much must what is found look like it."""
FOUND_NEAR_PX = 8.0
"""It must be so near to where its companions put it [px]."""
PATCH_EVERY_FRAMES = 6
"""How often the look of a seen point is kept anew."""
BACK_FRAMES = 24
"""Pictures that are kept to follow points back that were found again."""
BORDER_PX = 4.0
"""Points nearer to the edge of the picture are not seen: half of their patch is missing [px]."""
LOST_FRAMES = 90
"""A point that was hidden for longer gives its slot away."""
CUT_SHARE = 0.1
"""Where no more of `CUT_POINTS` points can be followed the picture is another one: all are given
up."""
CUT_POINTS = 20
BASE_SIGMA_PX = 0.3
"""1-sigma of a corner when it is found [px]; these five as errors are on the scenes that chose."""
DRIFT_SIGMA_PX = 0.05
"""What following adds in every frame [px]."""
RETURN_SIGMA = 0.3
"""What following adds of the distance by which a point does not come back."""
CARRIED_SIGMA_PX = 0.3
"""What every hidden frame adds [px], beside 0.3 of what companions disagree by."""
ALONE_SIGMA_PX = 4.0
"""What every frame adds in which a point is neither seen nor carried [px]."""
FOUND_SIGMA_PX = 0.8
"""1-sigma of a point that was found again [px]."""


@dataclass(frozen=True, eq=False)
class PointRow:
    """All slots in one frame; what comes later may still mend it."""

    points: Float[np.ndarray, "slot 2"]
    """Upper left pixel covers -0.5 to 0.5; NaN in an empty slot."""
    ids: Int[np.ndarray, " slot"]
    seen: Bool[np.ndarray, " slot"]
    sigma: Float[np.ndarray, " slot"]


class PointTracker:
    """Follows points from frame to frame; memory does not grow but for the rows that come out."""

    def __init__(self, num_slots: int) -> None:
        self._points = np.full((num_slots, 2), np.nan)
        self.ids = np.full(num_slots, -1, np.int64)
        self._seen = np.zeros(num_slots, bool)
        self._step = np.full((num_slots, 2), np.nan)
        self._hidden_for = np.zeros(num_slots, int)
        self._sigma = np.full(num_slots, np.nan)
        self._patches = np.zeros((num_slots, patches.SIDE_PX, patches.SIDE_PX), np.uint8)
        self._inside = np.zeros((num_slots, 2))
        self._patch_age = np.zeros(num_slots, int)
        self._companions = Companions(num_slots)
        self._recent: deque[np.ndarray] = deque(maxlen=BACK_FRAMES)
        self._next_id = 0
        self.rows: list[PointRow] = []

    @property
    def alive(self) -> Float[np.ndarray, "point 2"]:
        """Where the points are that hold a slot, seen or not."""
        return self._points[self.ids >= 0]

    @property
    def num_seen(self) -> int:
        """Points that are seen in the picture that was shown last."""
        return int(self._seen.sum())

    def add(self, points: Float[np.ndarray, "point 2"]) -> None:
        """Begins to follow points of the picture that was shown last, as many as have a slot."""
        slots = np.flatnonzero(self.ids < 0)[: len(points)]
        points = points[: len(slots)]
        self._points[slots] = points
        self.ids[slots] = self._next_id + np.arange(len(slots))
        self._next_id += len(slots)
        self._seen[slots], self._hidden_for[slots], self._sigma[slots] = True, 0, BASE_SIGMA_PX
        self._step[slots] = np.nan
        self._keep_look(slots)
        row = self.rows[-1]
        row.points[slots], row.ids[slots] = points, self.ids[slots]
        row.seen[slots], row.sigma[slots] = True, BASE_SIGMA_PX
        self._companions.remember(self._points, self._seen, self.ids)

    def observe(self, gray: UInt8[np.ndarray, "height width"]) -> None:
        """Follows all points into the next picture."""
        if self._recent:
            self._follow(gray)
        self._recent.append(gray)
        self._write()
        hidden = np.flatnonzero((self.ids >= 0) & ~self._seen)
        # Half of them in each frame: a look costs as much as following, and can be late by one.
        hidden = hidden[hidden % 2 == len(self.rows) % 2]
        if len(hidden):
            self._find_again(gray, hidden)
        due = np.flatnonzero(self._seen & (self._patch_age >= PATCH_EVERY_FRAMES))
        self._keep_look(due)
        self._companions.remember(self._points, self._seen, self.ids)

    def _follow(self, gray: UInt8[np.ndarray, "height width"]) -> None:
        slots = np.flatnonzero(self._seen)
        self._patch_age += 1
        if len(slots):
            there, off_px = follow_both_ways(self._recent[-1], gray, self._points[slots])
            kept = (off_px <= MAX_RETURN_PX) & patches.is_inside(there, gray.shape, BORDER_PX)
            kept &= self._is_smooth(slots, there, kept)
            self._points[slots[kept]] = there[kept]
            growth = np.hypot(DRIFT_SIGMA_PX, RETURN_SIGMA * off_px[kept])
            self._sigma[slots[kept]] = np.hypot(self._sigma[slots[kept]], growth)
            if kept.sum() <= CUT_SHARE * len(slots) and len(slots) >= CUT_POINTS:
                self._forget()
                return
            lost = slots[~kept]
            self._seen[lost], self._hidden_for[lost] = False, 0
            if len(lost):
                self._companions.hide(lost)
        hidden = np.flatnonzero((self.ids >= 0) & ~self._seen)
        if len(hidden):
            found, spread = self._companions.carry(hidden, self._points, self._seen, self.ids)
            known = np.isfinite(spread)
            self._points[hidden[known]] = found[known]
            self._hidden_for[hidden] += 1
            step = np.where(known, CARRIED_SIGMA_PX + 0.3 * np.nan_to_num(spread), ALONE_SIGMA_PX)
            self._sigma[hidden] = np.hypot(self._sigma[hidden], step)
        self._let_go(gray)

    def _is_smooth(
        self, slots: Int[np.ndarray, " seen"], there: np.ndarray, kept: Bool[np.ndarray, " seen"]
    ) -> Bool[np.ndarray, " seen"]:
        """Points that did not set off with what came before them, all points' jolt aside."""
        step = there - self._points[slots]
        jolt = step - self._step[slots]
        self._step[slots] = step
        told = kept & np.isfinite(jolt[:, 0])
        if told.any():
            jolt = jolt - np.median(jolt[told], axis=0)
        return np.asarray(~(np.linalg.norm(jolt, axis=1) > MAX_JOLT_PX))

    def _forget(self) -> None:
        """Gives up all points; what companions knew is of no use either, since ids never return."""
        self.ids[:], self._points[:], self._sigma[:], self._seen[:] = -1, np.nan, np.nan, False
        self._recent.clear()

    def _let_go(self, gray: UInt8[np.ndarray, "height width"]) -> None:
        gone = (self.ids >= 0) & ~self._seen
        outside = ~patches.is_inside(np.nan_to_num(self._points), gray.shape, -30.0)
        gone &= (self._hidden_for > LOST_FRAMES) | outside
        self.ids[gone], self._points[gone], self._sigma[gone] = -1, np.nan, np.nan

    def _find_again(
        self, gray: UInt8[np.ndarray, "height width"], slots: Int[np.ndarray, " hidden"]
    ) -> None:
        guess = self._points[slots]
        there, off_px, likeness = patches.find(
            gray, self._patches[slots], self._inside[slots], guess
        )
        near = np.linalg.norm(there - guess, axis=1) <= FOUND_NEAR_PX
        good = (off_px <= FOUND_RETURN_PX) & near & (likeness >= FOUND_LIKENESS)
        good &= patches.is_inside(there, gray.shape, BORDER_PX)
        found = slots[good]
        if not len(found):
            return
        self._points[found], self._seen[found] = there[good], True
        self._sigma[found], self._step[found] = FOUND_SIGMA_PX, np.nan
        self._write_now(found)
        self._follow_back(found, self._hidden_for[found])
        self._hidden_for[found] = 0

    def _follow_back(
        self, slots: Int[np.ndarray, " found"], hidden_for: Int[np.ndarray, " found"]
    ) -> None:
        """Where points that were found again were before, as far as they can be followed back."""
        points, alive = self._points[slots].copy(), np.ones(len(slots), bool)
        for back in range(1, len(self._recent)):
            alive &= hidden_for > back
            if not alive.any():
                return
            now, before = self._recent[-back], self._recent[-back - 1]
            there, off_px = follow_both_ways(now, before, points[alive])
            row, at = self.rows[-1 - back], slots[alive]
            near = np.linalg.norm(there - row.points[at], axis=1) <= FOUND_NEAR_PX
            kept = (off_px <= MAX_RETURN_PX) & near & patches.is_inside(there, now.shape, BORDER_PX)
            index = np.flatnonzero(alive)
            points[index[kept]] = there[kept]
            row.points[at[kept]], row.seen[at[kept]] = there[kept], True
            row.sigma[at[kept]] = FOUND_SIGMA_PX
            alive[index[~kept]] = False

    def _keep_look(self, slots: Int[np.ndarray, " due"]) -> None:
        if len(slots):
            looks, self._inside[slots] = patches.cut(self._recent[-1], self._points[slots])
            self._patches[slots] = looks
            self._patch_age[slots] = 0

    def _write(self) -> None:
        points, sigma = self._points.astype(np.float32), self._sigma.astype(np.float32)
        self.rows.append(PointRow(points, self.ids.astype(np.int32), self._seen.copy(), sigma))

    def _write_now(self, slots: Int[np.ndarray, " found"]) -> None:
        row = self.rows[-1]
        row.points[slots], row.seen[slots] = self._points[slots], True
        row.sigma[slots] = self._sigma[slots]
