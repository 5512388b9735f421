"""What an episode is worth to who learns, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from rotoscope.models.reinforcement.adversarial import AdversarialReward
from rotoscope.models.reinforcement.episode import Episode
from rotoscope.models.reinforcement.shown import Imitated
from rotoscope.models.rewards.time_contrastive import learn_time
from rotoscope.pipeline.rewards.alignment import METHODS
from rotoscope.pipeline.rewards.judge import reward_of

TRUE, GAIFO, TIME_CONTRASTIVE = "true", "gaifo", "time_contrastive"
NAMES = (*METHODS, TIME_CONTRASTIVE, GAIFO, TRUE)
"""Rewards that can be learned from; the first by default."""

Steps = Float[np.ndarray, " step"]


@runtime_checkable
class RewardModel(Protocol):
    """What an episode is worth."""

    changes: bool
    """Whether it learns from episodes, so that earlier ones are worth something else."""

    def score(self, episode: Episode) -> Steps:
        """A reward for each of its steps; finite."""
        ...

    def learn(self, episode: Episode) -> None:
        """Learns from one more episode, where it does at all."""
        ...


class FixedReward:
    """One that stays as it is.

    Args:
        of: From an episode to what its steps are worth.
    """

    changes = False

    def __init__(self, of: Callable[[Episode], Steps]) -> None:
        self._of = of

    def score(self, episode: Episode) -> Steps:
        """A reward for each of its steps."""
        return np.nan_to_num(self._of(episode))

    def learn(self, episode: Episode) -> None:
        """Learns nothing."""


class LearnedReward:
    """GAIfO's: its network is told of every episode."""

    changes = True

    def __init__(self, network: AdversarialReward) -> None:
        self._network = network

    def score(self, episode: Episode) -> Steps:
        """A reward for each of its steps, as the network is now."""
        return episode.of_steps(self._network(episode.features))

    def learn(self, episode: Episode) -> None:
        """Tells the network of one more episode."""
        self._network.learn(episode.features)


def reward_model(name: str, imitated: Imitated | None, *, seed: int) -> RewardModel:
    """The reward of a name out of `NAMES`.

    Args:
        name: Which.
        imitated: What is imitated; may be missing for `true` alone.
        seed: Of what is learned.
    """
    if name == TRUE:
        return FixedReward(lambda episode: episode.task_rewards)
    assert imitated is not None
    goals = imitated.goals
    if name == GAIFO:
        network = AdversarialReward(imitated.demos, goals[0].scale, seed=seed)
        return LearnedReward(network)
    if name == TIME_CONTRASTIVE:
        model = learn_time(goals, seed=seed)
        return FixedReward(lambda episode: episode.of_steps(model.reward(episode.features)))

    def aligned(episode: Episode) -> Steps:
        known = goals[0].scale.known(episode.features)
        out = np.zeros(len(known))
        if known.any():
            out[known] = reward_of(episode.features[known], goals, name)
        return episode.of_steps(out)

    return FixedReward(aligned)
