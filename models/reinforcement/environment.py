"""A simulator as stable-baselines3 takes it: states that are scaled, episodes that are cut."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from rotoscope.models.reinforcement.episode import Episode, Watcher
from rotoscope.models.simulators.simulator import STATE, Simulator
from rotoscope.models.training.scaling import Scaling


class LearningEnvironment(gymnasium.Env[np.ndarray, np.ndarray]):
    """Episodes of one length, of which a watcher keeps what demonstrations are held against.

    Success ends none: who imitates does not know of it.

    Args:
        simulator: Where; its actions are numbers between limits.
        watcher: Looks at every moment.
        scaling: Of the state.
        horizon: Steps of an episode.
        start: Start of every episode; another one each time where -1.
        first_start: First of the starts, where each has another one.
    """

    def __init__(
        self,
        simulator: Simulator,
        watcher: Watcher,
        scaling: Scaling,
        *,
        horizon: int,
        start: int,
        first_start: int,
    ) -> None:
        low, high = simulator.facts.contract.bounds()
        self.action_space = spaces.Box(low.astype(np.float32), high.astype(np.float32))
        num = len(simulator.facts.state_names)
        self.observation_space = spaces.Box(-np.inf, np.inf, (num,), np.float32)
        self.simulator, self.watcher = simulator, watcher
        self._scaling, self.horizon = scaling, horizon
        self._start, self._next_start = start, first_start
        self._steps = 0
        self._rewards: list[float] = []
        self.ended: Episode | None = None
        """The last episode that has ended."""

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Starts the next episode; where it starts is not the caller's to say."""
        del options
        super().reset(seed=seed)
        start = self._start
        if start < 0:
            start, self._next_start = self._next_start, self._next_start + 1
        state = self.simulator.reset(start)[STATE]
        self._steps, self._rewards = 0, []
        self.watcher.note(state, is_first=True, is_last=False)
        return self._scaled(state), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Acts once; the horizon cuts the episode, only the task itself ends it."""
        step = self.simulator.step(np.asarray(action, np.float32))
        self._steps += 1
        is_cut = self._steps >= self.horizon
        state = step.observation[STATE]
        self.watcher.note(state, is_first=False, is_last=is_cut or step.is_over)
        self._rewards.append(step.reward)
        # A task that counts its steps itself says that it is over where it is cut.
        is_over = step.is_over and not is_cut
        if is_over or is_cut:
            # Before the next reset, which follows at once.
            self.ended = self.watcher.episode(self._rewards)
        return self._scaled(state), step.reward, is_over, is_cut, {"is_success": step.is_success}

    def _scaled(self, state: np.ndarray) -> np.ndarray:
        return self._scaling.inputs(state[None].astype(float))[0].astype(np.float32)
