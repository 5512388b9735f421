"""Predictive inverse dynamics: first what will be seen, then the action that leads there.

As in PIDM and Seer (Tian et al. 2024, 2412.15109), in state alone and with kernel regressions
instead of networks: what is seen `ahead_s` later is predicted from what is seen now, and the action
inferred from both. Nothing that comes after a row is looked at, so that it can act. The prediction
needs no actions: episodes without any teach it, too, and once what was done in them is inferred
from what came after, they teach the action as well.

The action is the mean of two inferences. One learned from futures that came, the other, as Seer
does from end to end, from futures that were predicted by who had not seen the episode: the first
errs where a prediction is no future that ever came, the second where no prediction tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float
from pydantic import Field

from rotoscope.models.labelers.labeler import Labeler, LabelerConfig
from rotoscope.models.labelers.labels import Labels
from rotoscope.models.predictive_inverse_dynamics.regression import (
    KernelRegression,
    Part,
    Settings,
)
from rotoscope.models.training.action_space import ActionSpace
from rotoscope.models.training.alike import alike
from rotoscope.models.training.data import LabeledSet, UnlabelledEpisode
from rotoscope.models.training.folds import MIN_EPISODES, Folds, Groups
from rotoscope.models.training.model_folder import below
from rotoscope.pipeline.errors import DatasetError, UsageError

_FORWARD, _CAME, _FORETOLD = "forward.", "came.", "foretold."
_NUM_FOLDS = 5
_BETWEEN_S = (0.0, 0.05)
"""What an episode without actions is asked for besides `ahead_s`: how it changes to the next row,
and over this time [s]. Chosen with the mean of two inferences on Meta-World's push, pick-place,
hand-insert and peg-unplug-side, ten labeled and forty unlabeled episodes, two seeds: 145 of 160
starts solved, 120 before; kernel cloning of the ten 77."""


class PredictiveConfig(LabelerConfig):
    """What it sees, and how far it looks ahead."""

    ahead_s: float = Field(default=0.25, gt=0)
    """How far ahead what will be seen is predicted [s]; the next row at least. Chosen among 0.0125
    to 0.5 s on ten demonstrations of push and pick-place of Meta-World."""
    learns_unlabeled: bool = True
    """Whether the bench shows it the episodes that are to be labeled, too, while it learns: states
    alone, no actions. A dataset's rows that are not valid always teach it what is seen next."""


