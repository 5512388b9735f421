"""How large an error to expect: learned from errors on episodes that a model had not seen.

One small regression for each dimension of the action. It sees the error that the model itself
predicts, how large an action the model infers (large actions go with large errors) and how much
moves in the window, and gives the mean absolute error: a log-linear model fitted with the gamma
likelihood, which does not care about the rare errors near zero that a regression of their
logarithms would chase.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

_PENALTY = 0.05
"""Weight of the squared coefficients, as a share of the rows."""
_STEPS = 20
_NUM_OWN = 2
"""Leading inputs that each dimension of the action has of its own."""
_FLOOR = 0.1
"""Added to magnitudes before their logarithm, in spreads: below it, they say nothing."""


@dataclass(frozen=True, eq=False)
class ErrorModel:
    """Predicts absolute errors, log-linear in a few features."""

    mean: Float[np.ndarray, "action feature"]
    """Mean of each feature over the held-out rows."""
    scale: Float[np.ndarray, "action feature"]
    """Standard deviation of each feature."""
    weight: Float[np.ndarray, "action feature_and_one"]
    """Coefficients and a constant."""

    @classmethod
    def of(
        cls,
        features: Float[np.ndarray, "row action feature"],
        error: Float[np.ndarray, "row action"],
    ) -> ErrorModel:
        """Fitted to absolute errors in units of each dimension's spread."""
        mean, scale = features.mean(0), np.maximum(features.std(0), 1e-9)
        weight = np.stack(
            [
                _gamma_regression((features[:, j] - mean[j]) / scale[j], np.abs(error[:, j]))
                for j in range(error.shape[1])
            ]
        )
        return cls(mean, scale, weight)

    def __call__(
        self, features: Float[np.ndarray, "row action feature"]
    ) -> Float[np.ndarray, "row action"]:
        """The expected absolute error; far outside of all training, that at its edge."""
        rows = np.clip((features - self.mean) / self.scale, -3, 3)
        return np.exp(np.einsum("rjs,js->rj", rows, self.weight[:, :-1]) + self.weight[:, -1])


def uncertainty_features(
    sigma: Float[np.ndarray, "row action"],
    deviation: Float[np.ndarray, "row action"],
    motion: Float[np.ndarray, "row part"],
) -> Float[np.ndarray, "row action feature"]:
    """Inputs of the error model, all of them logarithms.

    Args:
        sigma: 1-sigma that the model itself predicts, in units of each dimension's spread.
        deviation: The inferred action less the mean action, in the same units.
        motion: How far each sample of the window is from its middle.
    """
    size, floor = np.log(np.abs(deviation) + _FLOOR), 1e-6
    log_sigma = np.log(sigma + floor)
    shared = [log_sigma.mean(1), size.mean(1), *np.log(motion + floor).T]
    spread = [np.broadcast_to(s[:, None], size.shape) for s in shared]
    return np.stack([log_sigma, size, *spread], axis=2)


def shared_features(
    features: Float[np.ndarray, "row action feature"],
) -> Float[np.ndarray, "row shared"]:
    """Those of `uncertainty_features` that are the same for every dimension of the action."""
    return features[:, 0, _NUM_OWN:]


def _gamma_regression(inputs: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Coefficients and constant of `log E[target]` (McCullagh and Nelder 1989, chapter 8)."""
    rows = np.concatenate([inputs, np.ones((len(inputs), 1))], axis=1)
    target = np.maximum(target, 1e-9)
    shrink = np.full(rows.shape[1], _PENALTY * len(rows))
    shrink[-1] = 0
    weight = np.zeros(rows.shape[1])
    weight[-1] = np.log(target.mean())
    # Gamma deviance under a log link: gradient X^T (y / mu - 1), expected curvature X^T X, which
    # does not depend on the weights: one inverse serves all steps of Fisher scoring.
    curvature = np.linalg.inv(rows.T @ rows + np.diag(shrink + 1e-9))
    for _ in range(_STEPS):
        # A single huge error must not throw the whole step.
        gain = np.minimum(target * np.exp(-rows @ weight) - 1, 4)
        weight = weight + curvature @ (rows.T @ gain - shrink * weight)
    return weight
