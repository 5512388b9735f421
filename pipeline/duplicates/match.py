"""Whether one video is a copy of another: first by key frames, then by how it moves.

Two takes of one scene look alike; a copy moves alike too. So pictures tell which pairs are looked
at closely and how one was cropped or mirrored, and what changes in them, held against each other
at every offset in time, tells copies from other takes.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.duplicates.thumbnails import RATE_HZ, Glimpse
from rotoscope.pipeline.duplicates.views import VIEWS, WHOLE, View, descriptors

LOOKS_ALIKE = 0.75
"""Correlation of two key frames, seen through a view, from which on videos are looked at closely.
Chosen, as `MOVES_ALIKE`, on clips of Meta-World's reach, drawer-open and button-press and on
spans of opencv's cup; see `python -m benchmarks duplicates`."""
MOVES_ALIKE = 0.7
"""Correlation of what changes from which on two videos are copies."""
SAME_STILL = 0.98
"""The same of the pictures themselves, where nothing changes in them."""
MIN_OVERLAP = 0.5
"""Share of the shorter video that both must show."""
_STILL_LEVELS = 1.0
"""Pictures that change by less than so many gray levels [standard deviation] are still."""
_MOVES = (0.06, 0.03, 0.015)
"""Steps by which a view's edges are moved when it is refined, as shares of the picture."""


@dataclass(frozen=True)
class Candidate:
    """Two videos that look alike."""

    first: int
    """Number of one video; it shows what the other shows through `view`."""
    second: int
    """Number of the other video."""
    view: View
    """Part of the second video that the first one shows."""


@dataclass(frozen=True)
class Likeness:
    """How much two videos are alike."""

    correlation: float
    """Of what changes in them, or of the pictures where nothing does; 1 for the same."""
    offset_s: float
    """How much later the second video begins than the first, in what they show [s]."""
    view: View
    """Part of the second video that the first one shows."""

    def __str__(self) -> str:
        parts = [f"{100 * self.correlation:.0f} % alike"]
        parts += ["mirrored"] if self.view.is_mirrored else []
        share = self.view.width * self.view.height
        parts += [f"cropped to {100 * share:.0f} %"] if share < 0.97 else []
        parts += [f"shifted by {self.offset_s:.1f} s"] if abs(self.offset_s) > 0.1 else []
        return ", ".join(parts)


def candidates(glimpses: Sequence[Glimpse]) -> list[Candidate]:
    """Pairs of videos that look alike through some view, each pair once, with its best view."""
    if len(glimpses) < 2:
        return []
    plain = [descriptors(WHOLE.of(g.pictures)) for g in glimpses]
    owner = np.repeat(np.arange(len(glimpses)), [len(p) for p in plain])
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    whole = np.concatenate(plain)
    best = np.zeros((len(glimpses), len(glimpses)), np.float32)
    chosen = np.zeros(best.shape, int)
    for second, glance in enumerate(glimpses):
        seen = np.concatenate([descriptors(view.of(glance.pictures)) for view in VIEWS])
        # The best of a view's pictures, then the best of each other video's.
        alike = (whole @ seen.T).reshape(len(whole), len(VIEWS), -1).max(axis=2)
        by_video = np.maximum.reduceat(alike, starts, axis=0)
        chosen[:, second] = by_video.argmax(axis=1)
        best[:, second] = by_video.max(axis=1)
    found = []
    for a, b in itertools.combinations(range(len(glimpses)), 2):
        first, second = (a, b) if best[a, b] >= best[b, a] else (b, a)
        if best[first, second] >= LOOKS_ALIKE:
            found.append(Candidate(first, second, VIEWS[chosen[first, second]]))
    return found


def compare(
    first: Float[np.ndarray, "frame side side"],
    second: Float[np.ndarray, "other_frame side side"],
    view: View,
) -> Likeness:
    """How much two videos are alike, the second seen through a view that is refined.

    Args:
        first: Pictures of one video, at `RATE_HZ`.
        second: Pictures of the other one.
        view: About which part of the second the first shows.
    """
    plain = WHOLE.of(first)
    quick = _likeness(plain, view.of(second), view)
    if quick.correlation < MOVES_ALIKE / 2:
        return quick
    view = _refined(first, second, view)
    return max(quick, _likeness(plain, view.of(second), view), key=lambda one: one.correlation)


def _refined(
    first: Float[np.ndarray, "frame side side"],
    second: Float[np.ndarray, "other_frame side side"],
    view: View,
) -> View:
    """The view through which the mean picture of the second is most like that of the first."""
    wanted = descriptors(WHOLE.of(first.mean(axis=0)[None]))[0]
    middle = second.mean(axis=0)[None]

    def alike(one: View) -> float:
        return float(descriptors(one.of(middle))[0] @ wanted)

    best = alike(view)
    for step in _MOVES:
        has_moved = True
        while has_moved:
            has_moved = False
            for number, sign in itertools.product(range(4), (-1, 1)):
                change = [0.0] * 4
                change[number] = sign * step
                moved = view.moved(*change)
                if (found := alike(moved)) > best + 1e-5:
                    view, best, has_moved = moved, found, True
    return view


def _likeness(
    first: Float[np.ndarray, "frame a b"], second: Float[np.ndarray, "other_frame a b"], view: View
) -> Likeness:
    """The best offset in time, and the correlation there."""
    a, b = (x.reshape(len(x), -1).astype(np.float64) for x in (first, second))
    least = max(1, round(MIN_OVERLAP * min(len(a), len(b))))
    products = a @ b.T
    sums_a, sums_b = _sums(a), _sums(b)
    squares_a, squares_b = _sums((a**2).sum(axis=1)), _sums((b**2).sum(axis=1))
    best = Likeness(-1.0, 0.0, view)
    for offset in range(least - len(b), len(a) - least + 1):
        low, high = max(0, offset), min(len(a), len(b) + offset)
        num = high - low
        if num < least:
            continue
        mean_a = (sums_a[high] - sums_a[low]) / num
        mean_b = (sums_b[high - offset] - sums_b[low - offset]) / num
        both = np.trace(products, offset=-offset) - num * (mean_a @ mean_b)
        own_a = squares_a[high] - squares_a[low] - num * (mean_a @ mean_a)
        own_b = squares_b[high - offset] - squares_b[low - offset] - num * (mean_b @ mean_b)
        found = _correlation(both, own_a, own_b, mean_a, mean_b, num)
        if found > best.correlation:
            best = Likeness(found, offset / RATE_HZ, view)
    return best


def _correlation(
    both: float, own_a: float, own_b: float, mean_a: np.ndarray, mean_b: np.ndarray, num: int
) -> float:
    """Of what changes; where neither changes, of the mean pictures, which must be nearly one."""
    still = num * len(mean_a) * _STILL_LEVELS**2
    if own_a > still and own_b > still:
        return float(both / np.sqrt(own_a * own_b))
    if own_a > still or own_b > still:
        return 0.0
    alike = float(np.corrcoef(mean_a, mean_b)[0, 1]) if mean_a.std() and mean_b.std() else 0.0
    return alike if alike >= SAME_STILL else 0.0


def _sums(values: np.ndarray) -> np.ndarray:
    """Sums of all rows before each row, and of all."""
    return np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)])