class PredictiveInverseDynamics(Labeler):
    """The action between what is seen and what is predicted to be seen; it can act itself.

    As a labeler it does not look at what came after a row, and therefore knows less than
    `inverse-dynamics`; the bench lets it act instead of cloning its labels.
    """

    version = "2"
    acts_on = 1
    Config: ClassVar[type[LabelerConfig]] = PredictiveConfig
    config: PredictiveConfig

    @classmethod
    def check_settings(cls, config: Any) -> None:
        """Refuses pictures: what is predicted are numbers."""
        super().check_settings(config)
        if config.camera or not config.inputs:
            raise UsageError(
                "the labeler 'predictive-inverse-dynamics' predicts numbers, and sees no pictures: "
                "set inputs, such as -o inputs=[observation.state], and no camera"
            )

    def fit(self, data: LabeledSet) -> None:
        """Learns what is seen later from all rows, and the action between from known or inferred.

        Raises:
            DatasetError: Nothing is known that could be learned from.
        """
        groups = alike(data.episodes)
        seen = [episode.features for episode in data.episodes]
        change = [self._change(rows, self.config.ahead_s) for rows in seen]
        done = self._done(data, groups)
        came = _inverse(seen, change, done)
        if not any(len(rows) for rows, _ in came):
            raise DatasetError(
                f"no row of {len(data.episodes)} episodes has a valid action and known features "
                f"{self.config.ahead_s:g} s later; name other inputs, or lower ahead_s"
            )
        forward = [_known(*part) for part in zip(seen, change, strict=True)]
        predicts = KernelRegression.of(forward, groups)
        foretold = came
        if len(groups) >= MIN_EPISODES:
            predicted = _predicted(forward, seen, groups, predicts.settings)
            foretold = _inverse(seen, predicted, done)
        learned = {
            _FORWARD: predicts,
            _CAME: KernelRegression.of(came, groups),
            _FORETOLD: KernelRegression.of(foretold, groups),
        }
        self.arrays = {
            prefix + name: value
            for prefix, regression in learned.items()
            for name, value in regression.arrays().items()
        }

    def label(self, episode: UnlabelledEpisode) -> Labels:
        """What would lead to what is predicted; NaN where what is seen is not known."""
        seen = episode.features
        is_known = np.isfinite(seen).all(axis=1)
        change = self._model(_FORWARD)(seen[is_known])
        both = np.concatenate([seen[is_known], change], axis=1)
        encoded = np.stack([self._model(prefix)(both) for prefix in (_CAME, _FORETOLD)])
        values = np.full((len(seen), len(self.contract.dimensions)), np.nan)
        values[is_known] = ActionSpace.of(self.contract).decode(encoded)
        return Labels(values)

    def _model(self, prefix: str) -> KernelRegression:
        return KernelRegression.from_arrays(below(self.arrays, prefix))

    def _done(self, data: LabeledSet, groups: Groups) -> list[Float[np.ndarray, "time encoded"]]:
        """What was done, encoded: as it is known, or inferred from what came after; else NaN."""
        space = ActionSpace.of(self.contract)
        known = []
        for episode in data.episodes:
            rows = np.full((len(episode.valid), space.num_encoded), np.nan)
            rows[episode.valid] = space.encode(episode.actions[episode.valid])
            known.append(rows)
        if all(episode.valid.all() for episode in data.episodes):
            return known
        spans_s = (*_BETWEEN_S, self.config.ahead_s)
        shown = [
            np.concatenate([e.features, *(self._change(e.features, s) for s in spans_s)], axis=1)
            for e in data.episodes
        ]
        parts = [_known(*part) for part in zip(shown, known, strict=True)]
        if not any(len(rows) for rows, _ in parts):
            return known
        between = KernelRegression.of(parts, groups)
        for rows, told in zip(shown, known, strict=True):
            asked = np.isfinite(rows).all(axis=1) & np.isnan(told[:, 0])
            told[asked] = between(rows[asked])
        return known

    def _change(
        self, seen: Float[np.ndarray, "time feature"], ahead_s: float
    ) -> Float[np.ndarray, "time feature"]:
        """By how much what is seen changes until then; NaN where the episode is over by then.

        To hold the last row there would teach that all comes to rest where recording stopped.
        """
        rows = max(1, round(ahead_s * self.contract.rate_hz))
        out = np.full(seen.shape, np.nan)
        out[:-rows] = seen[rows:] - seen[:-rows]
        return out


def _known(inputs: np.ndarray, targets: np.ndarray) -> Part:
    """The rows of which all is known."""
    there = np.isfinite(inputs).all(axis=1) & np.isfinite(targets).all(axis=1)
    return inputs[there], targets[there]


def _inverse(
    seen: Sequence[Float[np.ndarray, "time feature"]],
    change: Sequence[Float[np.ndarray, "time feature"]],
    done: Sequence[Float[np.ndarray, "time encoded"]],
) -> list[Part]:
    """What is seen and how it changes, and what was done, where all of it is known."""
    return [
        _known(np.concatenate([s, c], axis=1), a)
        for s, c, a in zip(seen, change, done, strict=True)
    ]


def _predicted(
    parts: Sequence[Part],
    seen: Sequence[Float[np.ndarray, "time feature"]],
    groups: Groups,
    settings: Settings,
) -> list[Float[np.ndarray, "time feature"]]:
    """For each episode, the changes that regressions predict which have not seen it."""
    out = [np.full(rows.shape, np.nan) for rows in seen]
    folds = Folds.of(groups, _NUM_FOLDS, seed=0)
    for number, part in enumerate(folds.parts):
        others = [parts[i] for i in folds.others(number)]
        if not any(len(rows) for rows, _ in others):
            continue
        predicts = KernelRegression.of(others, settings=settings)
        for i in part:
            known = np.isfinite(seen[i]).all(axis=1)
            out[i][known] = predicts(seen[i][known])
    return out
