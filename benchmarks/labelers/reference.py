"""Small inverse dynamics on tracked state: the measure that learned labelers are held against.

Also labels that are wrong in one known way, which show what each kind of error costs a policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from benchmarks.labelers.episodes import Demonstration, Labels, all_actions
from benchmarks.labelers.labeler import Labelled, motion_features
from benchmarks.labelers.networks import Fit, Mlp, Scaler, fit_regression

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
    labelled: Sequence[Demonstration],
    observations: Sequence[Float[np.ndarray, "step observation"]],
    *,
    seed: int,
) -> Labelled:
    """Linear inverse dynamics over one frame back and one ahead."""
    del seed
    features = np.concatenate([motion_features(d.observations, _RIDGE_OFFSETS) for d in labelled])
    model = _Linear.of(features, all_actions(labelled))
    labels = tuple(
        Labels(np.clip(model(motion_features(o, _RIDGE_OFFSETS)), -1, 1)) for o in observations
    )
    return Labelled(labels, model.weights.size)


def ensemble(
    labelled: Sequence[Demonstration],
    observations: Sequence[Float[np.ndarray, "step observation"]],
    *,
    seed: int,
) -> Labelled:
    """Non-causal linear models with a small perceptron's correction, one without each fold.

    The label is their mean. Its interval is their spread times the 0.9 quantile, for each
    dimension, of error over spread on the fold each has not seen (cross-conformal prediction,
    Vovk 2015). A single labelled episode leaves no fold out: no intervals then.
    Members are calibrated one by one and their mean errs less, so intervals rather hold too much.
    """
    folds = min(_NUM_FOLDS, len(labelled))
    members = [
        _member(
            [d for i, d in enumerate(labelled) if folds == 1 or i % folds != fold],
            seed=seed + 1000 * fold,
        )
        for fold in range(folds)
    ]
    factor = None if folds == 1 else _conformal_factor(labelled, members)
    labels = []
    for observed in observations:
        votes = np.stack([member(observed) for member in members])
        half_width = None if factor is None else factor * _spread(votes)
        labels.append(Labels(votes.mean(0), half_width))
    return Labelled(tuple(labels), sum(member.num_parameters for member in members))


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


def _member(labelled: Sequence[Demonstration], *, seed: int) -> _Member:
    features = np.concatenate([_features(d.observations) for d in labelled])
    targets = all_actions(labelled)
    linear = _Linear.of(features, targets)
    left = targets - linear(features)
    return _Member(linear, fit_regression(features, left, replace(_CORRECTION, seed=seed)))


def _features(observed: np.ndarray) -> np.ndarray:
    height = _HEIGHT_UNIT * observed[:-1, 2:3]
    return np.column_stack([motion_features(observed, _MLP_OFFSETS), height])


def _spread(votes: np.ndarray) -> np.ndarray:
    # Members that agree by chance are not certain: the floor is a hundredth of the range.
    return votes.std(axis=0) + 0.02


def _conformal_factor(labelled: Sequence[Demonstration], members: Sequence[_Member]) -> np.ndarray:
    ratios = []
    for index, demonstration in enumerate(labelled):
        votes = np.stack([member(demonstration.observations) for member in members])
        unseen = votes[index % len(members)]
        ratios.append(np.abs(unseen - demonstration.actions) / _spread(votes))
    return np.quantile(np.concatenate(ratios), 0.9, axis=0)
