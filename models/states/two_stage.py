"""Training a labeler on states that are read off what is seen.

A labeled recording holds the robot's state beside its actions. Reading the state off tracks first
and inferring actions from it gives labels that add up to where the hand really went, which is what
a policy needs, where inferring them from tracks alone adds small errors up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from rotoscope.models.labelers.labeler import Labeler
from rotoscope.models.labelers.train_command import labeler_to_train
from rotoscope.models.states.folder import StateFacts, save_states
from rotoscope.models.states.stage import STATE_TRACK, read_off, unseen_too_long
from rotoscope.models.states.state_map import bridged, learn_states
from rotoscope.models.training.data import LabeledEpisode, LabeledSet
from rotoscope.models.training.events import TrainListener
from rotoscope.models.training.read import read_labeled
from rotoscope.pipeline.errors import DatasetError, UsageError
from rotoscope.pipeline.settings import read_settings

_MAX_GAP_S = 0.25


@dataclass(frozen=True, eq=False)
class TwoStage:
    """What training through states gives."""

    labeler: Labeler
    """Infers actions from `track.state`."""
    states: Path
    """Folder of the map that the stage `track.state` reads states off with."""
    facts: StateFacts
    """What the map is worth."""


def train_two_stage(
    name: str,
    data: Path,
    out: Path,
    overrides: Sequence[str] = (),
    *,
    target: str = "observation.state",
    listener: TrainListener | None = None,
) -> TwoStage:
    """Trains a map from features to states, then a labeler on states read off by it.

    Each episode's states are read off by a map that has not seen it, so that the labeler learns
    what errors such states have.

    Args:
        name: Of the labeler.
        data: Folder of a labeled LeRobot v3 dataset that holds the features and the states.
        out: Folder of the labeler; the map is written to `OUT.states` beside it.
        overrides: Settings of the labeler; `inputs` names the features that states are read off.
        target: Column of states.
        listener: Told about progress.

    Raises:
        UsageError: No features are named, or a camera is.
        DatasetError: Data that nothing can be learned from.
    """
    found = labeler_to_train(name)
    config = read_settings(overrides, found.Config)
    found.check_settings(config)
    if config.camera or not config.inputs or target in config.inputs:
        raise UsageError(
            f"states are read off features: set inputs to tracks such as [track.colour.tool], got "
            f"inputs {list(config.inputs)}, camera {config.camera!r}, target {target!r}"
        )
    both = read_labeled(data, inputs=(*config.inputs, target))
    features, facts = learn_map(both, out.with_name(out.name + ".states"))
    through = config.model_copy(update={"inputs": (STATE_TRACK,)})
    labeler = found.train(features, through, out, listener=listener)
    return TwoStage(labeler, out.with_name(out.name + ".states"), facts)


def learn_map(both: LabeledSet, folder: Path) -> tuple[LabeledSet, StateFacts]:
    """Writes the map's folder.

    Args:
        both: Episodes whose last feature is the state, the others what it is read off.
        folder: Of the map.

    Returns:
        The episodes with `track.state` as their only feature, and what the map is worth.

    Episodes in which nothing was seen teach the map nothing; their `track.state` is NaN.

    Raises:
        DatasetError: A state that is not finite, or nothing seen in any episode.
    """
    size = both.input_sizes[-1]
    for episode in both.episodes:
        bad = ~np.isfinite(episode.features[:, -size:]).all(axis=1)
        if bad.any():
            raise DatasetError(
                f"{episode.name}: {both.inputs[-1]} of row {int(np.argmax(bad))} is not finite "
                f"({int(bad.sum())} such rows); remove the episode or fill them"
            )
    seen = [episode.features[:, :-size] for episode in both.episodes]
    states = [episode.features[:, -size:] for episode in both.episodes]
    # Where nothing was seen there is nothing to read a state off: zeros would be learned as one.
    shown = [i for i, s in enumerate(seen) if np.isfinite(s).all(axis=1).any()]
    if not shown:
        raise DatasetError(
            f"{', '.join(both.inputs[:-1])} are known together in no row of the "
            f"{len(seen)} episodes; name other inputs, or look at why nothing was tracked"
        )
    true = [states[i] for i in shown]
    learned = learn_states([bridged(seen[i]) for i in shown], true)
    off = np.concatenate(learned.cross_fitted) - np.concatenate(true)
    facts = StateFacts(
        inputs=both.inputs[:-1],
        input_sizes=both.input_sizes[:-1],
        target=both.inputs[-1],
        width=learned.width,
        penalty=learned.penalty,
        error=tuple(np.sqrt((off**2).mean(0)).tolist()),
    )
    save_states(learned.model, facts, folder)
    found = [np.full(s.shape, np.nan) for s in states]
    for i, cross_fitted in zip(shown, learned.cross_fitted, strict=True):
        found[i] = _as_shown(both.episodes[i], seen[i], cross_fitted)
    episodes = tuple(
        replace(episode, features=features)
        for episode, features in zip(both.episodes, found, strict=True)
    )
    return replace(both, episodes=episodes, inputs=(STATE_TRACK,), input_sizes=(size,)), facts


def _as_shown(
    episode: LabeledEpisode, seen: np.ndarray, cross_fitted: np.ndarray
) -> Float[np.ndarray, "time state"]:
    """An episode's states as the stage `track.state` would show them."""
    lost = unseen_too_long(episode.time_s, seen, _MAX_GAP_S)
    return np.where(lost[:, None], np.nan, read_off(cross_fitted, episode.time_s))
