"""Gymnasium's tasks. The classic ones stand here: discrete actions, simple scripted experts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.models.simulators.gymnasium_any import open_any
from rotoscope.models.simulators.gymnasium_task import GymnasiumTask
from rotoscope.models.simulators.locomotion import ROBOTS, LocomotionSimulator
from rotoscope.models.simulators.simulator import (
    Simulator,
    SimulatorFacts,
    Step,
    Views,
    need_package,
)
from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.errors import UsageError

CAMERA = "front"
"""The only camera."""


@dataclass(frozen=True)
class Task:
    """What Gymnasium does not say of a task."""

    words: str
    """What is to be done."""
    state_names: tuple[str, ...]
    """What the numbers of its observation are."""
    scripted_expert: Callable[[Any], int]
    """Chooses an action from the observation."""


def _cart_pole(state: Any) -> int:
    position_m, velocity, angle_rad, angular_velocity = state
    return int(3 * angle_rad + angular_velocity + 0.2 * position_m + 0.4 * velocity > 0)


def _mountain_car(state: Any) -> int:
    return 2 if state[1] >= 0 else 0


def _acrobot(state: Any) -> int:
    return 2 if state[5] > 0 else 0


def _lunar_lander(state: Any) -> int:
    # Two controllers, for angle and for hover, with gains as in Gymnasium's own demonstration.
    x, y, x_velocity, y_velocity, angle_rad, angular_velocity, left_leg, right_leg = state
    wanted_angle_rad = np.clip(0.5 * x + x_velocity, -0.4, 0.4)
    turn = 0.5 * (wanted_angle_rad - angle_rad) - angular_velocity
    hover = 0.5 * (0.55 * abs(x) - y) - 0.5 * y_velocity
    if left_leg or right_leg:
        turn, hover = 0.0, -0.5 * y_velocity
    if hover > abs(turn) and hover > 0.05:
        return 2
    return 3 if turn < -0.05 else int(turn > 0.05)


TASKS = {
    "CartPole-v1": Task(
        "keep the pole upright",
        ("cart.position", "cart.velocity", "pole.angle", "pole.velocity"),
        _cart_pole,
    ),
    "MountainCar-v0": Task(
        "drive the car up the hill", ("car.position", "car.velocity"), _mountain_car
    ),
    "Acrobot-v1": Task(
        "swing the tip above the line",
        ("shoulder.cos", "shoulder.sin", "elbow.cos", "elbow.sin", "shoulder.rate", "elbow.rate"),
        _acrobot,
    ),
    "LunarLander-v3": Task(
        "land between the flags",
        ("x", "y", "x.velocity", "y.velocity", "angle", "angle.velocity", "leg.left", "leg.right"),
        _lunar_lander,
    ),
}
"""Tasks by Gymnasium's id."""


def open_classic(task: str, views: Views) -> Simulator:
    """Opens one of Gymnasium's tasks, by any id that it knows.

    Raises:
        UsageError: No such task, or Gymnasium is not installed.
    """
    need_package("gymnasium", f"gymnasium:{task}")
    if task in TASKS:
        return ClassicSimulator(task, views)
    if task in ROBOTS:
        return LocomotionSimulator(task, views)
    return open_any(task, views, known=(*TASKS, *ROBOTS))


class ClassicSimulator(GymnasiumTask):
    """One of Gymnasium's tasks; success is a return of at least Gymnasium's own threshold."""

    def __init__(self, task: str, views: Views) -> None:
        import gymnasium
        from gymnasium.error import DependencyNotInstalled

        try:
            made: Any = gymnasium.make(task, render_mode="rgb_array")
        except DependencyNotInstalled as error:
            raise UsageError(
                f"gymnasium:{task}: {error}; pip install 'rotoscope[bench]'"
            ) from error
        self._task, spec = TASKS[task], made.spec
        self._threshold = float(spec.reward_threshold)
        fps, choices = int(made.metadata["render_fps"]), int(made.action_space.n)
        facts = SimulatorFacts(
            name=f"gymnasium:{task}",
            task=self._task.words,
            fps=fps,
            horizon=int(spec.max_episode_steps),
            contract=_contract(task, fps, choices),
            state_names=self._task.state_names,
            cameras=(CAMERA,),
            success=f"a return of at least {self._threshold:g}",
        )
        super().__init__(made, facts, views)

    def step(self, action: Float[np.ndarray, " action"]) -> Step:
        """Takes the choice nearest to the number given."""
        low, high = self._facts.contract.bounds()
        choice = int(np.clip(np.round(action[0]), low[0], high[0]))
        self._state, reward, ended, cut, _ = self._environment.step(choice)
        self._return += float(reward)
        is_over = bool(ended or cut)
        is_success = is_over and self._return >= self._threshold
        return Step(self._observation(), float(reward), is_success, is_over)

    def expert(self) -> Float[np.ndarray, " action"]:
        """What a simple controller would do now."""
        return np.array([self._task.scripted_expert(self._state)], np.float32)


def _contract(task: str, fps: int, choices: int) -> ActionContract:
    return ActionContract(
        robot=task,
        dimensions=(
            Dimension(name="choice", quantity="discrete", unit="1", lower=0, upper=choices - 1),
        ),
        frame="none: a choice",
        rotation="none",
        rate_hz=fps,
        shift_s=0,
        is_state=False,
    )
