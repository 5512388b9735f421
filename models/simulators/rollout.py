"""One episode in a simulator, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from rotoscope.models.simulators.simulator import Observation, Simulator, Step

Act = Callable[[Observation], Float[np.ndarray, " action"]]
"""What decides: from an observation to an action. One call a step, in order."""


@runtime_checkable
class Seeded(Protocol):
    """An `Act` that draws: it is told each episode's seed, before the simulator is reset."""

    def begin(self, seed: int) -> None:
        """Forgets the episode before."""
        ...


@dataclass(frozen=True, eq=False)
class Transition:
    """One step of an episode."""

    observation: Observation
    """What was seen before."""
    action: Float[np.ndarray, " action"]
    """What was executed, after clipping to the contract's limits."""
    step: Step
    """What it led to."""


def rollout(
    simulator: Simulator,
    act: Act,
    *,
    seed: int,
    steps_after_success: int = 0,
    horizon: int | None = None,
) -> Iterator[Transition]:
    """The steps of one episode: to the horizon, the task's own end or shortly after success.

    Args:
        simulator: Where.
        act: What decides; one that is `Seeded` is told the seed.
        seed: Which start.
        steps_after_success: How long the episode goes on once the task is solved.
        horizon: Steps after which it is cut; the simulator's own where not given.
    """
    if isinstance(act, Seeded):
        act.begin(seed)
    low, high = simulator.facts.contract.bounds()
    observation, left = simulator.reset(seed), horizon or simulator.facts.horizon
    is_solved = False
    while left > 0:
        action = np.clip(act(observation), low, high).astype(np.float32)
        step = simulator.step(action)
        yield Transition(observation, action, step)
        observation, left = step.observation, left - 1
        if step.is_success and not is_solved:
            is_solved, left = True, min(left, steps_after_success)
        if step.is_over:
            return


def scripted_expert(simulator: Simulator) -> Act:
    """Does what the simulator's scripted expert does."""
    return lambda _: simulator.expert()
