"""Gymnasium's robots that run, by MuJoCo: actions are torques, the expert a linear policy.

The expert's weights were found by augmented random search (Mania et al. 2018, 1803.07055) in about
a minute of CPU: `python -m benchmarks._locomotion_teachers`. It moves well forward, and reaches
less than Gymnasium's own threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.models.simulators.gymnasium_task import GymnasiumTask
from rotoscope.models.simulators.linear_gaits import HALF_CHEETAH, HOPPER, LinearGait
from rotoscope.models.simulators.simulator import (
    SimulatorFacts,
    Step,
    Views,
)
from rotoscope.pipeline import packages
from rotoscope.pipeline.contract import ActionContract, Dimension

CAMERA = "track"
"""The only camera; it follows the robot."""
_ROOT, _ROOT_SPEED = ("root.z", "root.pitch"), ("root.x.speed", "root.z.speed", "root.pitch.speed")


@dataclass(frozen=True)
class Robot:
    """What Gymnasium does not say of a robot."""

    words: str
    """What is to be done."""
    joints: tuple[str, ...]
    """Its joints, in the order of states and of actions."""
    gait: LinearGait
    """The expert."""

    @property
    def state_names(self) -> tuple[str, ...]:
        """Height [m] and pitch [rad] of the root, joints [rad]; then how fast all of it moves."""
        return (*_ROOT, *self.joints, *_ROOT_SPEED, *(f"{joint}.speed" for joint in self.joints))


ROBOTS = {
    "HalfCheetah-v5": Robot(
        "run forward",
        ("back.thigh", "back.shin", "back.foot", "front.thigh", "front.shin", "front.foot"),
        HALF_CHEETAH,
    ),
    "Hopper-v5": Robot("hop forward", ("thigh", "leg", "foot"), HOPPER),
}
"""Robots by Gymnasium's id."""


class LocomotionSimulator(GymnasiumTask):
    """One robot; success is a return of at least Gymnasium's own threshold."""

    def __init__(self, task: str, views: Views) -> None:
        # First of all, so that it learns how to draw without a display.
        packages.import_mujoco()
        import gymnasium

        self._robot = ROBOTS[task]
        made: Any = gymnasium.make(task, render_mode="rgb_array")
        spec = made.spec
        self._threshold = float(spec.reward_threshold)
        fps = int(made.metadata["render_fps"])
        facts = SimulatorFacts(
            name=f"gymnasium:{task}",
            task=self._robot.words,
            fps=fps,
            horizon=int(spec.max_episode_steps),
            contract=_contract(task, fps, self._robot.joints),
            state_names=self._robot.state_names,
            cameras=(CAMERA,),
            success=f"a return of at least {self._threshold:g}",
        )
        # Its own limit of steps is counted by who runs episodes.
        super().__init__(made.unwrapped, facts, views)

    def step(self, action: Float[np.ndarray, " action"]) -> Step:
        """Turns the motors, each by a share of its torque, for one step."""
        clipped = np.clip(action, *self._facts.contract.bounds())
        self._state, reward, is_over, _, _ = self._environment.step(clipped)
        self._return += float(reward)
        is_success = self._return >= self._threshold
        return Step(self._observation(), float(reward), is_success, bool(is_over))

    def expert(self) -> Float[np.ndarray, " action"]:
        """What the linear policy would do now."""
        return self._robot.gait(self._state).astype(np.float32)


def _contract(task: str, fps: int, joints: tuple[str, ...]) -> ActionContract:
    return ActionContract(
        robot=task,
        dimensions=tuple(
            Dimension(name=f"{joint}.torque", quantity="joint", unit="1", lower=-1, upper=1)
            for joint in joints
        ),
        frame="none: shares of each motor's torque",
        rotation="none",
        rate_hz=fps,
        shift_s=0,
        is_state=False,
    )
