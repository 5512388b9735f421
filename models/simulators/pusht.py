"""PushT: a disc pushes a T onto its mark (Chi et al. 2023, 2303.04137); by the package gym-pusht.

The expert is ours: it plans with `pusht_physics`, which is not the simulator's own physics.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.simulators.gymnasium_task import GymnasiumTask
from rotoscope.models.simulators.pusht_expert import PushExpert
from rotoscope.models.simulators.pusht_physics import FIELD_PX
from rotoscope.models.simulators.simulator import (
    Observation,
    SimulatorFacts,
    Step,
    Views,
    need_package,
)
from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.errors import UsageError

CAMERA = "top"
"""The only camera."""
FPS = 10
"""Actions a second."""
HORIZON = 300
"""Actions an episode has."""
STATE_NAMES = ("agent.x", "agent.y", "block.x", "block.y", "block.cos", "block.sin")
"""Pixels of the 512 px field; the block's origin is the middle of its bar's outer edge."""


def open_pusht(task: str, views: Views) -> PushTSimulator:
    """Opens PushT.

    Raises:
        UsageError: A task is named, there is one alone; or gym-pusht is not installed.
    """
    if task:
        raise UsageError(f"pusht has one task alone, got {task!r}; write 'pusht'")
    need_package("gym_pusht", "pusht", extra="pusht")
    return PushTSimulator(views)


class PushTSimulator(GymnasiumTask):
    """One table with one T."""

    def __init__(self, views: Views) -> None:
        from gym_pusht.envs import PushTEnv

        self._expert = PushExpert()
        super().__init__(PushTEnv(), FACTS, views)

    def reset(self, seed: int) -> Observation:
        """Starts an episode; the same seed gives the same start."""
        self._expert.reset()
        pose, _ = self._environment.reset(seed=seed)
        self._state = _state(pose)
        return self._observation()

    def step(self, action: Float[np.ndarray, " action"]) -> Step:
        """Sends the disc towards a place for a tenth of a second."""
        target = np.clip(action, 0, FIELD_PX)
        pose, reward, is_success, _, _ = self._environment.step(target)
        self._state = _state(pose)
        return Step(self._observation(), float(reward), bool(is_success), False)

    def expert(self) -> Float[np.ndarray, " action"]:
        """Where the planner would send the disc now."""
        x, y, cos, sin = self._state[2:]
        target = self._expert.act(self._state[:2], np.array([x, y, np.arctan2(sin, cos)]))
        return np.clip(target, 0, FIELD_PX).astype(np.float32)

    def render(
        self, camera: str, *, width: int, height: int
    ) -> UInt8[np.ndarray, "height width 3"]:
        """A picture from above."""
        environment: Any = self._environment
        environment.observation_width, environment.observation_height = width, height
        # Its public `render` marks the action with a cross: the label would stand in the picture.
        return np.ascontiguousarray(environment._render())


def _state(pose: Float[np.ndarray, " 5"]) -> Float[np.ndarray, " 6"]:
    """Numbers without a jump, of the package's, whose angle has one."""
    return np.array([*pose[:4], np.cos(pose[4]), np.sin(pose[4])])


FACTS = SimulatorFacts(
    name="pusht",
    task="push the T onto its mark",
    fps=FPS,
    horizon=HORIZON,
    contract=ActionContract(
        robot="disc",
        dimensions=tuple(
            Dimension(name=f"target.{axis}", quantity="position", unit="px", lower=0, upper=512)
            for axis in "xy"
        ),
        frame="picture of the table: x right, y down, 512 px each",
        rotation="none",
        rate_hz=FPS,
        shift_s=0,
        is_state=False,
    ),
    state_names=STATE_NAMES,
    cameras=(CAMERA,),
    success="95 % of the mark covered",
)
"""What is known before it is opened."""
