"""Intervals for labels on episodes that differ from the labeled ones: weighted conformal.

Labeled play and unlabelled experts visit different states, so errors on the one say little about
errors on the other. Errors of held-out episodes are weighted by how much more likely their inputs
are among the unlabelled episodes (Tibshirani et al. 2019, 1904.06019, with a logistic classifier
for the ratio), and scaled by a model of the error itself (Lei et al. 2018, 1604.04173).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

COVERAGE = 0.9
_ERROR_FLOOR = 0.01
"""Errors below a hundredth of the action's unit are all the same to the doubt model."""
_DOUBT_PENALTY = 0.02
"""Of the doubt model's squared coefficients, as a share of the rows."""
_RATIO_PENALTY = 1.0
_MAX_LOG_RATIO = 4.0
"""Rows are counted at most e^4 times, at least e^-4: a few rows must not decide alone."""
_NUM_NEWTON_STEPS = 25


def weighted_intervals(
    known: Float[np.ndarray, "row input"],
    errors: Float[np.ndarray, "row action"],
    folds: Int[np.ndarray, " row"],
    unlabelled: Float[np.ndarray, "time input"],
) -> Float[np.ndarray, "time action"]:
    """Half widths of 90 % intervals on unlabelled rows.

    Args:
        known: Scaled inputs of labeled rows.
        errors: Absolute errors there, of models that have not seen the row's episode.
        folds: Which rows' doubts come from the same doubt model, which has not seen them.
        unlabelled: Scaled inputs of the rows that get intervals.
    """
    middle, spread = known.mean(0), known.std(0) + 1e-6
    known, unlabelled = (np.clip((v - middle) / spread, -3, 3) for v in (known, unlabelled))
    held_out = np.empty_like(errors)
    for fold in np.unique(folds):
        is_here = folds == fold
        held_out[is_here] = _Doubt.of(known[~is_here], errors[~is_here])(known[is_here])
    ratio = LikelihoodRatio.of(known, unlabelled)
    own = float(np.median(ratio(unlabelled)))
    factor = weighted_quantile(errors / held_out, ratio(known), own, share=COVERAGE)
    return factor * _Doubt.of(known, errors)(unlabelled)


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


@dataclass(frozen=True)
class _Doubt:
    """Expected error of each dimension, from a linear model of its logarithm."""

    weights: np.ndarray

    @classmethod
    def of(cls, inputs: np.ndarray, errors: np.ndarray) -> _Doubt:
        rows = _with_one(inputs)
        curve = rows.T @ rows + _DOUBT_PENALTY * len(rows) * np.eye(rows.shape[1])
        return cls(np.linalg.solve(curve, rows.T @ np.log(errors + _ERROR_FLOOR)))

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        return np.exp(_with_one(inputs) @ self.weights)


def _with_one(inputs: Float[np.ndarray, "row input"]) -> Float[np.ndarray, "row input_and_one"]:
    return np.column_stack([inputs, np.ones(len(inputs))])
