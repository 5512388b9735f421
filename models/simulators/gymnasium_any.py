"""Any task that Gymnasium knows by its id, such as `Pendulum-v1` or `gym_pusht:gym_pusht/PushT-v0`.

What a module registers is found where its name stands before the id, as in `gymnasium.make`.
Observations of numbers are the state, in the order in which Gymnasium flattens them; pictures among
them are left out, for the camera shows the task. There is no scripted expert.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.models.simulators.gymnasium_task import GymnasiumTask
from rotoscope.models.simulators.simulator import Observation, SimulatorFacts, Step, Views
from rotoscope.pipeline import packages
from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.errors import UsageError, quoted

CAMERA = "front"
"""The only camera, where the task draws itself."""
DEFAULT_HORIZON = 1000
"""Steps of an episode where a task names no limit."""
DEFAULT_FPS = 30
"""Steps a second where a task does not say."""
_PICTURE_RANK = 3


def open_any(task: str, views: Views, *, known: tuple[str, ...]) -> AnySimulator:
    """Opens a task by Gymnasium's id.

    Args:
        task: The id, with `module:` before it where a module registers it.
        views: What observations hold.
        known: Tasks with an expert, for messages.

    Raises:
        UsageError: No such id, a package that it needs is missing, or actions that are neither
            numbers nor choices.
    """
    packages.import_mujoco()
    import gymnasium

    try:
        made: Any = gymnasium.make(task, render_mode="rgb_array")
    except (gymnasium.error.Error, ImportError) as error:
        raise UsageError(
            f"gymnasium:{task}: {str(error).rstrip('.')}; name an id that Gymnasium knows, or "
            f"MODULE:ID of a module that registers it; {quoted(known)} have an expert"
        ) from error
    try:
        return AnySimulator(made, task, views)
    except UsageError:
        made.close()
        raise


class AnySimulator(GymnasiumTask):
    """One task; success is what the task itself calls so, or a return of at least its threshold."""

    def __init__(self, made: Any, task: str, views: Views) -> None:
        self._threshold = made.spec.reward_threshold
        self._actions = made.action_space
        self._numbers = dict(_numbers(made.observation_space))
        drawn = "rgb_array" in (made.metadata.get("render_modes") or ())
        fps = int(made.metadata.get("render_fps") or DEFAULT_FPS)
        says = "what the task calls so"
        facts = SimulatorFacts(
            name=f"gymnasium:{task}",
            task=task.partition(":")[2] or task,
            fps=fps,
            horizon=int(made.spec.max_episode_steps or DEFAULT_HORIZON),
            contract=_contract(task, fps, made.action_space),
            state_names=tuple(n for names in self._numbers.values() for n in names),
            cameras=(CAMERA,) if drawn else (),
            success=says
            if self._threshold is None
            else f"{says}, or a return of at least {self._threshold:g}",
            has_expert=False,
        )
        # Its own limit of steps is counted by who runs episodes.
        super().__init__(made.unwrapped, facts, views)

    def reset(self, seed: int) -> Observation:
        """Starts an episode; the same seed gives the same start."""
        seen, _ = self._environment.reset(seed=seed)
        self._return, self._state = 0.0, self._flat(seen)
        return self._observation()

    def step(self, action: Float[np.ndarray, " action"]) -> Step:
        """Acts once; of choices the nearest ones are taken."""
        seen, reward, ended, cut, info = self._environment.step(self._wanted(action))
        self._state = self._flat(seen)
        self._return += float(reward)
        said = info.get("is_success", info.get("success", False))
        is_enough = self._threshold is not None and self._return >= self._threshold
        is_over = bool(ended or cut)
        return Step(self._observation(), float(reward), bool(said) or is_enough, is_over)

    def expert(self) -> Float[np.ndarray, " action"]:
        """Nobody knows.

        Raises:
            UsageError: Always.
        """
        raise UsageError(
            f"{self._facts.name} has no scripted expert; record --how play or --how random, or a "
            "policy of your own"
        )

    def _wanted(self, action: Float[np.ndarray, " action"]) -> Any:
        space = self._actions
        clipped = np.clip(action, *self._facts.contract.bounds())
        if not hasattr(space, "low"):
            choices = np.round(clipped).astype(np.int64)
            return choices if hasattr(space, "shape") and space.shape else int(choices[0])
        return clipped.astype(space.dtype).reshape(space.shape)

    def _flat(self, seen: Any) -> Float[np.ndarray, " number"]:
        if not self._numbers:
            return np.zeros(0)
        parts = [np.ravel(np.asarray(_part(seen, path), float)) for path in self._numbers]
        return np.concatenate(parts)


def _numbers(space: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Where numbers stand in observations, and their names; pictures and texts are passed over."""
    from gymnasium import spaces

    if isinstance(space, spaces.Dict):
        for key, part in space.items():
            yield from _numbers(part, (*path, str(key)))
        return
    is_picture = isinstance(space, spaces.Box) and (
        space.dtype == np.uint8 and len(space.shape) >= _PICTURE_RANK - 1
    )
    known = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)
    if is_picture or not isinstance(space, known):
        return
    name, num = ".".join(path) or "state", math.prod(space.shape or ())
    yield path, [name] if num == 1 and path else [f"{name}.{k}" for k in range(num)]


def _part(seen: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        seen = seen[key]
    return seen


def _contract(task: str, fps: int, space: Any) -> ActionContract:
    return ActionContract(
        robot=task,
        dimensions=tuple(_dimensions(task, space)),
        frame="as the task defines it",
        rotation="none",
        rate_hz=fps,
        shift_s=0,
        is_state=False,
    )


def _dimensions(task: str, space: Any) -> Iterator[Dimension]:
    from gymnasium import spaces

    if isinstance(space, spaces.Box):
        limits = zip(np.ravel(space.low).tolist(), np.ravel(space.high).tolist(), strict=True)
        for number, (low, high) in enumerate(limits):
            yield Dimension(
                name=f"action.{number}",
                quantity="joint",
                unit="1",
                lower=low if math.isfinite(low) else None,
                upper=high if math.isfinite(high) else None,
            )
        return
    first: list[int]
    if isinstance(space, spaces.Discrete):
        first, counts = [int(space.start)], [int(space.n)]
    elif isinstance(space, spaces.MultiDiscrete):
        first, counts = np.ravel(space.start).tolist(), np.ravel(space.nvec).tolist()
    elif isinstance(space, spaces.MultiBinary):
        num = math.prod(space.shape)
        first, counts = [0] * num, [2] * num
    else:
        raise UsageError(
            f"gymnasium:{task} has actions of kind {type(space).__name__}; Box, Discrete, "
            "MultiDiscrete and MultiBinary are known"
        )
    for number, (low, count) in enumerate(zip(first, counts, strict=True)):
        name = "choice" if len(first) == 1 else f"choice.{number}"
        yield Dimension(name=name, quantity="discrete", unit="1", lower=low, upper=low + count - 1)
