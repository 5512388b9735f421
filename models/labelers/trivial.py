"""What costs nothing: scores that a labeler must beat before it is worth anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.labelers.scores import r_squared
from rotoscope.models.training.action_space import CONSTANT_SPREAD, ActionSpace
from rotoscope.models.training.data import LabeledEpisode, LabeledSet

_AHEAD = range(8)
"""Rows ahead at which a state is copied; the best of them counts."""


def trivial_scores(data: LabeledSet, used: Sequence[Bool[np.ndarray, " _"]]) -> dict[str, Any]:
    """Mean R2 over the numbers that move, on the rows that a labeler is scored on.

    `mean`: the mean action of the other episodes. `previous_action`: the true action of the row
    before. `state_ahead`: the recorded state some rows later, or its change where actions are
    changes, at the best of 0 to 7 rows; only where states and actions have the same numbers.
    Nothing where no number moves.

    Args:
        data: Labeled episodes.
        used: Of each, the rows that count: those that a labeler labels.
    """
    space = ActionSpace.of(data.contract)
    truth = np.concatenate([e.actions[u] for e, u in zip(data.episodes, used, strict=True)])
    moves = (np.ptp(truth, axis=0) >= CONSTANT_SPREAD) & ~space.is_discrete
    if not moves.any():
        return {}

    def scored(said: list[np.ndarray]) -> float:
        rows = np.concatenate([s[u] for s, u in zip(said, used, strict=True)])
        return round(float(r_squared(rows, truth, space)[moves].mean()), 4)

    means = _means_of_others(data, used, space)
    before = [_before(e, m) for e, m in zip(data.episodes, means, strict=True)]
    out: dict[str, Any] = {
        "mean": scored([np.repeat(m[None], len(e.actions), 0) for e, m in _with(data, means)]),
        "previous_action": scored(before),
    }
    states = [e.state for e in data.episodes]
    if all(s is not None and s.shape[1] == len(moves) for s in states):
        is_change = data.contract.mode == "delta"
        ahead = {
            k: scored([_ahead(s, k, is_change=is_change) for s in states if s is not None])
            for k in _AHEAD
        }
        best = max(ahead, key=lambda k: ahead[k])
        out["state_ahead"] = {"r2": ahead[best], "rows": best}
    return out


def _with(data: LabeledSet, means: list[np.ndarray]) -> list[tuple[LabeledEpisode, np.ndarray]]:
    return list(zip(data.episodes, means, strict=True))


def _means_of_others(
    data: LabeledSet, used: Sequence[np.ndarray], space: ActionSpace
) -> list[np.ndarray]:
    rows = [e.actions[u] for e, u in zip(data.episodes, used, strict=True)]
    out = []
    for own in range(len(rows)):
        others = np.concatenate([r for i, r in enumerate(rows) if i != own] or rows)
        out.append(space.decode(space.encode(others).mean(axis=0)[None, None])[0])
    return out


def _before(episode: LabeledEpisode, mean: np.ndarray) -> Float[np.ndarray, "row action"]:
    """The action of the row before each; the mean where there is none that counts."""
    said = np.repeat(mean[None], len(episode.actions), axis=0)
    known = np.flatnonzero(episode.valid[:-1])
    said[known + 1] = episode.actions[known]
    return said


def _ahead(state: np.ndarray, rows: int, *, is_change: bool) -> Float[np.ndarray, "row action"]:
    later = state[np.minimum(np.arange(len(state)) + rows, len(state) - 1)]
    return later - state if is_change else later
