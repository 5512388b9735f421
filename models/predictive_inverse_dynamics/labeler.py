"""Predictive inverse dynamics: first what will be seen, then the action that leads there.

As in PIDM and Seer (Tian et al. 2024, 2412.15109), in state alone and with kernel regressions
instead of networks: what is seen `ahead_s` later is predicted from what is seen now, and the action
inferred from both. Nothing that comes after a row is looked at, so that it can act. The prediction
needs no actions: episodes without any teach it, too.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float
from pydantic import Field

from rotoscope.models.labelers.labeler import Labeler, LabelerConfig
from rotoscope.models.labelers.labels import Labels
from rotoscope.models.predictive_inverse_dynamics.regression import KernelRegression, Part
from rotoscope.models.training.action_space import ActionSpace
from rotoscope.models.training.data import LabeledSet, UnlabelledEpisode
from rotoscope.models.training.model_folder import below
from rotoscope.pipeline.errors import DatasetError, UsageError

_FORWARD, _INVERSE = "forward.", "inverse."


class PredictiveConfig(LabelerConfig):
    """What it sees, and how far it looks ahead."""

    ahead_s: float = Field(default=0.25, gt=0)
    """How far ahead what will be seen is predicted [s]; the next row at least. Chosen among 0.0125
    to 0.5 s on ten demonstrations of push and pick-place of Meta-World."""
    learns_unlabeled: bool = False
    """Whether the bench shows it the episodes that are to be labeled, too, while it learns: states
    alone, no actions. A dataset's rows that are not valid always teach it what is seen next."""


class PredictiveInverseDynamics(Labeler):
    """The action between what is seen and what is predicted to be seen; it can act itself.

    As a labeler it does not look at what came after a row, and therefore knows less than
    `inverse-dynamics`; the bench lets it act instead of cloning its labels.
    """

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
        """Learns what is seen later from all rows, and the action between from valid ones.

        Raises:
            DatasetError: Nothing is known that could be learned from.
        """
        space = ActionSpace.of(self.contract)
        forward: list[Part] = []
        inverse: list[Part] = []
        for episode in data.episodes:
            seen = episode.features
            change = self._later(seen) - seen
            is_known = np.isfinite(seen).all(axis=1) & np.isfinite(change).all(axis=1)
            counts = is_known & episode.valid
            forward.append((seen[is_known], change[is_known]))
            both = np.concatenate([seen, change], axis=1)[counts]
            inverse.append((both, space.encode(episode.actions[counts])))
        if not any(len(seen) for seen, _ in inverse):
            raise DatasetError(
                f"no row of {len(data.episodes)} episodes has a valid action and known features "
                f"{self.config.ahead_s:g} s later; name other inputs, or lower ahead_s"
            )
        self.arrays = {
            prefix + name: value
            for prefix, parts in ((_FORWARD, forward), (_INVERSE, inverse))
            for name, value in KernelRegression.of(parts).arrays().items()
        }

    def label(self, episode: UnlabelledEpisode) -> Labels:
        """What would lead to what is predicted; NaN where what is seen is not known."""
        seen = episode.features
        is_known = np.isfinite(seen).all(axis=1)
        change = self._model(_FORWARD)(seen[is_known])
        encoded = self._model(_INVERSE)(np.concatenate([seen[is_known], change], axis=1))
        values = np.full((len(seen), len(self.contract.dimensions)), np.nan)
        values[is_known] = ActionSpace.of(self.contract).decode(encoded[None])
        return Labels(values)

    def _model(self, prefix: str) -> KernelRegression:
        return KernelRegression.from_arrays(below(self.arrays, prefix))

    def _later(self, seen: Float[np.ndarray, "time feature"]) -> Float[np.ndarray, "time feature"]:
        """What is seen `ahead_s` later; NaN where the episode is over by then.

        To hold the last row there would teach that all comes to rest where recording stopped.
        """
        rows = max(1, round(self.config.ahead_s * self.contract.rate_hz))
        out = np.full(seen.shape, np.nan)
        out[:-rows] = seen[rows:]
        return out
