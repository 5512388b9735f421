"""Soft actor-critic by stable-baselines3, on rewards that are given when an episode has ended.

TD3, whose steps take a third of the CPU, was tried first: on window-open, from ORCA, its actions
lay at their limits for good within 3,000 steps in the simulator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.models.reinforcement.config import ReinforcementConfig
from rotoscope.models.reinforcement.environment import LearningEnvironment
from rotoscope.models.reinforcement.episode import Episode
from rotoscope.models.reinforcement.rewards import RewardModel
from rotoscope.models.reinforcement.schedule import DiscountSchedule
from rotoscope.models.reinforcement.trial import Actor, Learned, Tried, TryActor

_ENTROPY = "auto_0.1"
"""Weight of entropy: from 0.1 on as its target asks for, as rewards have spread 1."""
_MOST_STEPS = 10_000
"""Steps of an episode at most: the last one may begin just before the end."""


@dataclass(frozen=True, eq=False)
class Lesson:
    """What is learned, where, and who is told."""

    environment: LearningEnvironment
    """Where."""
    reward: RewardModel
    """What for."""
    config: ReinforcementConfig
    """How long and how."""
    schedule: DiscountSchedule | None
    """Of the discount; that of `config` throughout if none."""
    try_actor: TryActor
    """Tries a policy, in a simulator of its own."""
    listener: Callable[[Tried], None]
    """Told of every trial."""


def learn(lesson: Lesson) -> Learned:
    """Learns, and gives the policy whose trial was worth most to the reward it learned from.

    Where that reward changes, the last policy. The policy acts for an episode, the episode is given
    its rewards, then the networks learn: most rewards need the whole episode, and all are treated
    alike. Rewards are divided by their standard deviation so far.
    """
    import torch
    from stable_baselines3 import SAC

    config, threads = lesson.config, torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            model = SAC(
                "MlpPolicy",
                lesson.environment,
                learning_rate=config.learning_rate,
                buffer_size=config.steps + _MOST_STEPS,
                learning_starts=config.random_steps,
                batch_size=config.batch_size,
                gamma=config.discount,
                tau=config.target_share,
                ent_coef=_ENTROPY,
                train_freq=(1, "episode"),
                policy_kwargs={"net_arch": list(config.hidden)},
                seed=config.seed,
                device="cpu",
            )
            between = _BetweenEpisodes(lesson, model)
            model.learn(config.steps, callback=_callback(between))
            between.try_now()
    finally:
        torch.set_num_threads(threads)
    assert between.kept is not None
    return Learned(between.actor, between.kept, between.tried)


def _callback(between: _BetweenEpisodes) -> Any:
    """As stable-baselines3 takes it."""
    from stable_baselines3.common.callbacks import BaseCallback

    class Callback(BaseCallback):
        def _on_step(self) -> bool:
            return True

        def _on_rollout_end(self) -> None:
            between.episode_ended()

    return Callback()


class _BetweenEpisodes:
    """Gives each episode its rewards before it is learned from, and tries the policy at times."""

    def __init__(self, lesson: Lesson, model: Any) -> None:
        self._lesson, self._model = lesson, model
        self._given = np.zeros(lesson.config.steps + _MOST_STEPS)
        self._episodes: list[tuple[Episode, slice]] = []
        self._filled, self._next_try = 0, lesson.config.random_steps
        self._all_are_cut = True
        self.actor: Actor = {}
        self.kept: Tried | None = None
        self.tried: list[Tried] = []

    def episode_ended(self) -> None:
        """An episode is in the buffer, the networks have not learned from it."""
        lesson, episode = self._lesson, self._lesson.environment.ended
        assert episode is not None
        steps = len(episode.task_rewards)
        place = slice(self._filled, self._filled + steps)
        self._filled = place.stop
        lesson.reward.learn(episode)
        if lesson.reward.changes:
            self._episodes.append((episode, place))
            for old, where in self._episodes:
                self._given[where] = lesson.reward.score(old)
        else:
            self._given[place] = lesson.reward.score(episode)
        self._all_are_cut &= steps == lesson.environment.horizon
        model = self._model
        rewards = model.replay_buffer.rewards
        rewards[: self._filled, 0] = self._standardized(self._given[: self._filled])
        model.gradient_steps = max(1, round(lesson.config.updates_per_step * steps))
        if lesson.schedule is not None:
            model.gamma = lesson.schedule.update(episode.features)
        if model.num_timesteps >= self._next_try:
            self._next_try += lesson.config.try_every
            self.try_now()

    def _standardized(self, given: Float[np.ndarray, " step"]) -> Float[np.ndarray, " step"]:
        """What is learned from: spread 1, and mean 0 where no episode ends before the others.

        Large values saturate the policy. Where a task ends by itself a mean must stay: it says
        whether going on is worth more than an end.
        """
        spread = float(given.std()) or 1.0
        return np.asarray((given - given.mean() * self._all_are_cut) / spread)

    def try_now(self) -> None:
        """Tries the policy as it is."""
        lesson, model = self._lesson, self._model
        actor = _actor_of(model)
        episodes, successes = lesson.try_actor(actor)
        reward = float(np.mean([lesson.reward.score(one).mean() for one in episodes]))
        self.tried.append(
            Tried(
                step=model.num_timesteps,
                mean_return=float(np.mean([one.task_rewards.sum() for one in episodes])),
                success=float(np.mean(successes)),
                mean_reward=reward,
                discount=float(model.gamma),
                progress=np.nan if lesson.schedule is None else lesson.schedule.progress,
            )
        )
        if self.kept is None or lesson.reward.changes or reward > self.kept.mean_reward:
            self.kept, self.actor = self.tried[-1], actor
        lesson.listener(self.tried[-1])


def _actor_of(model: Any) -> Actor:
    """What a policy does without anything random, as a perceptron that ends in a tanh."""
    import torch

    hidden = [part for part in model.actor.latent_pi if isinstance(part, torch.nn.Linear)]
    out: Actor = {}
    for number, layer in enumerate([*hidden, model.actor.mu]):
        # Every other layer is a rectifier.
        out[f"head.{2 * number}.weight"] = layer.weight.detach().numpy().copy()
        out[f"head.{2 * number}.bias"] = layer.bias.detach().numpy().copy()
    return out
