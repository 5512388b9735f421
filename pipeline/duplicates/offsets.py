"""At which times two videos may show the same: their activity laid onto each other at every lag."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.duplicates.fingerprint import GRID_HZ

SHORTEST_S = 1.0
"""Less in common than this says nothing [s]."""
LEAST_SHARE = 0.5
"""Share of the shorter video that must be in the other one, at least."""
_NUM, _APART_S = 3, 0.3
"""Lags that are looked at, and how far they are from each other at least [s]."""
_STILL = 1e-3
"""Activity whose spread is below this tells no time."""


@dataclass(frozen=True)
class Offset:
    """A way to lay one video onto another in time."""

    lag_s: float
    """Time of the first video when the second one begins [s]; negative where that begins before."""
    correlation: float
    """Of their activity where they overlap, -1..1."""


def offsets(
    first: Float[np.ndarray, " tick"],
    second: Float[np.ndarray, " other"],
    *,
    least: float,
) -> list[Offset]:
    """The best lags of two videos' activity, best first; none where nothing correlates.

    Pearson's correlation of what overlaps, at every lag at which `LEAST_SHARE` of the shorter one,
    and `SHORTEST_S`, overlap.

    Args:
        first: Activity of one video, at `GRID_HZ`.
        second: Of the other.
        least: Correlation below which a lag does not count.
    """
    shorter = min(len(first), len(second))
    overlap = max(int(np.ceil(LEAST_SHARE * shorter)), round(SHORTEST_S * GRID_HZ))
    if shorter < overlap:
        return []
    lags = np.arange(overlap - len(second), len(first) - overlap + 1)
    found = _correlations(first, second, lags)
    out: list[Offset] = []
    while len(out) < _NUM:
        best = int(np.argmax(found))
        if not found[best] >= least:
            break
        out.append(Offset(float(lags[best] / GRID_HZ), float(found[best])))
        found[np.abs(lags - lags[best]) <= _APART_S * GRID_HZ] = -np.inf
    return out


def _correlations(
    first: Float[np.ndarray, " tick"], second: Float[np.ndarray, " other"], lags: np.ndarray
) -> Float[np.ndarray, " lag"]:
    """Pearson's correlation of the overlap at each lag, by running sums."""
    a, b = first - first.mean(), second - second.mean()
    products = np.correlate(a, b, mode="full")[lags + len(b) - 1]
    starts, ends = np.maximum(lags, 0), np.minimum(len(a), lags + len(b))
    counts = ends - starts
    sum_a, square_a = _spans(a, starts, ends)
    sum_b, square_b = _spans(b, starts - lags, ends - lags)
    spread_a = square_a - sum_a**2 / counts
    spread_b = square_b - sum_b**2 / counts
    is_told = np.minimum(spread_a, spread_b) / counts > _STILL**2
    below = np.sqrt(np.where(is_told, spread_a * spread_b, 1.0))
    return np.where(is_told, (products - sum_a * sum_b / counts) / below, -np.inf)


def _spans(
    values: Float[np.ndarray, " tick"], starts: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Sum, and sum of squares, from each start to each end."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    squares = np.concatenate([[0.0], np.cumsum(values**2)])
    return sums[ends] - sums[starts], squares[ends] - squares[starts]
