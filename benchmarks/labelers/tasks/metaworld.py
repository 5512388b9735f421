"""Meta-World tasks: expert episodes whose actions are hidden, and three labeled sets.

Observations are the simulator's state: hand (3), gripper opening (1), first object's position (3)
and orientation (4), seven more of a second object, and the goal (3) at the end. Actions move the
hand by up to a centimeter a step along x, y, z (-1..1 each) and close the gripper (-1..1).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from benchmarks.labelers.code import syntax_hash
from benchmarks.labelers.episodes import Demonstration, cached

TASKS = ("push-v3", "pick-place-v3", "reach-v3", "drawer-open-v3", "button-press-v3")
"""The first two are the headline, the third tests precision; five demonstrations solve the rest."""
HORIZON = 150
"""Steps a policy has."""
METERS_PER_ACTION = 0.01
"""How far an action of 1 asks the hand to move [m]."""
POSITION_DIMENSIONS = (0, 1, 2)
"""Those of the action that add up to a position."""
NUM_HIDDEN, NUM_PLAY = 50, 25
"""Episodes whose actions are hidden; episodes of play."""
_STEPS_AFTER_SUCCESS = 10
_HIDDEN_SEED, _LABELED_SEED, _PLAY_SEED, _UNSEEN_SEED = 10_000, 20_000, 30_000, 70_000

Act = Callable[[Float[np.ndarray, " observation"]], Float[np.ndarray, " action"]]


@dataclass(frozen=True)
class Outcome:
    """How one episode went."""

    demonstration: Demonstration
    """Observations and executed actions."""
    is_success: bool
    """Whether the task's own test was met at any step."""


