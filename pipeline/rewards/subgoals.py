"""A demonstration as the few moments that matter: one for each bit of motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int

from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.rewards.features import FeatureScale, distances, scale_of

SPACING = 0.2
"""Motion between two subgoals, in standard deviations of the demonstration's own. .05 to .3 were
tried on `benchmarks._reward_rollouts.CHOSEN_ON`: less leaves idle tails in, more says less well
where a video stops."""
_MOST = 200
"""Subgoals of a demonstration at most; of more, evenly spread ones are kept."""
_ROUNDS = 2
"""How often the scale is taken anew from the rows that it chose."""


@dataclass(frozen=True, eq=False)
class Subgoals:
    """What a demonstration shows, one after the other."""

    features: Float[np.ndarray, "subgoal number"]
    """What each looks like; the last is the demonstration's last row."""
    rows: Int[np.ndarray, " subgoal"]
    """Where each stands in the demonstration."""
    progress: Float[np.ndarray, " subgoal"]
    """Share of the demonstration's motion that lies before each, from 0 to 1."""
    way: float
    """The demonstration's motion in all, in standard deviations of its own."""
    scale: FeatureScale
    """What distances to them are measured in."""


def subgoals_of(
    demos: Sequence[Float[np.ndarray, "_ number"]], names: Sequence[str]
) -> list[Subgoals]:
    """Of each demonstration the first row, every one that is `SPACING` further, and the last.

    Neither pauses, nor idle ends, nor how densely a part was filmed change them, as the scale is
    that of the rows so chosen; noise smaller than the spacing does not add up. Rows that are not
    known are passed over.

    Raises:
        DatasetError: One holds no row in which all is known, or nothing moves in any.
    """
    scale = scale_of(demos, names)
    for number, demo in enumerate(demos):
        if not scale.whole(demo).any():
            raise DatasetError(
                f"demonstration {number} of {len(demos)} has no row whose features are all known: "
                "name another, or fewer features"
            )
    for _ in range(_ROUNDS):
        scale = scale_of([demo[_rows_of(demo, scale)] for demo in demos], names)
    return [_subgoals(demo, scale) for demo in demos]


def _subgoals(demo: Float[np.ndarray, "row number"], scale: FeatureScale) -> Subgoals:
    rows = _rows_of(demo, scale)
    moved = [float(distances(demo[[a]], demo[[b]], scale)[0, 0]) for a, b in pairwise(rows)]
    way = np.r_[0.0, np.cumsum(np.nan_to_num(moved))]
    return Subgoals(demo[rows], np.array(rows), way / max(way[-1], 1e-12), float(way[-1]), scale)


def _rows_of(demo: Float[np.ndarray, "row number"], scale: FeatureScale) -> list[int]:
    rows = _spaced(demo, np.flatnonzero(scale.whole(demo)), scale)
    if len(rows) <= _MOST:
        return rows
    return [rows[i] for i in np.linspace(0, len(rows) - 1, _MOST).round().astype(int)]


def _spaced(
    demo: Float[np.ndarray, "row number"],
    known: Int[np.ndarray, " known"],
    scale: FeatureScale,
) -> list[int]:
    """Rows that are so far apart, the first and the last of those that are known."""
    rows = [int(known[0])]
    for row in known[1:]:
        if distances(demo[rows[-1:]], demo[[row]], scale)[0, 0] > SPACING:
            rows.append(int(row))
    end = int(known[-1])
    if len(rows) > 1 and distances(demo[rows[-1:]], demo[[end]], scale)[0, 0] < SPACING / 2:
        rows[-1] = end
    elif rows[-1] != end:
        rows.append(end)
    return rows
