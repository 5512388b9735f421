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

from rotoscope.models.inverse_dynamics.shift import LikelihoodRatio, weighted_quantile

COVERAGE = 0.9
_ERROR_FLOOR = 0.01
"""Errors below a hundredth of the action's unit are all the same to the doubt model."""
_DOUBT_PENALTY = 0.02
"""Of the doubt model's squared coefficients, as a share of the rows."""


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
