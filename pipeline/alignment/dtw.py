"""Dynamic time warping: of whole series, and of a short one inside a long one.

H. Sakoe and S. Chiba, "Dynamic programming algorithm optimization for spoken word recognition",
1978; with free ends in the long series: M. Mueller, "Information retrieval for music and motion",
2007, section 4.4. Costs are added up along anti-diagonals, each of which NumPy does at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from rotoscope.pipeline.errors import TrackError

_DIAGONAL, _DOWN, _RIGHT, _START = 0, 1, 2, 3


@dataclass(frozen=True, eq=False)
class Alignment:
    """Which rows of two series go together."""

    first: Int[np.ndarray, " step"]
    """Rows of the first series along the path, never falling."""
    second: Int[np.ndarray, " step"]
    """Rows of the second one beside them."""
    cost: float
    """Sum of the costs along the path, in the unit of the costs."""

    @property
    def mean_cost(self) -> float:
        """Cost of a step of the path: paths of several lengths can be compared."""
        return self.cost / len(self.first)

    @property
    def span(self) -> tuple[int, int]:
        """Rows `[start, end)` of the second series that the first lies on."""
        return int(self.second[0]), int(self.second[-1]) + 1

    def partner(self, num_rows: int) -> Float[np.ndarray, " row"]:
        """The row of the second series beside each row of the first, the mean where several.

        Args:
            num_rows: Rows of the first series.
        """
        counts = np.bincount(self.first, minlength=num_rows)
        return np.bincount(self.first, self.second, minlength=num_rows) / np.maximum(counts, 1)


def distances(
    first: Float[np.ndarray, "row number"], second: Float[np.ndarray, "other_row number"]
) -> Float[np.ndarray, "row other_row"]:
    """Euclidean distance of every row of one series from every row of another."""
    squared = (first**2).sum(1)[:, None] + (second**2).sum(1) - 2 * first @ second.T
    return np.sqrt(np.maximum(squared, 0.0))


def align(cost: Float[np.ndarray, "row other_row"]) -> Alignment:
    """The cheapest way through both series, from the first rows of both to the last of both.

    Args:
        cost: Cost of laying a row of the first onto a row of the second, from `distances` or else;
            0 and above.

    Raises:
        TrackError: A series has no rows, or a cost is not known.
    """
    total, step = _accumulate(cost, is_free=False)
    return _way_back(total, step, cost.shape[1] - 1)


def align_inside(cost: Float[np.ndarray, "row other_row"]) -> Alignment:
    """The cheapest way of the whole first series through some part of the second.

    Args:
        cost: As for `align`.

    Raises:
        TrackError: As `align`.
    """
    total, step = _accumulate(cost, is_free=True)
    return _way_back(total, step, int(np.argmin(total[-1])))


def end_costs(cost: Float[np.ndarray, "row other_row"]) -> Float[np.ndarray, " other_row"]:
    """Cost of the cheapest way of the whole first series that ends at each row of the second.

    Its minima are the places at which the first series lies inside the second.

    Raises:
        TrackError: As `align`.
    """
    total: np.ndarray = _accumulate(cost, is_free=True)[0][-1]
    return total


def align_everywhere(
    cost: Float[np.ndarray, "row other_row"], *, min_rows: int = 1, max_rows: int | None = None
) -> tuple[list[Alignment], Float[np.ndarray, " other_row"]]:
    """All places at which the first series lies inside the second, and `end_costs`.

    They end at the minima of the end costs and share no row; of two that would, the one of the
    lower end cost is kept (Mueller 2007, algorithm 4.5). In the order of their cost.

    Args:
        cost: As for `align`.
        min_rows: Rows of the second series that a place has at least.
        max_rows: And at most.

    Raises:
        TrackError: As `align`.
    """
    total, step = _accumulate(cost, is_free=True)
    ends: np.ndarray = total[-1]
    # Of rows that go on without any cost, the first is the end.
    is_low = (ends < np.r_[np.inf, ends[:-1]]) & (ends <= np.r_[ends[1:], np.inf])
    taken = np.zeros(len(ends), bool)
    found = []
    for end in sorted(np.flatnonzero(is_low), key=lambda row: ends[row]):
        if taken[end]:
            continue
        one = _way_back(total, step, int(end))
        rows = slice(*one.span)
        num_rows = rows.stop - rows.start
        if num_rows >= min_rows and num_rows <= (max_rows or num_rows) and not taken[rows].any():
            taken[rows] = True
            found.append(one)
    return found, ends


def _accumulate(
    cost: Float[np.ndarray, "row other_row"], *, is_free: bool
) -> tuple[Float[np.ndarray, "row other_row"], Int[np.ndarray, "row other_row"]]:
    """Cost of the cheapest way to each pair of rows, and the last step of that way."""
    rows, others = cost.shape
    if not rows or not others or not np.isfinite(cost).all():
        raise TrackError(
            f"series of {rows} and {others} rows cannot be laid onto each other: each needs a row, "
            "and every cost must be known; leave out rows that are not valid"
        )
    total = np.full((rows + 1, others + 1), np.inf)
    step = np.full((rows, others), _START, np.int8)
    total[0, :] = 0.0 if is_free else np.inf
    total[0, 0] = 0.0
    for diagonal in range(rows + others - 1):
        i = np.arange(max(0, diagonal - others + 1), min(rows, diagonal + 1))
        j = diagonal - i
        before = np.stack([total[i, j], total[i, j + 1], total[i + 1, j]])
        chosen = before.argmin(0)
        total[i + 1, j + 1] = cost[i, j] + before[chosen, np.arange(len(i))]
        step[i, j] = chosen
    # A way that begins anywhere comes from above the first row, however it is drawn.
    step[0, step[0] == _DOWN] = _START
    step[0, 0] = _START
    if is_free:
        step[0, step[0] == _DIAGONAL] = _START
    return total[1:, 1:], step


def _way_back(
    total: Float[np.ndarray, "row other_row"],
    step: Int[np.ndarray, "row other_row"],
    end: int,
) -> Alignment:
    i, j = len(total) - 1, end
    cost = float(total[i, j])
    first, second = [i], [j]
    while step[i, j] != _START:
        last = step[i, j]
        i -= int(last != _RIGHT)
        j -= int(last != _DOWN)
        first.append(i)
        second.append(j)
    return Alignment(np.array(first[::-1]), np.array(second[::-1]), cost)
