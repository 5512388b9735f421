"""Meta-World episodes that solve a task, fail it or stop half way, and their demonstrations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from rotoscope.models.simulators.simulator import STATE, Simulator, Views, open_simulator

CHOSEN_ON = (
    "window-open-v3",
    "plate-slide-v3",
    "coffee-pull-v3",
    "hand-insert-v3",
    "faucet-open-v3",
)
"""Tasks that every constant of `pipeline/rewards` was chosen on."""
REPORTED = ("push-v3", "pick-place-v3", "drawer-open-v3", "door-open-v3")
"""Tasks that chose nothing."""
CAMERA, SIDE_PX, NUM_STEPS = "corner2", 64, 100
"""Whose pictures, how large, and the steps of every episode."""
_HAND, _GOAL = slice(0, 3), slice(7, 10)

Drive = Callable[[np.ndarray, int], np.ndarray]
"""What is done: from the state and the number of the step to an action."""


@dataclass(frozen=True, eq=False)
class Rollout:
    """One episode, a row before every step and one behind the last."""

    name: str
    """What drove it."""
    state: np.ndarray
    """Hand, gripper, object and goal, shape (row, 10)."""
    pictures: np.ndarray
    """RGB of every second row, shape (_, 64, 64, 3), uint8; empty where none were drawn."""
    reward: np.ndarray
    """The task's own reward at every row, 0..10."""
    is_success: bool
    """Whether the task's own test held at any row."""


def demonstration(simulator: Simulator, seed: int, num_steps: int = NUM_STEPS) -> Rollout:
    """What the scripted expert does from a start."""
    return _drive(simulator, "expert", seed, lambda state, step: simulator.expert(), num_steps)


def candidates(simulator: Simulator, seed: int, demo: Rollout) -> Iterator[Rollout]:
    """Episodes from the demonstration's start: two that do the task as it does, five that do not.

    Which of them succeed says the simulator.
    """
    generator = np.random.default_rng(seed)

    def noisy(state: np.ndarray, step: int) -> np.ndarray:
        return simulator.expert() + generator.normal(0, 0.3, 4)

    def half(state: np.ndarray, step: int) -> np.ndarray:
        return simulator.expert() if step < NUM_STEPS // 4 else np.zeros(4)

    def past(state: np.ndarray, step: int) -> np.ndarray:
        return np.r_[10 * (state[_GOAL] - state[_HAND]), -1]

    yield demo
    yield _drive(simulator, "noisy expert", seed, noisy)
    yield first_half(demo)
    yield _drive(simulator, "stops half way", seed, half)
    yield _drive(simulator, "goes past the object", seed, past)
    yield _drive(simulator, "stands still", seed, lambda state, step: np.zeros(4))
    yield _drive(simulator, "random", seed, lambda state, step: generator.uniform(-1, 1, 4))


def at_speed(one: Rollout, speed: float) -> Rollout:
    """The same episode as a video that plays faster or slower: every row at another moment."""
    rows = np.minimum(np.arange(0, len(one.state), speed), len(one.state) - 1)
    near = np.round(rows).astype(int)
    below, share = np.floor(rows).astype(int), (rows % 1)[:, None]
    above = np.minimum(below + 1, len(one.state) - 1)
    return Rollout(
        f"{one.name} at {speed:g} x",
        (1 - share) * one.state[below] + share * one.state[above],
        one.pictures[near[::2] // 2] if len(one.pictures) else one.pictures,
        one.reward[near],
        one.is_success,
    )


def first_half(one: Rollout) -> Rollout:
    """The episode at half its speed, cut where the whole one ended: it is not done."""
    slow, num = at_speed(one, 0.5), len(one.state)
    rows = slow.state[:num], slow.pictures[: -(-num // 2)], slow.reward[:num]
    return Rollout("first half, slowly", *rows, False)


def misaligned(num_rows: int, end: int) -> np.ndarray:
    """Rows of a demonstration that shows its first third densely and the rest sparsely."""
    end = min(end, num_rows)
    return np.r_[0 : end // 3, end // 3 : end : 8]


def settled(demo: Rollout) -> int:
    """Rows until the object is where the demonstration leaves it, and five more."""
    away_m = np.linalg.norm(demo.state[:, 4:7] - demo.state[-1, 4:7], axis=1)
    return int(np.clip(np.argmax(away_m < 0.01) + 5, 40, NUM_STEPS))


def open_task(task: str, *, has_pictures: bool) -> Simulator:
    """The simulator of a task, drawn small or not at all."""
    views = Views((CAMERA,), SIDE_PX, SIDE_PX) if has_pictures else Views()
    return open_simulator(f"metaworld:{task}", views)


def _drive(
    simulator: Simulator, name: str, seed: int, drive: Drive, num_steps: int = NUM_STEPS
) -> Rollout:
    # The views of an observation would be drawn at every step.
    simulator.views, views = Views(), simulator.views
    observation = simulator.reset(seed)
    states, pictures, rewards, is_success = [], [], [0.0], False
    for step in range(num_steps + 1):
        states.append(np.asarray(observation[STATE], float))
        if views.cameras and step % 2 == 0:
            pictures.append(simulator.render(CAMERA, width=SIDE_PX, height=SIDE_PX))
        if step == num_steps:
            break
        taken = simulator.step(np.clip(drive(states[-1], step), -1, 1))
        observation, is_success = taken.observation, is_success or taken.is_success
        rewards.append(taken.reward)
    simulator.views, rewards[0] = views, rewards[1]
    drawn = np.array(pictures) if pictures else np.zeros((0, SIDE_PX, SIDE_PX, 3), np.uint8)
    return Rollout(name, np.array(states), drawn, np.array(rewards), is_success)
