"""How far the clocks of two videos of one motion are apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from rotoscope.models.perception.multi_view import View, triangulate
from rotoscope.models.views.seen import Seen
from rotoscope.pipeline.errors import UsageError

MIN_SHARED = 10
"""Fewer moments that two videos share tell nothing of their clocks."""
_COARSE_S, _FINE_S = 1 / 30, 1 / 240
_MAX_MOMENTS = 200


def clock_offsets(
    views: Sequence[View],
    seen: Sequence[Sequence[Seen]],
    *,
    within_s: float,
    start_s: Sequence[float] | None = None,
) -> list[float]:
    """Time of each video's clock when the first one's shows 0 [s].

    The offsets at which calibrated views agree best: the median distance of landmarks from where
    pairs of views put them together. One view after the other against the first, in steps of 1/30 s
    and then of 1/240 s; with three views or more each once again against all others, as two views
    forgive a clock that is off along the line of sight.

    Args:
        views: The cameras.
        seen: By view: hands or people, the same ones in the same order.
        within_s: Largest offset that is tried either way.
        start_s: Offsets to search about; zeros where not given.

    Raises:
        UsageError: A view shares too few moments with the first.
    """
    offsets = [0.0] * len(views) if start_s is None else [float(x) for x in start_s]
    if within_s == 0:
        return offsets
    for number in range(1, len(views)):
        steps = offsets[number] + np.arange(-within_s, within_s + 1e-9, _COARSE_S)
        offsets[number] = _best(views, seen, offsets, number, [0], steps)
    rounds = 1 if len(views) == 2 else 2
    for _ in range(rounds):
        for number in range(1, len(views)):
            others = [other for other in range(len(views)) if other != number]
            steps = offsets[number] + np.arange(-2 * _COARSE_S, 2 * _COARSE_S + 1e-9, _FINE_S)
            offsets[number] = _best(views, seen, offsets, number, others, steps)
    return offsets


def _best(
    views: Sequence[View],
    seen: Sequence[Sequence[Seen]],
    offsets_s: Sequence[float],
    number: int,
    others: Sequence[int],
    tried_s: Float[np.ndarray, " n"],
) -> float:
    """The offset of one view, of those tried, at which it agrees best with some others."""

    def disagreement(offset_s: float) -> float:
        pairs = [
            disagreement_px(
                (views[other], views[number]),
                seen[other],
                seen[number],
                offset_s - offsets_s[other],
            )
            for other in others
        ]
        told = [pair for pair in pairs if np.isfinite(pair)]
        return float(np.mean(told)) if told else np.inf

    found = np.array([disagreement(float(offset)) for offset in tried_s])
    at = int(np.argmin(found))
    if not np.isfinite(found[at]):
        raise UsageError(
            f"view {number + 1} shares fewer than {MIN_SHARED} moments with the others in which "
            "both see the same hands or people; give videos that do, or a larger --within"
        )
    step_s = float(tried_s[1] - tried_s[0])
    return float(tried_s[at] + step_s * _vertex(found, at))


def disagreement_px(
    views: tuple[View, View],
    a: Sequence[Seen],
    b: Sequence[Seen],
    offset_s: float,
) -> float:
    """Median distance of landmarks from where two views put them together [px].

    Args:
        views: The two cameras.
        a: Hands or people of the first video.
        b: The same ones in the second.
        offset_s: Time of b's clock when a's shows 0 [s].

    Returns:
        Infinite where fewer than `MIN_SHARED` moments are shared.
    """
    away = []
    for one, other in zip(a, b, strict=True):
        step = max(1, len(one.time_s) // _MAX_MOMENTS)
        first, second = one.points_px[::step], other.at(one.time_s[::step] + offset_s)
        placed, _ = triangulate(views, [first, second])
        both = [
            np.linalg.norm(view.project(placed) - px, axis=-1)
            for view, px in zip(views, (first, second), strict=True)
        ]
        away.append(np.hypot(*both))
    num_shared = sum(int(np.isfinite(one).any(axis=1).sum()) for one in away)
    if num_shared < MIN_SHARED:
        return np.inf
    return float(np.nanmedian(np.concatenate([one.ravel() for one in away])))


def _vertex(values: Float[np.ndarray, " n"], at: int) -> float:
    """Where a parabola through the least value and its neighbors has its vertex, in steps."""
    if not 0 < at < len(values) - 1 or not np.isfinite(values[at - 1 : at + 2]).all():
        return 0.0
    before, here, after = values[at - 1 : at + 2]
    curve = before - 2 * here + after
    return float(np.clip(0.5 * (before - after) / curve, -0.5, 0.5)) if curve > 1e-9 else 0.0
