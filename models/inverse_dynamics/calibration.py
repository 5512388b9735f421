"""Intervals that hold the stated share of errors: cross-conformal prediction.

Vovk 2015, Barber et al. 2021 (1905.02928): every episode's errors are those of models that were
not fitted to it. Scaled by an expected error (`rotoscope.models.inverse_dynamics.error_model`) as
in Lei et al. 2018 (1604.04173). Rows of an episode say nearly the same: every episode counts as
much as another, whatever its length (Lee, Barber and Willett 2023, 2306.06342), and rows that are
like those to be labeled count more (`rotoscope.models.inverse_dynamics.shift`). What is learned are
that expectation, one factor per dimension and, for choices, one temperature.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.models.inverse_dynamics.error_model import ErrorModel, shared_features
from rotoscope.models.inverse_dynamics.shift import LikelihoodRatio, weighted_quantile

COVERAGE = 0.9
"""Share of true values that an interval should hold."""
NORMAL_QUANTILE = 1.6449
"""Half width of the interval that holds 90 % of a normal distribution, in sigmas."""
RIGHT_WITHIN = 0.2
"""What counts as right for `confidence`: an error below this share of a dimension's spread."""
TEMPERATURES = np.geomspace(0.2, 5.0, 41)
LEAST_HALF_WIDTH = 0.02
"""Half width that no interval is below, in spreads of its dimension: what was met exactly in a few
episodes, such as a command that never changed in them, may be missed in the next. Like the factor's
range chosen on push, pick-place, reach, drawer-open, button-press, door-open, faucet-open and
window-open of Meta-World."""
MAX_WIDENING = 1.5
"""Times the factor that counting rows would give, which an interval may be wide at most: five
episodes bound no quantile of episodes from above (ibid., section 3)."""
DOUBT_MARGIN, LEAST_DOUBT = 1.5, float(np.log(2))
"""How far beyond the held-out rows' largest a model's own doubt may be, as a share of how far that
lies above their median, and the least of that: the logarithm of twice the doubt. Tried first as it
is, on one pair of left-out episodes of a real robot."""
_STEEP = 4
"""How fast what is beyond becomes strange, as in `rotoscope.models.labelers.familiarity`."""
MAX_EVIDENCE = 2000
"""Held-out rows that are kept to be weighted anew for every clip, evenly spread."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is kept of held-out rows."""

    inputs: Float[np.ndarray, "row feature"]
    """By what rows are told apart: the error model's inputs that all dimensions share."""
    scores: Float[np.ndarray, "row action"]
    """Absolute errors over what an error model expected that had not seen them either."""
    weights: Float[np.ndarray, " row"]
    """1 over the rows of the row's episode: every episode counts the same."""

    def thinned(self) -> Evidence:
        """At most `MAX_EVIDENCE` of the rows."""
        step = -(-max(1, len(self.weights)) // MAX_EVIDENCE)
        return Evidence(self.inputs[::step], self.scores[::step], self.weights[::step])

    def quantile(self, weights: Float[np.ndarray, " row"]) -> Float[np.ndarray, " action"]:
        """Score that holds `COVERAGE` of these weights, by dimension."""
        return weighted_quantile(self.scores, weights, 0.0, share=COVERAGE)

    def familiarity(self, doubt: Float[np.ndarray, " row"]) -> Float[np.ndarray, " row"]:
        """How much rows are like held-out ones by how far a model doubts them, 0..1.

        Far from all that it learned from, a model says the mean, and small numbers go with small
        errors: what it doubts more than any held-out row has no error that is known.

        Args:
            doubt: The first of `shared_features`.
        """
        if not len(self.inputs):
            return np.ones(len(doubt))
        known = self.inputs[:, 0]
        middle = float(np.median(known))
        reach = DOUBT_MARGIN * max(float(known.max()) - middle, LEAST_DOUBT)
        return np.asarray(2.0 ** -(np.maximum((doubt - middle) / reach, 0) ** _STEEP))

    def likened(self, inputs: Float[np.ndarray, "other feature"]) -> Float[np.ndarray, " row"]:
        """The weights, times how much likelier each row is among `inputs`."""
        middle, spread = self.inputs.mean(0), self.inputs.std(0) + 1e-6
        known, new = (np.clip((v - middle) / spread, -3, 3) for v in (self.inputs, inputs))
        return self.weights * LikelihoodRatio.of(known, new)(known)


@dataclass(frozen=True, eq=False)
class Calibration:
    """What held-out episodes taught about errors."""

    error_model: ErrorModel
    """The expected absolute error, in units of each dimension's spread."""
    factor: Float[np.ndarray, " action"]
    """Half width of the 90 % interval over the expected error, per dimension, on episodes like the
    labeled ones."""
    ceiling: Float[np.ndarray, " action"]
    """What the factor may grow to on others."""
    evidence: Evidence
    """What the factor is found from; no rows where none are left to be weighted."""
    temperature: float
    """Exponent 1/T of the probabilities of choices."""

    def half_width(
        self, features: Float[np.ndarray, "row action feature"]
    ) -> Float[np.ndarray, "row action"]:
        """Half of the 90 % interval, in units of each dimension's spread.

        Rows that are labeled together, those of one clip, are weighted for together.
        """
        expected = self.error_model(features) * self._factor(features)
        return np.maximum(expected, LEAST_HALF_WIDTH)

    def _factor(self, features: np.ndarray) -> Float[np.ndarray, " action"]:
        if not len(self.evidence.weights) or not len(features):
            return self.factor
        evidence = self.evidence
        # `factor` over the quantile of the same rows, unweighted, is what members' mean has gained.
        plain = np.maximum(evidence.quantile(evidence.weights), 1e-12)
        likened = evidence.quantile(evidence.likened(shared_features(features)))
        return np.clip(self.factor * likened / plain, self.factor, self.ceiling)


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


def conformal_factor(score: Float[np.ndarray, "row action"]) -> Float[np.ndarray, " action"]:
    """What expected errors must be multiplied by to hold 90 % of the rows' errors, by dimension.

    Args:
        score: Absolute errors over the expected ones, |y - f(x)| / sigma(x) (Lei et al. 2018,
            section 5.2).
    """
    # Their quantile at ceil((n + 1) (1 - alpha)) holds as many of those to come (ibid., section 2).
    score = np.sort(score, axis=0)
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
