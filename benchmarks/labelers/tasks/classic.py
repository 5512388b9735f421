"""Classic control with scripted teachers: discrete actions, an environment that can be asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from benchmarks.labelers.episodes import Demonstration

Act = Callable[[Float[np.ndarray, " observation"]], int]


@dataclass(frozen=True)
class ClassicTask:
    """One environment of Gymnasium, its teacher and what others reached on it."""

    name: str
    """Short name."""
    environment: str
    """Gymnasium's id."""
    num_actions: int
    """Discrete actions."""
    teacher: Act
    """Chooses an action from the state."""
    published_bco: float
    """Normalised return of BCO in IL-Datasets' benchmark (0 random, 1 teacher)."""
    published_abco: float
    """The same of ABCO."""


@dataclass(frozen=True)
class Rollout:
    """One episode in a classic environment."""

    demonstration: Demonstration
    """Observations and the actions taken, as one column."""
    total_reward: float
    """Sum of rewards, the return."""


def cart_pole_teacher(state: Float[np.ndarray, " observation"]) -> int:
    """Pushes under the pole as it falls, and slowly back to the middle; returns 500."""
    position_m, velocity, angle_rad, angular_velocity = state
    return int(3 * angle_rad + angular_velocity + 0.2 * position_m + 0.4 * velocity > 0)


def mountain_car_teacher(state: Float[np.ndarray, " observation"]) -> int:
    """Pushes the way the car moves, so that energy only grows; returns about -120."""
    return 2 if state[1] >= 0 else 0


def acrobot_teacher(state: Float[np.ndarray, " observation"]) -> int:
    """Turns the elbow the way it turns, so that energy only grows; returns about -85."""
    return 2 if state[5] > 0 else 0


def lunar_lander_teacher(state: Float[np.ndarray, " observation"]) -> int:
    """Leans towards the pad, brakes with height, lets go on the ground; returns about 265.

    The usual two controllers of proportional and derivative gain, for angle and for hover, with
    gains as in Gymnasium's own demonstration.
    """
    x, y, x_velocity, y_velocity, angle_rad, angular_velocity, left_leg, right_leg = state
    wanted_angle_rad = np.clip(0.5 * x + x_velocity, -0.4, 0.4)
    turn = 0.5 * (wanted_angle_rad - angle_rad) - angular_velocity
    hover = 0.5 * (0.55 * abs(x) - y) - 0.5 * y_velocity
    if left_leg or right_leg:
        turn, hover = 0.0, -0.5 * y_velocity
    if hover > abs(turn) and hover > 0.05:
        return 2
    if turn < -0.05:
        return 3
    return 1 if turn > 0.05 else 0


TASKS = {
    task.name: task
    for task in (
        ClassicTask("cartpole", "CartPole-v1", 2, cart_pole_teacher, 1.0, 1.0),
        ClassicTask("mountaincar", "MountainCar-v0", 3, mountain_car_teacher, 0.9932, 0.9801),
        ClassicTask("acrobot", "Acrobot-v1", 3, acrobot_teacher, 0.9875, 0.9844),
        ClassicTask("lunarlander", "LunarLander-v3", 4, lunar_lander_teacher, 0.9639, 0.8208),
    )
}
"""Every classic task by its short name."""


class ClassicSimulator:
    """One environment that is used for many episodes."""

    def __init__(self, task: ClassicTask) -> None:
        """Loads Gymnasium and makes the environment."""
        import gymnasium

        self.task = task
        self._environment: Any = gymnasium.make(task.environment)

    def episode(self, act: Act, *, seed: int) -> Rollout:
        """One episode from the start that belongs to `seed`."""
        state, _ = self._environment.reset(seed=seed)
        states, actions, total_reward, is_over = [state], [], 0.0, False
        while not is_over:
            action = act(state)
            state, reward, ended, cut, _ = self._environment.step(action)
            states.append(state)
            actions.append([action])
            total_reward += float(reward)
            is_over = ended or cut
        made = Demonstration(np.array(states, np.float32), np.array(actions, np.int64), seed)
        return Rollout(made, total_reward)

    def random_policy(self, seed: int) -> Act:
        """Every action equally likely."""
        generator = np.random.default_rng(seed)
        return lambda _: int(generator.integers(self.task.num_actions))

    def mean_return(self, act: Act, seeds: range) -> float:
        """Over one episode a seed."""
        return float(np.mean([self.episode(act, seed=seed).total_reward for seed in seeds]))
