"""How a state changes in a row, learned from demonstrations, and how wrong that may be beside them.

Kernel ridge regression with a linear and a Gaussian kernel: what it learns is smooth everywhere. A
smooth function of norm B in the space of such a kernel is off by at most B P(x), P being the power
function (H. Wendland, "Scattered data approximation", 2005, theorem 11.4), which grows with the
distance from what was shown, and in directions that were never shown: where the action always
followed from the state, nobody knows which of them moves things. B is the norm of what was learned,
or what demonstrations that were left out show near a row, where that is more. It has the part of
the local Lipschitz constant in L. Ke et al., 2310.12972, theorem 4.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from rotoscope.models.training.distances import squared_distances
from rotoscope.models.training.scaling import safe

_WIDTHS, _NOISES = (1.0, 2.0, 4.0), (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Widths of the Gaussian, in root mean square sizes of a standardized row, and variances of noise
that are tried; those are taken that foretell left out demonstrations best."""
_FOLDS = 5
_NEAREST = 10
"""Rows around a row on which B is measured."""
_MOST_ROWS = 1500
"""Rows that are learned from; of more, evenly spread ones."""


@dataclass(frozen=True, eq=False)
class Transitions:
    """Rows of demonstrations that have a next row."""

    state: Float[np.ndarray, "row state"]
    """Before."""
    action: Float[np.ndarray, "row action"]
    """What was done."""
    change: Float[np.ndarray, "row state"]
    """The next state less this one."""
    episode: Int[np.ndarray, " row"]
    """Which demonstration."""

    @classmethod
    def of(cls, episodes: Sequence[tuple[np.ndarray, np.ndarray]]) -> Transitions:
        """Of states and actions, row by row, of each demonstration."""
        return cls(
            np.concatenate([state[:-1] for state, _ in episodes]),
            np.concatenate([action[: len(state) - 1] for state, action in episodes]),
            np.concatenate([np.diff(state, axis=0) for state, _ in episodes]),
            np.repeat(np.arange(len(episodes)), [len(state) - 1 for state, _ in episodes]),
        )

    def thinned(self, most: int) -> Transitions:
        """So many rows at most, evenly spread."""
        rows = slice(None, None, -(-len(self.state) // most))
        return Transitions(
            self.state[rows], self.action[rows], self.change[rows], self.episode[rows]
        )


class Dynamics:
    """Predicts the change of a state, and bounds how wrong it is near a demonstrated row.

    Args:
        shown: What it learns from.
    """

    def __init__(self, shown: Transitions) -> None:
        shown = shown.thinned(_MOST_ROWS)
        inputs = np.concatenate([shown.state, shown.action], axis=1)
        self._mean, self._scale = inputs.mean(0), safe(inputs.std(0))
        self.change_scale: Float[np.ndarray, " state"] = safe(shown.change.std(0))
        """Standard deviation of each number's change; 1 for those that never change."""
        self._change_mean = shown.change.mean(0)
        self._inputs = self._scaled(shown.state, shown.action)
        wanted = (shown.change - self._change_mean) / self.change_scale
        folds = _folds(shown.episode)
        tried = [(width, noise) for width in _WIDTHS for noise in _NOISES]
        left_out = [_left_out(self._inputs, wanted, folds, *one) for one in tried]
        best = int(np.argmin([(errors**2).sum() for errors, _ in left_out]))
        self._model = _Kernel(self._inputs, wanted, *tried[best])
        errors, powers = left_out[best]
        self._norms = np.maximum(errors / np.maximum(powers, 1e-9), self._model.norm)

    def change(
        self, state: Float[np.ndarray, "row state"], action: Float[np.ndarray, "row action"]
    ) -> Float[np.ndarray, "row state"]:
        """How the state changes in a row."""
        said = self._model.mean(self._scaled(state, action))
        return np.asarray(said * self.change_scale + self._change_mean)

    def error_bound(
        self, state: Float[np.ndarray, "row state"], action: Float[np.ndarray, "row action"]
    ) -> Float[np.ndarray, " row"]:
        """How wrong a prediction may be, a norm in standard deviations of changes."""
        inputs = self._scaled(state, action)
        near = np.argpartition(squared_distances(inputs, self._inputs), _nearest(self._inputs), 1)
        norms = self._norms[near[:, : _nearest(self._inputs)]].max(axis=1)
        return np.asarray(norms * self._model.power(inputs))

    def _scaled(self, state: np.ndarray, action: np.ndarray) -> Float[np.ndarray, "row input"]:
        return np.asarray((np.concatenate([state, action], axis=1) - self._mean) / self._scale)


class _Kernel:
    """Kernel ridge regression of rows of unit spread, and its power function."""

    def __init__(self, inputs: np.ndarray, wanted: np.ndarray, width: float, noise: float) -> None:
        from scipy.linalg import cho_factor, cho_solve

        self._inputs, self._size = inputs, inputs.shape[1]
        self._width = width
        kernel = self._between(inputs, inputs)
        self._factor = cho_factor(kernel + noise * np.eye(len(inputs)), lower=True)
        self._weights = cho_solve(self._factor, wanted)
        self.norm = float(np.sqrt(max((self._weights * (kernel @ self._weights)).sum(), 0.0)))
        """Of what was learned, in the kernel's space, over all outputs."""

    def mean(self, inputs: np.ndarray) -> Float[np.ndarray, "row output"]:
        """What is predicted."""
        return np.asarray(self._between(inputs, self._inputs) @ self._weights)

    def power(self, inputs: np.ndarray) -> Float[np.ndarray, " row"]:
        """How much a function of norm 1 may differ from what is predicted."""
        from scipy.linalg import cho_solve

        across = self._between(inputs, self._inputs)
        own = 1 + (inputs**2).sum(1) / self._size
        known = (across * cho_solve(self._factor, across.T).T).sum(1)
        return np.sqrt(np.maximum(own - known, 0.0))

    def _between(self, rows: np.ndarray, others: np.ndarray) -> Float[np.ndarray, "row other"]:
        gaussian = np.exp(-squared_distances(rows, others) / (2 * self._width**2 * self._size))
        return np.asarray(gaussian + rows @ others.T / self._size)


def _left_out(
    inputs: np.ndarray, wanted: np.ndarray, folds: np.ndarray, width: float, noise: float
) -> tuple[Float[np.ndarray, " row"], Float[np.ndarray, " row"]]:
    """Of each row the error, and the power function, of a model that did not see its fold."""
    errors, powers = np.empty(len(inputs)), np.empty(len(inputs))
    for fold in np.unique(folds):
        out = folds == fold
        model = _Kernel(inputs[~out], wanted[~out], width, noise)
        errors[out] = np.linalg.norm(model.mean(inputs[out]) - wanted[out], axis=1)
        powers[out] = model.power(inputs[out])
    return errors, powers


def _folds(episode: Int[np.ndarray, " row"]) -> Int[np.ndarray, " row"]:
    """Episodes held out together; parts of the one where there is no other."""
    num = len(np.unique(episode))
    if num == 1:
        return np.arange(len(episode)) * _FOLDS // len(episode)
    return episode % min(num, _FOLDS)


def _nearest(inputs: np.ndarray) -> int:
    return min(_NEAREST, len(inputs) - 1)