class MetaWorldSimulator:
    """One Meta-World task; the same seed puts objects and goal at the same places."""

    def __init__(self, task: str) -> None:
        """Loads Meta-World and builds the scene."""
        from metaworld.env_dict import ALL_V3_ENVIRONMENTS_GOAL_OBSERVABLE
        from metaworld.policies import ENV_POLICY_MAP

        self.task = task
        environments: dict[str, Any] = dict(ALL_V3_ENVIRONMENTS_GOAL_OBSERVABLE)
        experts: dict[str, Any] = dict(ENV_POLICY_MAP)
        # The class draws a first layout from NumPy's global generator unless it is seeded.
        self._environment: Any = environments[f"{task}-goal-observable"](seed=0)
        self._environment._freeze_rand_vec = False  # Meta-World's only switch for new layouts
        self._environment.seeded_rand_vec = True
        self._expert: Any = experts[task]()

    def expert(self, observation: Float[np.ndarray, " observation"]) -> np.ndarray:
        """The scripted expert's action, not yet clipped."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warns of gains that clipping is meant for
            return np.asarray(self._expert.get_action(observation), np.float32)

    def episode(
        self,
        act: Act,
        *,
        seed: int,
        num_steps: int = HORIZON,
        num_steps_after_success: int = _STEPS_AFTER_SUCCESS,
    ) -> Outcome:
        """Acts from the layout of `seed` until the horizon or shortly after success."""
        self._environment.seed(seed)
        observation, _ = self._environment.reset()
        observations, actions, left = [observation], [], num_steps
        is_success = False
        while left > 0:
            action = np.clip(act(observation), -1, 1).astype(np.float32)
            observation, _, _, _, info = self._environment.step(action)
            observations.append(observation)
            actions.append(action)
            left -= 1
            if info["success"] and not is_success:
                is_success, left = True, min(left, num_steps_after_success)
        made = Demonstration(np.array(observations, np.float32), np.array(actions), seed)
        return Outcome(made, is_success)

    @property
    def model(self) -> Any:
        """The scene as an `MjModel`."""
        return self._environment.model

    def again(self, demonstration: Demonstration) -> Iterator[Any]:
        """Executes an episode's actions again; yields the `MjData` at each of its observations.

        Raises:
            RuntimeError: It went otherwise than before.
        """
        self._environment.seed(demonstration.seed)
        observation, _ = self._environment.reset()
        for step, expected in enumerate(demonstration.observations):
            if not np.array_equal(observation.astype(np.float32), expected):
                raise RuntimeError(
                    f"{self.task}, seed {demonstration.seed}: step {step} of the episode leads to "
                    "another state than when it was recorded; remove the kept episodes"
                )
            yield self._environment.data
            if step < len(demonstration.actions):
                observation, *_ = self._environment.step(demonstration.actions[step])

    def num_successes(self, act: Act, seeds: range) -> int:
        """Episodes in which the task was solved."""
        return sum(
            self.episode(act, seed=seed, num_steps_after_success=0).is_success for seed in seeds
        )


def unseen_seeds(count: int) -> range:
    """Layouts that are in no set."""
    return range(_UNSEEN_SEED, _UNSEEN_SEED + count)


def hidden(simulator: MetaWorldSimulator, folder: Path) -> list[Demonstration]:
    """The 50 expert episodes that are to be labeled."""
    return _expert_episodes(simulator, folder, "hidden", _HIDDEN_SEED, NUM_HIDDEN)


def labeled(simulator: MetaWorldSimulator, name: str, folder: Path) -> list[Demonstration]:
    """A labeled set: `K5` (or another number) expert episodes, `PLAY`, or `RAND`.

    Raises:
        ValueError: An unknown name.
    """
    if name == "PLAY":
        return _play_episodes(simulator, folder, "play", _play)
    if name == "RAND":
        return _play_episodes(simulator, folder, "rand", _uniform)
    if name.startswith("K") and name[1:].isdigit() and int(name[1:]) > 0:
        return _expert_episodes(simulator, folder, name, _LABELED_SEED, int(name[1:]))
    raise ValueError(f"unknown labeled set {name!r}; there are K1, K5, K16 ..., PLAY and RAND")


def _expert_episodes(
    simulator: MetaWorldSimulator, folder: Path, name: str, first_seed: int, count: int
) -> list[Demonstration]:
    def make() -> list[Demonstration]:
        seeds = range(first_seed, first_seed + count)
        return [simulator.episode(simulator.expert, seed=s).demonstration for s in seeds]

    return cached(folder, _key(simulator, name), make)


def _play_episodes(
    simulator: MetaWorldSimulator, folder: Path, name: str, policy_of: Callable[[int], Act]
) -> list[Demonstration]:
    def make() -> list[Demonstration]:
        seeds = range(_PLAY_SEED, _PLAY_SEED + NUM_PLAY)
        return [
            simulator.episode(
                policy_of(seed), seed=seed, num_steps=HORIZON, num_steps_after_success=HORIZON
            ).demonstration
            for seed in seeds
        ]

    return cached(folder, _key(simulator, name), make)


def _key(simulator: MetaWorldSimulator, name: str) -> str:
    return f"{simulator.task}-{name}-{syntax_hash(Path(__file__))}"


def _uniform(seed: int) -> Act:
    generator = np.random.default_rng(seed)
    return lambda _: generator.uniform(-1, 1, 4)


def _play(seed: int) -> Act:
    """Moves of varied amplitude, each held for a varied time, over the whole table.

    Hand and gripper change their minds independently: the hand after 1 to 40 steps, the gripper
    after 5 to 40, since its fingers need that long to arrive, and only then is its opening that
    which a held command leads to. Two thirds of the moves head for a place, the object among them,
    with a gain as a controller would; the others are one constant action.
    """
    generator = np.random.default_rng(seed)
    low, high = np.array([-0.25, 0.5, 0.03]), np.array([0.25, 0.9, 0.3])
    plan: dict[str, Any] = {"hand_left": 0, "grip_left": 0}

    def act(observation: np.ndarray) -> np.ndarray:
        if plan["hand_left"] == 0:
            plan["hand_left"] = int(np.exp(generator.uniform(0, np.log(40))))
            plan["place"] = _place(generator, observation, low, high)
            plan["gain"] = float(np.exp(generator.uniform(np.log(1.0), np.log(25.0))))
            plan["constant"] = generator.uniform(-1.5, 1.5, 3) * generator.random()
        if plan["grip_left"] == 0:
            plan["grip_left"] = int(generator.integers(5, 41))
            plan["grip"] = float(np.clip(generator.uniform(-1.5, 1.5), -1, 1))
        plan["hand_left"] -= 1
        plan["grip_left"] -= 1
        place = plan["place"]
        move = plan["constant"] if place is None else plan["gain"] * (place - observation[:3])
        return np.append(move, plan["grip"])

    return act


def _place(
    generator: np.random.Generator, observation: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray | None:
    choice = generator.integers(3)
    if choice == 0:
        return None
    near_object = observation[4:7] + generator.normal(0, 0.02, 3)
    return generator.uniform(low, high) if choice == 1 else np.maximum(near_object, low)
