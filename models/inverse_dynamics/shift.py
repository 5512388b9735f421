"""Errors of held-out rows, counted by how much they are like the rows that are labeled.

Labeled play and unlabelled experts visit different states: errors on the one say little about
errors on the other. Held-out rows count by how much likelier their inputs are among the rows to be
labeled (Tibshirani et al. 2019, 1904.06019, with a logistic classifier for the ratio).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

_RATIO_PENALTY = 1.0
_MAX_LOG_RATIO = 4.0
"""Rows are counted at most e^4 times, at least e^-4: a few rows must not decide alone."""
_NUM_NEWTON_STEPS = 25


@dataclass(frozen=True)
class LikelihoodRatio:
    """How much likelier an input is among unlabelled rows than among labeled ones."""

    weights: Float[np.ndarray, " input_and_one"]
    """Of a logistic classifier."""

    @classmethod
    def of(
        cls, known: Float[np.ndarray, "row input"], unlabelled: Float[np.ndarray, "time input"]
    ) -> LikelihoodRatio:
        """Fitted by Newton's method, both sides counting the same."""
        inputs = _with_one(np.concatenate([known, unlabelled]))
        is_unlabelled = np.arange(len(inputs)) >= len(known)
        count = np.where(is_unlabelled, len(unlabelled), len(known))
        share = len(inputs) / (2 * count)
        penalty = np.diag([*[_RATIO_PENALTY] * known.shape[1], 1e-6])
        weights = np.zeros(inputs.shape[1])
        for _ in range(_NUM_NEWTON_STEPS):
            chance = 1 / (1 + np.exp(-np.clip(inputs @ weights, -30, 30)))
            slope = inputs.T @ (share * (chance - is_unlabelled)) + penalty @ weights
            curve = (inputs * (share * chance * (1 - chance))[:, None]).T @ inputs + penalty
            weights = weights - np.linalg.solve(curve, slope)
        return cls(weights)

    def __call__(self, inputs: Float[np.ndarray, "row input"]) -> Float[np.ndarray, " row"]:
        """The ratio, held within `_MAX_LOG_RATIO`."""
        return np.exp(np.clip(_with_one(inputs) @ self.weights, -_MAX_LOG_RATIO, _MAX_LOG_RATIO))


def weighted_quantile(
    values: Float[np.ndarray, "row action"],
    weights: Float[np.ndarray, " row"],
    own_weight: float,
    *,
    share: float,
) -> Float[np.ndarray, " action"]:
    """Of each column: what holds `share` of the weight, that of one new row at infinity included.

    The largest value where even all of them hold less.
    """
    order = np.argsort(values, axis=0)
    held = np.cumsum(weights[order], axis=0) / (weights.sum() + own_weight)
    rank = np.minimum((held < share).sum(0), len(values) - 1)
    columns = np.arange(values.shape[1])
    return values[order[rank, columns], columns]


def _with_one(inputs: Float[np.ndarray, "row input"]) -> Float[np.ndarray, "row input_and_one"]:
    return np.column_stack([inputs, np.ones(len(inputs))])
