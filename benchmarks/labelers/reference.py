"""Small inverse dynamics on tracked state: the measure that learned labelers are held against.

Also labels that are wrong in one known way, which show what each kind of error costs a policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

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
_MLP = Fit(hidden=(128, 128), num_steps=1500, weight_decay=1e-2, spread_floor=_SPREAD_FLOOR)


def ridge(
    labelled: Sequence[Demonstration],
    observations: Sequence[Float[np.ndarray, "step observation"]],
    *,
    seed: int,
) -> Labelled:
    """Linear inverse dynamics over one frame back and one ahead."""
    del seed
    features = np.concatenate([motion_features(d.observations, _RIDGE_OFFSETS) for d in labelled])
    scaler = Scaler.of(features, floor=_SPREAD_FLOOR)
    inputs = _with_one(scaler(features))
    weights = np.linalg.solve(
        inputs.T @ inputs + np.eye(inputs.shape[1]), inputs.T @ all_actions(labelled)
    )
    labels = tuple(
        Labels(np.clip(_with_one(scaler(motion_features(o, _RIDGE_OFFSETS))) @ weights, -1, 1))
        for o in observations
    )
    return Labelled(labels, weights.size)


def ensemble(
    labelled: Sequence[Demonstration],
    observations: Sequence[Float[np.ndarray, "step observation"]],
    *,
    seed: int,
) -> Labelled:
    """Non-causal perceptrons, each trained without one fold of the labelled episodes.

    The label is their mean. Its interval is their spread times the 0.9 quantile, for each
    dimension, of error over spread on the fold each has not seen (cross-conformal prediction,
    Vovk 2015). A single labelled episode leaves no fold out: no intervals then.
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
        votes = np.stack([_predict(member, observed) for member in members])
        half_width = None if factor is None else factor * _spread(votes)
        labels.append(Labels(votes.mean(0), half_width))
    return Labelled(tuple(labels), sum(member.num_parameters for member in members))


def _member(labelled: Sequence[Demonstration], *, seed: int) -> Mlp:
    features = np.concatenate([motion_features(d.observations, _MLP_OFFSETS) for d in labelled])
    return fit_regression(features, all_actions(labelled), replace(_MLP, seed=seed))


def _predict(member: Mlp, observed: np.ndarray) -> np.ndarray:
    return np.clip(member(motion_features(observed, _MLP_OFFSETS)), -1, 1)


def _spread(votes: np.ndarray) -> np.ndarray:
    # Members that agree by chance are not certain: the floor is a hundredth of the range.
    return votes.std(axis=0) + 0.02


def _conformal_factor(labelled: Sequence[Demonstration], members: Sequence[Mlp]) -> np.ndarray:
    ratios = []
    for index, demonstration in enumerate(labelled):
        votes = np.stack([_predict(member, demonstration.observations) for member in members])
        unseen = votes[index % len(members)]
        ratios.append(np.abs(unseen - demonstration.actions) / _spread(votes))
    return np.quantile(np.concatenate(ratios), 0.9, axis=0)


def _with_one(features: np.ndarray) -> np.ndarray:
    return np.column_stack([features, np.ones(len(features))])
