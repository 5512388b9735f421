"""How a robot's commands become joints of its file, and back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.contract import ActionContract
from rotoscope.retarget.robots.arm import ArmRobot
from rotoscope.retarget.robots.load import load_robot
from rotoscope.retarget.robots.robot import HumanoidRobot, Robot
from rotoscope.retarget.robots.two_arms import TwoArmRobot

_TABLE = 401
"""Openings of a gripper that are tried to find the one that belongs to a finger's value."""


@dataclass(frozen=True, eq=False)
class RobotJoints:
    """As `rotoscope.pipeline.robots.CommandedJoints` says."""

    robot: Robot

    @property
    def kind(self) -> str:
        """`arm`, `two_arms`, `hand` or `humanoid`."""
        kinds = {ArmRobot: "arm", TwoArmRobot: "two_arms", HumanoidRobot: "humanoid"}
        return next((kind for one, kind in kinds.items() if isinstance(self.robot, one)), "hand")

    @cached_property
    def fingers(self) -> dict[str, tuple[float, float]]:
        """Joints of grippers with their values at both ends, closed and open [rad or m]."""
        return {
            f"{prefix}{joint}": ends
            for prefix, arm in self._arms
            for joint, ends in arm.config.gripper.joints.items()
        }

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Joints that the commands move."""
        return (*self.robot.joint_names, *self.fingers)

    @cached_property
    def units(self) -> tuple[str, ...]:
        """Unit of each: rad or m."""
        kinds = [self.robot.description.joints[name].kind for name in self.names]
        return tuple("m" if kind == "prismatic" else "rad" for kind in kinds)

    @cached_property
    def lower(self) -> Float[np.ndarray, " joint"]:
        """Lower limits [rad or m]."""
        return np.append(self.robot.lower, [min(ends) for ends in self.fingers.values()])

    @cached_property
    def upper(self) -> Float[np.ndarray, " joint"]:
        """Upper limits [rad or m]."""
        return np.append(self.robot.upper, [max(ends) for ends in self.fingers.values()])

    @cached_property
    def home(self) -> Float[np.ndarray, " action"]:
        """Commands of the posture in which it rests [rad, m; percent]."""
        if not self._arms:
            return self.robot.rest.copy()
        return np.concatenate([np.append(arm.rest, 100.0) for _, arm in self._arms])

    def contract(self, rate_hz: float) -> ActionContract:
        """Meaning of the commands: absolute joints, then a gripper; of two arms one by one."""
        return self.robot.contract(rate_hz=rate_hz)

    def joints(
        self, values: Float[np.ndarray, "command action"]
    ) -> Float[np.ndarray, "command joint"]:
        """Values of `names` [rad or m]."""
        if not self._arms:
            return values
        arms, fingers, start = [], [], 0
        for _, arm in self._arms:
            end = start + len(arm.joint_names)
            arms.append(values[:, start:end])
            found = [list(arm.finger_joints(share).values()) for share in values[:, end] / 100.0]
            shape = (len(values), len(arm.config.gripper.joints))
            fingers.append(np.array(found, float).reshape(shape))
            start = end + 1
        return np.column_stack([*arms, *fingers])

    def values(
        self, joints: Float[np.ndarray, "command joint"]
    ) -> Float[np.ndarray, "command action"]:
        """Commands that ask for joint values; a gripper that nothing drives counts as open."""
        if not self._arms:
            return joints
        parts, start, finger = [], 0, len(self.robot.joint_names)
        for _, arm in self._arms:
            end = start + len(arm.joint_names)
            parts += [joints[:, start:end], _opening_percent(arm, joints[:, finger:])]
            start, finger = end, finger + len(arm.config.gripper.joints)
        return np.column_stack(parts)

    @cached_property
    def _arms(self) -> tuple[tuple[str, ArmRobot], ...]:
        """The arms that commands are for, and what their joints' names begin with."""
        if isinstance(self.robot, TwoArmRobot):
            return tuple((f"{side}/", arm) for side, arm in self.robot.arms.items())
        return (("", self.robot),) if isinstance(self.robot, ArmRobot) else ()


def _opening_percent(
    arm: ArmRobot, fingers: Float[np.ndarray, "command joint"]
) -> Float[np.ndarray, " command"]:
    """How far a gripper is open, by its first finger: monotonic in it, whatever moves it."""
    if not arm.config.gripper.joints:
        return np.full(len(fingers), 100.0)
    percent = np.linspace(0.0, 100.0, _TABLE)
    first = np.array([next(iter(arm.finger_joints(p / 100.0).values())) for p in percent])
    order = np.argsort(first, kind="stable")
    return np.interp(fingers[:, 0], first[order], percent[order])


def robot_joints(name_or_path: str) -> RobotJoints:
    """The joints of a robot of `configs/robots`, or of a YAML file like those.

    Raises:
        RobotError: No such robot.
        AssetError: Its asset was not fetched.
    """
    return RobotJoints(load_robot(name_or_path))
