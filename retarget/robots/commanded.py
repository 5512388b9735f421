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

_TABLE = 401
"""Openings of a gripper that are tried to find the one that belongs to a finger's value."""


@dataclass(frozen=True, eq=False)
class RobotJoints:
    """As `rotoscope.pipeline.robots.CommandedJoints` says."""

    robot: Robot

    @property
    def kind(self) -> str:
        """`arm`, `hand` or `humanoid`."""
        if isinstance(self.robot, ArmRobot):
            return "arm"
        return "humanoid" if isinstance(self.robot, HumanoidRobot) else "hand"

    @cached_property
    def fingers(self) -> dict[str, tuple[float, float]]:
        """Joints of a gripper with their values at both ends, closed and open [rad or m]."""
        robot = self.robot
        return dict(robot.config.gripper.joints) if isinstance(robot, ArmRobot) else {}

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
        robot = self.robot
        return np.append(robot.rest, 100.0) if isinstance(robot, ArmRobot) else robot.rest.copy()

    def contract(self, rate_hz: float) -> ActionContract:
        """Meaning of the commands: absolute joints, then a gripper."""
        return self.robot.contract(rate_hz=rate_hz)

    def joints(
        self, values: Float[np.ndarray, "command action"]
    ) -> Float[np.ndarray, "command joint"]:
        """Values of `names` [rad or m]."""
        robot = self.robot
        if not isinstance(robot, ArmRobot):
            return values
        fingers = [list(robot.finger_joints(share).values()) for share in values[:, -1] / 100.0]
        shape = (len(values), len(self.fingers))
        return np.column_stack([values[:, :-1], np.array(fingers, float).reshape(shape)])

    def values(
        self, joints: Float[np.ndarray, "command joint"]
    ) -> Float[np.ndarray, "command action"]:
        """Commands that ask for joint values; a gripper that nothing drives counts as open."""
        robot = self.robot
        if not isinstance(robot, ArmRobot):
            return joints
        num_arm = len(robot.joint_names)
        if not self.fingers:
            return np.column_stack([joints[:, :num_arm], np.full(len(joints), 100.0)])
        # The opening is monotonic in the first finger, whatever moves it.
        percent = np.linspace(0.0, 100.0, _TABLE)
        first = np.array([next(iter(robot.finger_joints(p / 100.0).values())) for p in percent])
        order = np.argsort(first, kind="stable")
        found = np.interp(joints[:, num_arm], first[order], percent[order])
        return np.column_stack([joints[:, :num_arm], found])


def robot_joints(name_or_path: str) -> RobotJoints:
    """The joints of a robot of `configs/robots`, or of a YAML file like those.

    Raises:
        RobotError: No such robot.
        AssetError: Its asset was not fetched.
    """
    return RobotJoints(load_robot(name_or_path))
