"""A labeler's intervals and scores, from its errors on episodes it was not fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rotoscope.models.inverse_dynamics.calibration import (
    MAX_WIDENING,
    Calibration,
    Evidence,
    best_temperature,
    conformal_factor,
)
from rotoscope.models.inverse_dynamics.error_model import ErrorModel, shared_features
from rotoscope.models.inverse_dynamics.labeler import Labeler
from rotoscope.models.inverse_dynamics.labeler_facts import LabelerFacts
from rotoscope.models.inverse_dynamics.networks import LabelerScaling
from rotoscope.models.inverse_dynamics.rows import Components, LabeledWindows
from rotoscope.models.labelers.familiarity import Familiarity
from rotoscope.models.labelers.labels import Labels
from rotoscope.models.labelers.scores import score

_LEFT = (0.81, 4.0)
"""What a larger ensemble may leave of the squared error, at least and at most. The variance of two
members says little: trusted further, it took a sixth of the intervals off and coverage below .85
in 4 of 31 labelers (networks on the tasks of `calibration.LEAST_HALF_WIDTH`)."""
_LEFT_BY_ROWS = (0.25, 4.0)
"""The same for what intervals are held against, which count rows."""


_NOTHING_FAMILIAR = Familiarity(
    looks=None,
    centre=np.zeros(0),
    scale=np.zeros(0),
    change_scale=np.ones(1),
    step_s=np.ones(1),
    anchors=np.zeros((0, 3, 0)),
    middle=np.zeros(0),
    reach=np.zeros(0),
)
"""Of labelers that are only asked about their errors."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """One part of the episodes, and a labeler that was fitted to none of them."""

    labeler: Labeler
    """Without calibration."""
    episodes: tuple[LabeledWindows, ...]
    """Their windows and actions."""
    names: tuple[str, ...]
    """How messages call the episodes."""


@dataclass(frozen=True, eq=False)
class _FoldPredictions:
    """What a labeler predicts for the rows of a fold that it was not fitted to."""

    values: np.ndarray
    encoded: np.ndarray
    features: np.ndarray
    """Inputs of the error model."""
    error: np.ndarray
    """Error of each number, in units of the whole labeler's spread."""
    variance: np.ndarray
    """Variance between members, same unit squared; 0 where there is one."""
    truth: np.ndarray
    lengths: tuple[int, ...]

    @property
    def num_members(self) -> int:
        return len(self.encoded)

    def by_episode(self, rows: np.ndarray) -> list[np.ndarray]:
        return np.split(rows, np.cumsum(self.lengths)[:-1])


def uncalibrated(
    facts: LabelerFacts,
    scaling: LabelerScaling,
    components: Components | None,
    members: tuple[dict[str, np.ndarray], ...],
) -> Labeler:
    """A labeler that does not know its errors yet."""
    num = len(facts.contract.dimensions)
    unknown = ErrorModel(np.zeros((num, 0)), np.ones((num, 0)), np.zeros((num, 1)))
    evidence = Evidence(np.zeros((0, 0)), np.zeros((0, num)), np.zeros(0))
    calibration = Calibration(unknown, np.ones(num), np.ones(num), evidence, 1.0)
    return Labeler(facts, scaling, components, members, calibration, _NOTHING_FAMILIAR, metrics={})


def calibrated(whole: Labeler, parts: Sequence[HeldOut]) -> Labeler:
    """The labeler with what held-out episodes teach about its errors, and its scores on them.

    Scores are those of labelers that did not see the episode, with intervals that were learned
    from other parts.
    """
    folds = [_predict_fold(part, whole) for part in parts]
    whole = replace(whole, facts=whole.facts.model_copy(update={"levels": _levels(folds, whole)}))
    temperature = _temperature(folds, whole)
    num_members = len(whole.members)
    labeler = replace(whole, calibration=_calibration(folds, num_members, temperature))
    labels: list[Labels] = []
    for index, part in enumerate(folds):
        others = [s for i, s in enumerate(folds) if i != index] or folds
        blind = _calibration(others, part.num_members, temperature)
        width = np.concatenate([blind.half_width(f) for f in part.by_episode(part.features)])
        found = labeler.with_intervals(part.values, width, part.encoded, temperature)
        labels += _cut(found, part.lengths)
    truth = [e.actions for part in parts for e in part.episodes]
    metrics: dict[str, Any] = score(labels, truth, labeler.space, labeler.facts.constant)
    metrics["held_out"] = [name for part in parts for name in part.names]
    return replace(labeler, metrics=metrics)


