"""How motion follows from actions, told from a whole dataset, most of which can be believed.

A linear model of each number that moves: its step is explained by the action, the one before it
(what moves has weight) and, for actions that say where to be, its own value. It is fitted by least
absolute deviations, by reweighting (R. Schlossmacher, 1973), so that a quarter of the episodes with
other actions hardly moves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.errors import DatasetError

_ROUNDS = 12
"""Reweightings; after these, coefficients on the tasks named in `consistency` move by less than a
thousandth."""
_SMALLEST = 1e-3
"""Residuals below this share of a number's scale weigh alike, so that no row decides alone."""
_RIDGE = 1e-6
"""Keeps apart what actions never did apart, as a share of the mean square."""
_SCALE_AT = 0.9
"""Quantile of the steps of a number that is its scale: things rest most of the time."""


@dataclass(frozen=True, eq=False)
class Moves:
    """What was done and what moved in an episode."""

    episode: int
    """Episode index."""
    action: Float[np.ndarray, "row action"]
    """What was done at each row."""
    state: Float[np.ndarray, "row state"]
    """What is where at each row, before the action."""
    valid: Bool[np.ndarray, " row"]
    """Rows whose action counts."""

    @property
    def steps(self) -> Float[np.ndarray, "step state"]:
        """What moved from each row to the next."""
        return np.diff(self.state, axis=0)

    @property
    def is_known(self) -> Bool[np.ndarray, " step"]:
        """Steps from and to known rows, of which actions and states are known."""
        known = np.isfinite(self.action).all(axis=1) & np.isfinite(self.state).all(axis=1)
        known &= self.valid
        return known[:-1] & known[1:]


@dataclass(frozen=True, eq=False)
class ForwardModel:
    """What actions explain of the steps of each number that moves."""

    columns: tuple[int, ...]
    """Numbers of the state that move."""
    scale: Float[np.ndarray, " moving"]
    """Size of a usual large step of each, in its own unit."""
    weights: Float[np.ndarray, " moving"]
    """Share of each number's motion that actions explain, 0..1."""
    coefficients: Float[np.ndarray, "moving input"]
    """Of the action, the action before, the number itself over its scale, and 1."""

    def wanted(self, moves: Moves) -> Float[np.ndarray, "step moving"]:
        """The steps that the actions explain, over each number's scale."""
        actions = _inputs(moves)
        own = moves.state[:-1, list(self.columns)] / self.scale
        last = self.coefficients.shape[1] - 2
        constant = self.coefficients[:, -1]
        found: np.ndarray = (
            actions @ self.coefficients[:, :last].T + own * self.coefficients[:, last] + constant
        )
        return found

    def seen(self, moves: Moves) -> Float[np.ndarray, "step moving"]:
        """The steps that were seen, over each number's scale."""
        found: np.ndarray = moves.steps[:, list(self.columns)] / self.scale
        return found


def fit_forward(episodes: Sequence[Moves]) -> ForwardModel:
    """The model of a dataset.

    Raises:
        DatasetError: Nothing moves, or no step is known.
    """
    known = [e.is_known for e in episodes]
    steps = np.concatenate([e.steps[k] for e, k in zip(episodes, known, strict=True)])
    if not len(steps):
        raise DatasetError("no two neighboring rows are known; nothing can be said of motion")
    scale = np.quantile(np.abs(steps), _SCALE_AT, axis=0)
    scale = np.where(scale > 0, scale, np.abs(steps).max(axis=0))
    columns = np.flatnonzero(scale > 0)
    if not len(columns):
        raise DatasetError("no number of the state ever moves; name others that do")
    actions = np.concatenate([_inputs(e)[k] for e, k in zip(episodes, known, strict=True)])
    own = np.concatenate([e.state[:-1][k] for e, k in zip(episodes, known, strict=True)])
    found, weights = [], []
    for column in columns:
        target = steps[:, column] / scale[column]
        inputs = np.column_stack([actions, own[:, column] / scale[column], np.ones(len(target))])
        chosen, share = _least_deviations(inputs, target)
        found.append(chosen)
        weights.append(share)
    return ForwardModel(tuple(columns.tolist()), scale[columns], np.array(weights), np.array(found))


def _inputs(moves: Moves) -> Float[np.ndarray, "step input"]:
    """The action at each step and the one before it; at the first, itself again."""
    now = np.nan_to_num(moves.action[:-1])
    before = np.concatenate([now[:1], now[:-1]])
    return np.concatenate([now, before], axis=1)


def _least_deviations(
    inputs: Float[np.ndarray, "step input"], target: Float[np.ndarray, " step"]
) -> tuple[Float[np.ndarray, " input"], float]:
    """Coefficients, and the share of the target's deviation from its median that they explain."""
    weight = np.ones(len(target))
    ridge = _RIDGE * np.diag((inputs**2).mean(axis=0) + _RIDGE) * len(target)
    chosen = np.zeros(inputs.shape[1])
    for _ in range(_ROUNDS):
        weighed = inputs * weight[:, None]
        chosen = np.linalg.solve(weighed.T @ inputs + ridge, weighed.T @ target)
        weight = 1 / np.maximum(np.abs(target - inputs @ chosen), _SMALLEST)
    left = np.abs(target - inputs @ chosen).sum()
    whole = np.abs(target - np.median(target)).sum()
    return chosen, float(np.clip(1 - left / whole, 0, 1)) if whole > 0 else 0.0
