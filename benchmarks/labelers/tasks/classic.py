"""Classic control with scripted experts: discrete actions, an environment that can be asked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.labelers.episodes import Demonstration
from rotoscope.models.simulators.rollout import Act, rollout
from rotoscope.models.simulators.simulator import STATE, Simulator


@dataclass(frozen=True)
class ClassicTask:
    """One environment of Gymnasium and what others reached on it."""

    name: str
    """Short name."""
    simulator: str
    """How `open_simulator` knows it."""
    published_bco: float
    """Normalized return of BCO in IL-Datasets' benchmark (0 random, 1 teacher)."""
    published_abco: float
    """The same of ABCO."""


TASKS = {
    task.name: task
    for task in (
        ClassicTask("cartpole", "gymnasium:CartPole-v1", 1.0, 1.0),
        ClassicTask("mountaincar", "gymnasium:MountainCar-v0", 0.9932, 0.9801),
        ClassicTask("acrobot", "gymnasium:Acrobot-v1", 0.9875, 0.9844),
        ClassicTask("lunarlander", "gymnasium:LunarLander-v3", 0.9639, 0.8208),
    )
}
"""Every classic task by its short name; the teachers are those of
`rotoscope.models.simulators.classic`."""


@dataclass(frozen=True)
class Rollout:
    """One episode in a classic environment."""

    demonstration: Demonstration
    """Observations and the actions taken, as one column."""
    total_reward: float
    """Sum of rewards, the return."""


def episode(simulator: Simulator, act: Act, *, seed: int) -> Rollout:
    """One episode from the start that belongs to `seed`."""
    steps = list(rollout(simulator, act, seed=seed))
    states = [t.observation[STATE] for t in steps] + [steps[-1].step.observation[STATE]]
    actions = np.array([np.round(t.action) for t in steps], np.int64)
    made = Demonstration(np.array(states), actions, seed)
    return Rollout(made, sum(t.step.reward for t in steps))


def mean_return(simulator: Simulator, act: Act, seeds: range) -> float:
    """Over one episode a seed."""
    return float(np.mean([episode(simulator, act, seed=seed).total_reward for seed in seeds]))