def _levels(folds: Sequence[_FoldPredictions], whole: Labeler) -> dict[str, tuple[float, ...]]:
    """Of the numbers that take few values, those that are nearer to the truth at one of them.

    Where little is seen of them, the middle is: a wrong value is off by the whole way.
    """
    values, truth = (np.concatenate([getattr(f, n) for f in folds]) for n in ("values", "truth"))
    snapped = whole.at_levels(values)
    off, before = ((snapped - truth) ** 2).mean(axis=0), ((values - truth) ** 2).mean(axis=0)
    names = whole.space.contract.names
    return {
        name: levels
        for name, levels in whole.facts.levels.items()
        if off[names.index(name)] <= before[names.index(name)]
    }


def _predict_fold(part: HeldOut, whole: Labeler) -> _FoldPredictions:
    labeler, rows = part.labeler, LabeledWindows.join(part.episodes)
    space, spread = labeler.space, whole.scaling.spread
    pictures = labeler.embeddings_of(rows)
    encoded, log_variance = labeler.predict(rows.inputs, pictures)
    values, sigma = labeler.summarize(encoded, log_variance)
    votes = np.stack([space.error(space.decode(m[None]), values) for m in encoded])
    return _FoldPredictions(
        values=values,
        encoded=encoded,
        features=labeler.uncertainty_features(values, sigma, rows.inputs, pictures),
        error=space.error(values, rows.actions) / spread,
        variance=(votes**2).sum(0) / max(1, len(votes) - 1) / spread**2,
        truth=rows.actions,
        lengths=tuple(len(e.actions) for e in part.episodes),
    )


def _calibration(
    folds: Sequence[_FoldPredictions], num_members: int, temperature: float
) -> Calibration:
    """What held-out parts teach about the mean of `num_members`."""
    features = np.concatenate([s.features for s in folds])
    error = np.concatenate([s.error for s in folds])
    error_model = ErrorModel.of(features, error)
    # E[error^2] of the mean of n members is bias^2 + variance / n (Ueda and Nakano 1996; what
    # members share counts as bias). Here m of n had not seen the fold: of n, (1/m - 1/n) less.
    gained = np.concatenate([(1 / s.num_members - 1 / num_members) * s.variance for s in folds])
    whole = np.maximum((error**2).mean(0), 1e-12)
    left = 1 - gained.mean(0) / whole
    by_rows = np.sqrt(np.clip(left, *_LEFT_BY_ROWS)) * conformal_factor(
        np.abs(error) / np.maximum(error_model(features), 1e-12)
    )
    evidence = _evidence(folds).thinned()
    by_episodes = np.sqrt(np.clip(left, *_LEFT)) * evidence.quantile(evidence.weights)
    ceiling = MAX_WIDENING * by_rows
    factor = np.clip(by_episodes, by_rows, ceiling)
    return Calibration(error_model, factor, ceiling, evidence, temperature)


def _evidence(folds: Sequence[_FoldPredictions]) -> Evidence:
    """Scores of all rows by error models that were fitted to the other parts.

    An expectation that was fitted to five episodes fits them better than the sixth.
    """
    scores = []
    for index, part in enumerate(folds):
        others = [s for i, s in enumerate(folds) if i != index] or folds
        blind = ErrorModel.of(
            np.concatenate([s.features for s in others]), np.concatenate([s.error for s in others])
        )
        scores.append(np.abs(part.error) / np.maximum(blind(part.features), 1e-12))
    lengths = np.concatenate([s.lengths for s in folds])
    features = np.concatenate([s.features for s in folds])
    weights = np.repeat(1 / np.maximum(lengths, 1), lengths)
    return Evidence(shared_features(features), np.concatenate(scores), weights)


def _temperature(folds: Sequence[_FoldPredictions], whole: Labeler) -> float:
    found = []
    for block in whole.space.blocks:
        if block.kind == "discrete":
            chances = np.concatenate([s.encoded[:, :, block.encoded].mean(0) for s in folds])
            truth = np.concatenate([whole.space.encode(s.truth)[:, block.encoded] for s in folds])
            found.append(best_temperature(chances, truth))
    return float(np.exp(np.mean(np.log(found)))) if found else 1.0


def _cut(labels: Labels, lengths: Sequence[int]) -> list[Labels]:
    ends = np.cumsum(lengths)[:-1]
    parts = (np.split(array, ends) for array in vars(labels).values())
    return [Labels(*arrays) for arrays in zip(*parts, strict=True)]
