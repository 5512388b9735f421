"""Our simulators as environments of Gymnasium, in the form that LeRobot's rollouts read."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from rotoscope.models.simulators.record import state_columns
from rotoscope.models.simulators.simulator import (
    IMAGES,
    STATE,
    Observation,
    Simulator,
    Views,
    open_simulator,
)
from rotoscope.pipeline.errors import UsageError


class GymEnvironment(gymnasium.Env[dict[str, Any], np.ndarray]):
    """One simulator; it is opened at the first reset, in the process that runs it."""

    render_mode = "rgb_array"

    def __init__(
        self, name: str, views: Views, state_names: tuple[str, ...] = (), horizon: int = 0
    ) -> None:
        """Asks the simulator what it gives, and closes it again.

        Args:
            name: Such as `metaworld:push-v3`.
            views: Pictures of an observation.
            state_names: Which numbers the state holds; all where empty.
            horizon: Steps after which an episode is cut; the simulator's own where 0.

        Raises:
            UsageError: An unknown simulator or name, or more steps than the simulator gives.
        """
        from gymnasium import spaces

        self.name, self.views = name, views
        simulator = open_simulator(name, views)
        facts = simulator.facts
        simulator.close()
        self._simulator: Simulator | None = None
        names = state_names or facts.state_names
        self._columns = state_columns(facts.state_names, names)
        if not 0 <= horizon <= facts.horizon:
            raise UsageError(
                f"an episode of {name} has 1 to {facts.horizon} steps, got {horizon}; 0 takes all"
            )
        self._max_episode_steps = horizon or facts.horizon
        self._steps = 0
        self.task = self.task_description = facts.task
        self.metadata = {"render_modes": ["rgb_array"], "render_fps": facts.fps}
        low, high = facts.contract.bounds()
        self.action_space = spaces.Box(low.astype(np.float32), high.astype(np.float32))
        self.observation_space = spaces.Dict(_spaces(views, len(names)))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Starts an episode; one of its own choosing where no seed is given."""
        super().reset(seed=seed)
        if self._simulator is None:
            self._simulator = open_simulator(self.name, self.views)
        self._steps = 0
        start = int(self.np_random.integers(2**31)) if seed is None else seed
        return self._seen(self._simulator.reset(start)), {"is_success": False}

    def step(self, action: np.ndarray) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Acts once; success ends the episode, as does the task itself; the horizon cuts it."""
        assert self._simulator is not None, "reset first"
        step = self._simulator.step(np.asarray(action))
        self._steps += 1
        is_cut = self._steps >= self._max_episode_steps
        is_over = step.is_success or (step.is_over and not is_cut)
        return self._seen(step.observation), step.reward, is_over, is_cut and not is_over, {
            "is_success": step.is_success
        }  # fmt: skip

    def render(self) -> np.ndarray:
        """A picture for the video: what the policy sees, where it sees any."""
        assert self._simulator is not None, "reset first"
        camera = (self.views.cameras or self._simulator.facts.cameras)[0]
        return self._simulator.render(camera, width=self.views.width, height=self.views.height)

    def close(self) -> None:
        """Closes the simulator."""
        if self._simulator is not None:
            self._simulator.close()
            self._simulator = None

    def _seen(self, observation: Observation) -> dict[str, Any]:
        out: dict[str, Any] = {"agent_pos": observation[STATE][self._columns]}
        if self.views.cameras:
            out["pixels"] = {c: observation[IMAGES + c] for c in self.views.cameras}
        return out


def _spaces(views: Views, num_numbers: int) -> dict[str, gymnasium.Space[Any]]:
    from gymnasium import spaces

    state = spaces.Box(-np.inf, np.inf, (num_numbers,), np.float32)
    out: dict[str, gymnasium.Space[Any]] = {"agent_pos": state}
    if views.cameras:
        picture = spaces.Box(0, 255, (views.height, views.width, 3), np.uint8)
        out["pixels"] = spaces.Dict(dict.fromkeys(views.cameras, picture))
    return out
