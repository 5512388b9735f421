"""Intervals that hold the stated share of errors: cross-conformal prediction.

Vovk 2015, Barber et al. 2021 (1905.02928): every episode's errors are those of models that were
not fitted to it. Scaled by an expected error (`rotoscope.models.inverse_dynamics.error_model`) as
in Lei et al. 2018 (1604.04173). What is learned are that expectation, one factor per dimension and,
for choices, one temperature.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.models.inverse_dynamics.error_model import ErrorModel

COVERAGE = 0.9
"""Share of true values that an interval should hold."""
NORMAL_QUANTILE = 1.6449
"""Half width of the interval that holds 90 % of a normal distribution, in sigmas."""
RIGHT_WITHIN = 0.2
"""What counts as right for `confidence`: an error below this share of a dimension's spread."""
TEMPERATURES = np.geomspace(0.2, 5.0, 41)


@dataclass(frozen=True, eq=False)
class Calibration:
    """What held-out episodes taught about errors."""

    error_model: ErrorModel
    """The expected absolute error, in units of each dimension's spread."""
    factor: Float[np.ndarray, " action"]
    """Half width of the 90 % interval over the expected error, per dimension."""
    temperature: float
    """Exponent 1/T of the probabilities of choices."""

    def half_width(
        self, features: Float[np.ndarray, "row action feature"]
    ) -> Float[np.ndarray, "row action"]:
        """Half of the 90 % interval, in units of each dimension's spread."""
        return self.error_model(features) * self.factor


def confidence(
    half_width: Float[np.ndarray, "row scored"], chosen: Float[np.ndarray, "row choice"]
) -> Float[np.ndarray, " row"]:
    """Chance of being right, 0..1, mean over dimensions.

    A number is right within `RIGHT_WITHIN` of its spread over the training actions; a choice is
    right or not.

    Args:
        half_width: Half 90 % intervals of the numbers, in units of each dimension's spread.
        chosen: Probabilities of what was chosen.
    """
    from scipy.special import erf

    sigmas = NORMAL_QUANTILE / np.maximum(half_width, 1e-12)
    # P(|e| < RIGHT_WITHIN) of a normal error whose 90 % interval is the half width.
    right = erf(RIGHT_WITHIN * sigmas / np.sqrt(2))
    return np.clip(np.concatenate([right, chosen], axis=1).mean(1), 0, 1)


def conformal_factor(
    error: Float[np.ndarray, "row action"], expected: Float[np.ndarray, "row action"]
) -> Float[np.ndarray, " action"]:
    """What expected errors must be multiplied by to hold 90 % of the errors, per dimension."""
    # Normalized scores |y - f(x)| / sigma(x) (Lei et al. 2018, section 5.2); their quantile at
    # ceil((n + 1) (1 - alpha)) holds as many of the errors to come (ibid., section 2).
    score = np.sort(np.abs(error) / np.maximum(expected, 1e-12), axis=0)
    rank = min(int(np.ceil((len(score) + 1) * COVERAGE)), len(score))
    return score[rank - 1]


def best_temperature(
    probability: Float[np.ndarray, "row choice"], truth: Float[np.ndarray, "row choice"]
) -> float:
    """The temperature under which the true choices are most likely."""
    losses = [
        -(np.log(tempered(probability, float(t))) * truth).sum(1).mean() for t in TEMPERATURES
    ]
    return float(TEMPERATURES[int(np.argmin(losses))])


def tempered(
    probability: Float[np.ndarray, "row choice"], temperature: float
) -> Float[np.ndarray, "row choice"]:
    """Probabilities made flatter (T > 1) or sharper (T < 1)."""
    powered = np.maximum(probability, 1e-9) ** (1 / temperature)
    return powered / powered.sum(1, keepdims=True)
