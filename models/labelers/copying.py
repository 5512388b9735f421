"""Labelers that know next to nothing: what any other has to beat."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float
from pydantic import Field

from rotoscope.models.labelers.labeler import Labeler, LabelerConfig
from rotoscope.models.labelers.labels import Labels
from rotoscope.models.training.action_space import ActionSpace
from rotoscope.models.training.data import LabeledSet, UnlabelledEpisode
from rotoscope.models.training.read import ACTION
from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.errors import UsageError


class Mean(Labeler):
    """Always the mean action of the labeled episodes."""

    def fit(self, data: LabeledSet) -> None:
        """The mean of all valid rows, rotations and choices as such."""
        space = ActionSpace.of(self.contract)
        actions = np.concatenate([e.actions[e.valid] for e in data.episodes])
        self.arrays["mean"] = space.decode(space.encode(actions).mean(axis=0)[None, None])[0]

    def label(self, episode: UnlabelledEpisode) -> Labels:
        """The mean where anything is seen."""
        seen = np.isfinite(episode.features).all(axis=1)
        return Labels(np.where(seen[:, None], self.arrays["mean"], np.nan))


class PreviousConfig(LabelerConfig):
    """It sees the true actions, and nothing else."""

    inputs: tuple[str, ...] = (ACTION,)
    """The column of true actions."""


class Previous(Labeler):
    """The true action of the row before: what slow actions are worth, not a labeler for video."""

    Config: ClassVar[type[LabelerConfig]] = PreviousConfig

    @classmethod
    def check_settings(cls, config: Any) -> None:
        """Refuses other inputs than actions."""
        if config.inputs != (ACTION,) or config.camera:
            raise UsageError(
                f"the labeler 'previous' sees {ACTION!r} alone, got inputs {list(config.inputs)}, "
                f"camera {config.camera!r}; leave both out"
            )

    def label(self, episode: UnlabelledEpisode) -> Labels:
        """The row before; the first row has none."""
        first = np.full((1, episode.features.shape[1]), np.nan)
        return Labels(np.concatenate([first, episode.features[:-1]]))


class CopyConfig(LabelerConfig):
    """What `copy`, and `differences`, see and choose among."""

    max_ahead: int = Field(default=7, ge=1, le=100)
    """How far ahead a feature is looked at most [rows]; how far is chosen on the labeled rows."""


class Copy(Labeler):
    """The one feature some rows ahead that says most, in the action's unit.

    For each number of the action: which feature, how many rows ahead, slope and offset, by least
    squares on the labeled rows. Of a dataset with a column that another labeler wrote, such as
    `inputs=[label.retarget.arm]`, it is that labeler, its unit and lag mended.
    """

    Config: ClassVar[type[LabelerConfig]] = CopyConfig
    config: CopyConfig

    @classmethod
    def check_settings(cls, config: Any) -> None:
        """Refuses pictures alone: there is nothing to copy."""
        super().check_settings(config)
        if not config.inputs:
            raise UsageError(
                f"the labeler {cls.family()!r} copies features, and sees none: set inputs, such as "
                "-o inputs=[observation.state]"
            )

    @staticmethod
    def looked_at(
        features: Float[np.ndarray, "time feature"], ahead: int
    ) -> Float[np.ndarray, "time feature"]:
        """What is copied: the features some rows ahead; the last ones hold at the end."""
        return features[np.minimum(np.arange(len(features)) + ahead, len(features) - 1)]

    def fit(self, data: LabeledSet) -> None:
        """Chooses by the squared error over the rows at which all is known."""
        truth = np.concatenate([e.actions[e.valid] for e in data.episodes])
        fits = []
        for ahead in range(self.config.max_ahead + 1):
            seen = [self.looked_at(e.features, ahead)[e.valid] for e in data.episodes]
            fits.append(lines(np.concatenate(seen), truth))
        error, slope, offset = (np.stack(part) for part in zip(*fits, strict=True))
        ahead_best, column = np.unravel_index(
            error.reshape(-1, truth.shape[1]).argmin(axis=0), error.shape[:2]
        )
        number = np.arange(truth.shape[1])
        self.arrays = {
            "ahead": ahead_best,
            "column": column,
            "slope": slope[ahead_best, column, number],
            "offset": offset[ahead_best, column, number],
        }

    def label(self, episode: UnlabelledEpisode) -> Labels:
        """What is copied, inside the contract's limits; nothing where nothing is seen."""
        is_seen = np.isfinite(episode.features).all(axis=1, keepdims=True)
        kept = {name: self.arrays[name] for name in ("ahead", "column", "slope", "offset")}
        columns = [
            slope * self.looked_at(episode.features, int(ahead))[:, column] + offset
            for ahead, column, slope, offset in zip(*kept.values(), strict=True)
        ]
        values = inside_limits(np.stack(columns, axis=1), self.contract)
        return Labels(np.where(is_seen, values, np.nan))


class Differences(Copy):
    """Kinematic differences: how far the one feature moves within some rows that says most.

    As `copy`, but of the change from a row to those ahead of it.
    """

    @staticmethod
    def looked_at(
        features: Float[np.ndarray, "time feature"], ahead: int
    ) -> Float[np.ndarray, "time feature"]:
        """How far the features move within some rows."""
        return Copy.looked_at(features, ahead) - features


def lines(
    seen: Float[np.ndarray, "row feature"], truth: Float[np.ndarray, "row action"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Squared error, slope and offset of every feature as every action, each (feature, action).

    Rows of which something is not known are left out.
    """
    known = np.isfinite(seen).all(axis=1)
    seen, truth = seen[known], truth[known]
    if not len(seen):
        nothing = np.zeros((seen.shape[1], truth.shape[1]))
        return nothing, nothing, nothing
    x, y = seen - seen.mean(axis=0), truth - truth.mean(axis=0)
    square = (x**2).sum(axis=0)[:, None]
    slope = np.where(square > 1e-12, x.T @ y / np.maximum(square, 1e-12), 0.0)
    error = (y**2).sum(axis=0) - slope**2 * square
    return error, slope, truth.mean(axis=0) - slope * seen.mean(axis=0)[:, None]


def inside_limits(
    values: Float[np.ndarray, "row action"], contract: ActionContract
) -> Float[np.ndarray, "row action"]:
    """Actions inside the contract's limits, choices whole."""
    is_choice = ActionSpace.of(contract).is_discrete
    return np.clip(np.where(is_choice, np.round(values), values), *contract.bounds())
