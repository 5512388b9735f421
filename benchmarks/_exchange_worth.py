"""What a video is worth in robot episodes, read off the curve of robot episodes alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float

RESAMPLES = 2000
Solved = Bool[np.ndarray, "repeat start"]


def worth(
    curve: Mapping[int, float], success: float, *, num_robot: int, num_videos: int
) -> tuple[float, bool]:
    """Robot episodes that one video stands for, and whether the curve ends before it is known.

    The curve begins with nothing solved by no episodes, is made to rise where chance let it fall,
    and is straight between its points. Beyond its last point nobody knows: what is said then is
    the least that it is.

    Args:
        curve: Share of starts solved by robot episodes alone.
        success: Share solved by `num_robot` of them and `num_videos` videos.
        num_robot: See `success`.
        num_videos: See `success`.
    """
    counts = np.array([0, *sorted(curve)])
    shares = np.maximum.accumulate(np.array([0.0, *(curve[k] for k in sorted(curve))]))
    is_beyond = success >= shares[-1]
    if is_beyond:
        # The fewest that already did as well as the most did.
        same = float(counts[int(np.argmax(shares >= shares[-1]))])
        return (max(same, num_robot) - num_robot) / num_videos, True
    after = int(np.searchsorted(shares, success, side="right"))
    low, high = shares[after - 1], shares[after]
    inside = (success - low) / (high - low)
    equal = counts[after - 1] + inside * (counts[after] - counts[after - 1])
    return float(equal - num_robot) / num_videos, False


def interval(
    cells: Sequence[Solved], of: Callable[[Sequence[float]], float], *, seed: int = 0
) -> tuple[float, float]:
    """95 % of what comes out with other starts and other trainings; the same for every cell.

    Trainings, with robot episodes of their own, are drawn first, then the starts of each: of one
    training alone an interval holds no luck of training.

    Args:
        cells: Which starts each policy solved, its repeats in rows: each has starts of its own.
        of: From the share solved in each cell to the number in question.
        seed: Of the resampling.
    """
    rng = np.random.default_rng(seed)
    repeats, starts = cells[0].shape
    found = []
    for _ in range(RESAMPLES):
        which = rng.integers(repeats, size=(repeats, 1))
        drawn = rng.integers(starts, size=(repeats, starts))
        shares = [float(cell[which, drawn].mean()) for cell in cells]
        found.append(of(shares))
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def share(cell: Float[np.ndarray, "repeat start"] | Solved) -> float:
    """Share of all starts that were solved."""
    return float(np.mean(cell))
