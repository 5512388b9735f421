"""How a policy does while it learns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rotoscope.models.reinforcement.episode import Episode, Watcher
from rotoscope.models.simulators.rollout import Act
from rotoscope.models.simulators.simulator import STATE, Simulator

Actor = dict[str, np.ndarray]
"""Weights of a policy, as the built-in one names them: `head.0.weight`, `head.0.bias`, ..."""
TryActor = Callable[[Actor], tuple[Sequence[Episode], Sequence[bool]]]
"""From a policy to its episodes, and whether each solves the task."""


@dataclass(frozen=True)
class Tried:
    """How the policy of a moment does, with nothing random."""

    step: int
    """Steps in the simulator so far."""
    mean_return: float
    """Mean sum of the task's own rewards over whole episodes. It is not learned from, unless it is
    the reward that was asked for."""
    success: float
    """Share of episodes that solve the task in any step."""
    mean_reward: float
    """Mean of what a step is worth to who learns."""
    discount: float
    """What a reward counts that comes a step later."""
    progress: float
    """Share of the demonstration that is followed, by the schedule; NaN without one."""


@dataclass(frozen=True, eq=False)
class Learned:
    """What was learned."""

    actor: Actor
    """The policy that is kept."""
    kept: Tried
    """How it did."""
    tried: list[Tried]
    """All trials, in order."""


def watch(
    simulator: Simulator, watcher: Watcher, act: Act, start: int, horizon: int
) -> tuple[Episode, bool]:
    """An episode of `horizon` steps, unless the task itself ends it, and whether it is solved."""
    observation, rewards, is_solved = simulator.reset(start), [], False
    low, high = simulator.facts.contract.bounds()
    watcher.note(observation[STATE], is_first=True, is_last=False)
    for number in range(horizon):
        step = simulator.step(np.clip(act(observation), low, high).astype(np.float32))
        observation, is_over = step.observation, step.is_over or number == horizon - 1
        watcher.note(observation[STATE], is_first=False, is_last=is_over)
        rewards.append(step.reward)
        is_solved = is_solved or step.is_success
        if is_over:
            break
    return watcher.episode(rewards), is_solved
