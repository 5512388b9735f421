"""How motion follows from actions, told from a dataset most of which can be believed.

A linear model of each number that moves. Its step is explained by the action and the two before it
(what moves has weight), by its own step before, and by its own value, for actions that say where to
be. It is fitted by least absolute deviations, by reweighting (E. Schlossmacher, 1973), and on those
episodes alone that it explains best (P. Rousseeuw's least trimmed squares, 1984, with episodes in
the place of samples): a quarter of the episodes with other actions does not move it.

Actions before, steps before and the share of episodes were chosen on Meta-World's reach,
drawer-open and button-press, by how well spoilt episodes stand apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.errors import DatasetError

_ACTIONS = 3
"""Actions that a step depends on, its own among them."""
_TRUSTED = 0.6
"""Share of the episodes that the model is fitted on, those that it explains best."""
_TRIMS, _ROUNDS = 3, 12
"""How often these are chosen anew, and reweightings of each fit."""
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
    def known_rows(self) -> Bool[np.ndarray, " row"]:
        """Rows that count, of which action and state are known."""
        known = np.isfinite(self.action).all(axis=1) & np.isfinite(self.state).all(axis=1)
        found: np.ndarray = known & self.valid
        return found

    @property
    def is_known(self) -> Bool[np.ndarray, " step"]:
        """Steps from a row that counts to another."""
        return self.known_rows[:-1] & self.known_rows[1:]


@dataclass(frozen=True, eq=False)
class ForwardModel:
    """What actions explain of the steps of each number that moves."""

    columns: tuple[int, ...]
    """Numbers of the state that move."""
    scale: Float[np.ndarray, " moving"]
    """Size of a usual large step of each, in its own unit."""
    weights: Float[np.ndarray, " moving"]
    """Share of each number's motion that actions explain, beyond what it does by itself, 0..1."""
    coefficients: Float[np.ndarray, "moving input"]
    """Of the actions, the own step before, the own value over its scale, and 1."""
    has_momentum: bool
    """Whether the own step before counts; otherwise all of a step must come from actions."""

    def wanted(self, moves: Moves) -> Float[np.ndarray, "step moving"]:
        """The steps that the actions explain, over each number's scale."""
        actions = _actions(moves)
        num = actions.shape[1]
        before, own = _own(moves, self.columns, self.scale)
        found: np.ndarray = actions @ self.coefficients[:, :num].T + self.coefficients[:, -1]
        return found + before * self.coefficients[:, num] + own * self.coefficients[:, num + 1]

    def seen(self, moves: Moves) -> Float[np.ndarray, "step moving"]:
        """The steps that were seen, over each number's scale."""
        found: np.ndarray = moves.steps[:, list(self.columns)] / self.scale
        return found

    def errors(self, moves: Moves) -> Float[np.ndarray, " row"]:
        """Distance of each row's step from the one that actions explain; NaN where not known.

        Numbers count as much as actions explain them. The last row has no step.
        """
        out = np.full(len(moves.action), np.nan)
        left = (self.seen(moves) - self.wanted(moves)) * self.weights
        out[:-1] = np.where(moves.is_known, np.linalg.norm(left, axis=1), np.nan)
        return out


def fit_forward(episodes: Sequence[Moves], *, has_momentum: bool = True) -> ForwardModel:
    """The model of a dataset.

    Args:
        episodes: All of its episodes.
        has_momentum: Whether the own step before explains something of a step.

    Raises:
        DatasetError: Nothing moves, or no step is known.
    """
    usable = [e for e in episodes if len(e.action) > 1 and e.is_known.any()]
    if not usable:
        raise DatasetError("no two neighboring rows are known; nothing can be said of motion")
    columns, scale = _moving(usable)
    trusted = usable
    model = _fit(trusted, columns, scale, has_momentum=False)
    for _ in range(_TRIMS):
        errors = [float(np.nanmean(model.errors(e))) for e in usable]
        order = np.argsort(errors)[: max(2, int(np.ceil(_TRUSTED * len(usable))))]
        model = _fit([usable[k] for k in order], columns, scale, has_momentum=has_momentum)
    return model


def _moving(episodes: Sequence[Moves]) -> tuple[tuple[int, ...], Float[np.ndarray, " moving"]]:
    """Numbers of the state that move, and how far they usually do."""
    steps = np.abs(np.concatenate([e.steps[e.is_known] for e in episodes]))
    scale = np.quantile(steps, _SCALE_AT, axis=0)
    scale = np.where(scale > 0, scale, steps.max(axis=0))
    columns = np.flatnonzero(scale > 0)
    if not len(columns):
        raise DatasetError("no number of the state ever moves; name others that do")
    return tuple(columns.tolist()), scale[columns]


def _fit(
    episodes: Sequence[Moves],
    columns: tuple[int, ...],
    scale: Float[np.ndarray, " moving"],
    *,
    has_momentum: bool,
) -> ForwardModel:
    known = [e.is_known for e in episodes]

    def joined(parts: Sequence[np.ndarray]) -> np.ndarray:
        return np.concatenate([part[k] for part, k in zip(parts, known, strict=True)])

    actions = joined([_actions(e) for e in episodes])
    own = [_own(e, columns, scale) for e in episodes]
    before, value = joined([b for b, _ in own]), joined([v for _, v in own])
    steps = joined([e.steps[:, list(columns)] / scale for e in episodes])
    found, weights = [], []
    for number in range(len(columns)):
        alone = np.column_stack([before[:, number], value[:, number], np.ones(len(steps))])
        if not has_momentum:
            alone[:, 0] = 0.0
        chosen, left = _least_deviations(np.column_stack([actions, alone]), steps[:, number])
        _, without = _least_deviations(alone, steps[:, number])
        found.append(chosen)
        weights.append(1 - left / without if without > 0 else 0.0)
    return ForwardModel(columns, scale, np.clip(weights, 0, 1), np.array(found), has_momentum)


def _actions(moves: Moves) -> Float[np.ndarray, "step input"]:
    """The action at each step and those before it; before the first, the first again."""
    now = np.nan_to_num(moves.action[:-1])
    rows = np.arange(len(now))
    return np.concatenate([now[np.maximum(rows - k, 0)] for k in range(_ACTIONS)], axis=1)


def _own(
    moves: Moves, columns: tuple[int, ...], scale: Float[np.ndarray, " moving"]
) -> tuple[Float[np.ndarray, "step moving"], Float[np.ndarray, "step moving"]]:
    """The step before, 0 at the first, and the value of each number, over its scale."""
    state = np.nan_to_num(moves.state[:, list(columns)]) / scale
    steps = np.diff(state, axis=0)
    return np.concatenate([np.zeros_like(steps[:1]), steps[:-1]]), state[:-1]


def _least_deviations(
    inputs: Float[np.ndarray, "step input"], target: Float[np.ndarray, " step"]
) -> tuple[Float[np.ndarray, " input"], float]:
    """Coefficients, and the sum of what they leave."""
    weight = np.ones(len(target))
    ridge = _RIDGE * np.diag((inputs**2).mean(axis=0) + _RIDGE) * len(target)
    chosen = np.zeros(inputs.shape[1])
    for _ in range(_ROUNDS):
        weighed = inputs * weight[:, None]
        chosen = np.linalg.solve(weighed.T @ inputs + ridge, weighed.T @ target)
        weight = 1 / np.maximum(np.abs(target - inputs @ chosen), _SMALLEST)
    return chosen, float(np.abs(target - inputs @ chosen).sum())
