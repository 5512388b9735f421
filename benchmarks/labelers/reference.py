"""Small inverse dynamics on tracked state: the measure that learned labelers are held against.

Also labels that are wrong in one known way, which show what each kind of error costs a policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from benchmarks.labelers.episodes import Demonstration, Labels, all_actions
from benchmarks.labelers.intervals import weighted_intervals
from benchmarks.labelers.labeler import Labeled, motion_features
from rotoscope.models.bco.perceptron import Fit, Mlp, Scaler, fit_regression

_SPREAD_FLOOR = 2e-3
"""Displacements smaller than this [m] are noise of simulation."""
_RIDGE_OFFSETS = (-1, 1)
_MLP_OFFSETS = (-2, -1, 1, 2, 3)
_NUM_FOLDS = 5
_HEIGHT_UNIT = 0.1
"""Height is the one place that counts: it says when the table stops the hand. Scaled down, so that
its absolute value weighs no more than displacements do."""
_CORRECTION = Fit(hidden=(64,), num_steps=800, weight_decay=1.0, spread_floor=_SPREAD_FLOOR)
"""Strongly decayed: play and expert episodes move objects differently, and a free perceptron goes
astray there (0.5 of the policies' success on play, against 1.0 with this)."""


def ridge(
    labeled: Sequence[Demonstration],
    observations: Sequence[Float[np.ndarray, "step observation"]],
    *,
    seed: int,
) -> Labeled:
    """Linear inverse dynamics over one frame back and one ahead."""
    del seed
    features = np.concatenate([motion_features(d.observations, _RIDGE_OFFSETS) for d in labeled])
    model = _Linear.of(features, all_actions(labeled))
    labels = tuple(
        Labels(np.clip(model(motion_features(o, _RIDGE_OFFSETS)), -1, 1)) for o in observations
    )
    return Labeled(labels, model.weights.size)


def ensemble(
    labeled: Sequence[Demonstration],
    observations: Sequence[Float[np.ndarray, "step observation"]],
    *,
    seed: int,
) -> Labeled:
    """Non-causal linear models with a small perceptron's correction, one without each fold.

    The label is their mean. Its interval comes from the errors of every member on the fold it has
    not seen (cross-conformal prediction, Vovk 2015), weighted towards what the unlabelled episodes
    look like, see `intervals`. A single labeled episode leaves no fold out: no intervals then.
    Members are calibrated one by one and their mean errs less, so intervals rather hold too much.
    """
    folds = min(_NUM_FOLDS, len(labeled))
    members = [
        _member(
            [d for i, d in enumerate(labeled) if folds == 1 or i % folds != fold],
            seed=seed + 1000 * fold,
        )
        for fold in range(folds)
    ]
    votes = [np.stack([member(observed) for member in members]) for observed in observations]
    widths = None if folds == 1 else _half_widths(labeled, members, observations, votes)
    labels = tuple(
        Labels(vote.mean(0), None if widths is None else widths[number])
        for number, vote in enumerate(votes)
    )
    return Labeled(labels, sum(member.num_parameters for member in members))


@dataclass(frozen=True)
class _Linear:
    scaler: Scaler
    weights: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray, targets: np.ndarray) -> _Linear:
        """Ridge regression; the penalty is one sample's worth."""
        scaler = Scaler.of(features, floor=_SPREAD_FLOOR)
        inputs = np.column_stack([scaler(features), np.ones(len(features))])
        penalty = np.eye(inputs.shape[1])
        return cls(scaler, np.linalg.solve(inputs.T @ inputs + penalty, inputs.T @ targets))

    def __call__(self, features: np.ndarray) -> np.ndarray:
        return self.scaler(features) @ self.weights[:-1] + self.weights[-1]


@dataclass(frozen=True)
class _Member:
    linear: _Linear
    correction: Mlp

    @property
    def num_parameters(self) -> int:
        return self.linear.weights.size + self.correction.num_parameters

    def __call__(self, observed: np.ndarray) -> np.ndarray:
        features = _features(observed)
        return np.clip(self.linear(features) + self.correction(features), -1, 1)


def _member(labeled: Sequence[Demonstration], *, seed: int) -> _Member:
    features = np.concatenate([_features(d.observations) for d in labeled])
    targets = all_actions(labeled)
    linear = _Linear.of(features, targets)
    left = targets - linear(features)
    return _Member(linear, fit_regression(features, left, replace(_CORRECTION, seed=seed)))


def _features(observed: np.ndarray) -> np.ndarray:
    height = _HEIGHT_UNIT * observed[:-1, 2:3]
    return np.column_stack([motion_features(observed, _MLP_OFFSETS), height])


def _half_widths(
    labeled: Sequence[Demonstration],
    members: Sequence[_Member],
    observations: Sequence[np.ndarray],
    votes: Sequence[np.ndarray],
) -> list[np.ndarray]:
    known = [np.stack([member(d.observations) for member in members]) for d in labeled]
    folds = [np.full(len(d.actions), i % len(members)) for i, d in enumerate(labeled)]
    errors = [
        np.abs(vote[i % len(members)] - d.actions)
        for i, (vote, d) in enumerate(zip(known, labeled, strict=True))
    ]
    scaler = Scaler.of(
        np.concatenate([_features(o) for o in [*(d.observations for d in labeled), *observations]]),
        floor=_SPREAD_FLOOR,
    )

    def inputs(observed: Sequence[np.ndarray], voted: Sequence[np.ndarray]) -> np.ndarray:
        scaled = scaler(np.concatenate([_features(o) for o in observed]))
        spread = np.concatenate([_spread(vote) for vote in voted])
        return np.column_stack([scaled, np.abs(scaled), np.log(spread)])

    widths = weighted_intervals(
        inputs([d.observations for d in labeled], known),
        np.concatenate(errors),
        np.concatenate(folds),
        inputs(observations, votes),
    )
    return np.split(widths, np.cumsum([vote.shape[1] for vote in votes])[:-1])


def _spread(votes: np.ndarray) -> np.ndarray:
    # Members that agree by chance are not certain: the floor is a hundredth of the range.
    return votes.std(axis=0) + 0.02
