"""Do other episodes do the same in the same place: divergence of neighbors' actions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.curation.forward_model import Moves
from rotoscope.pipeline.curation.score import Score

DIVERGENCE = "divergence"
_NEIGHBORS = 5
"""Rows of other episodes that a row is held against."""
_LOOKED_AT = 60
"""Rows among which those of other episodes are looked for."""


def divergence(episodes: Sequence[Moves], *, source: str) -> Score:
    """`divergence` by row: distance of the action from the mean of its neighbors' actions.

    Neighbors are the nearest rows of other episodes; every number of state and action counts by
    its own spread. NaN where no neighbor was found.
    """
    from scipy.spatial import cKDTree

    states = _scaled([e.state for e in episodes])
    actions = _scaled([e.action for e in episodes])
    owner = np.repeat(np.arange(len(episodes)), [len(e.action) for e in episodes])
    known = np.isfinite(states).all(axis=1) & np.isfinite(actions).all(axis=1)
    known &= np.concatenate([e.valid for e in episodes])
    out = np.full(len(owner), np.nan)
    rows = np.flatnonzero(known)
    if len(rows) > _LOOKED_AT:
        near = cKDTree(states[rows]).query(states[rows], k=_LOOKED_AT)[1]
        for row, found in zip(rows, rows[near], strict=True):
            others = found[owner[found] != owner[row]][:_NEIGHBORS]
            if len(others):
                out[row] = np.linalg.norm(actions[others].mean(axis=0) - actions[row])
    ends = np.cumsum([len(e.action) for e in episodes])[:-1]
    values = dict(zip([e.episode for e in episodes], np.split(out, ends), strict=True))
    return Score(
        DIVERGENCE,
        "standard deviations",
        f"Distance of the action from the mean action of the {_NEIGHBORS} rows of other episodes "
        f"that are nearest in {source}.",
        "high",
        "episode",
        values,
    )


def _scaled(parts: Sequence[Float[np.ndarray, "_ number"]]) -> Float[np.ndarray, "all_rows number"]:
    """All rows, each number over its own spread; what never changes is left out."""
    whole = np.concatenate(parts)
    spread = np.nanstd(whole, axis=0)
    moves = spread > 1e-9
    scaled: np.ndarray = (whole[:, moves] - np.nanmean(whole[:, moves], axis=0)) / spread[moves]
    return scaled
