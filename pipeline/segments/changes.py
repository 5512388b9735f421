"""Where a series changes: the cuts that a piecewise constant series costs least with."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def change_points(
    rows: Float[np.ndarray, "row number"], *, penalty: float, shortest: int
) -> list[int]:
    """First rows of all pieces but the first.

    Least sum of squares within pieces plus a penalty a cut, exactly, by dynamic programming with
    cuts left out that can never be best again (PELT; R. Killick, P. Fearnhead and I. Eckley, 2012).

    Args:
        rows: The series; all numbers in one unit.
        penalty: What a cut costs, in squares of that unit: a stretch of `n` rows that differs by 1
            in one number is cut out where `n` is more than twice the penalty.
        shortest: Fewest rows of a piece.
    """
    num = len(rows)
    if num < 2 * shortest:
        return []
    sums = np.concatenate([np.zeros((1, rows.shape[1])), np.cumsum(rows, axis=0)])
    squares = np.concatenate([[0.0], np.cumsum((rows**2).sum(axis=1))])
    best = np.full(num + 1, np.inf)
    best[0] = -penalty
    before = np.zeros(num + 1, int)
    starts = np.array([0])
    for end in range(shortest, num + 1):
        usable = starts[starts <= end - shortest]
        inside = squares[end] - squares[usable]
        inside = inside - ((sums[end] - sums[usable]) ** 2).sum(axis=1) / (end - usable)
        costs = best[usable] + inside
        choice = int(np.argmin(costs))
        best[end] = costs[choice] + penalty
        before[end] = usable[choice]
        kept = usable[costs <= best[end]]
        starts = np.concatenate([kept, starts[starts > end - shortest], [end]])
    cuts = []
    end = num
    while before[end] > 0:
        end = int(before[end])
        cuts.append(end)
    return cuts[::-1]
