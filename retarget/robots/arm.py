"""A robot arm with a gripper ready to compute with, made of its YAML and its robot file."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.contract import ActionContract, Dimension, GripperContract
from rotoscope.pipeline.errors import RobotError
from rotoscope.retarget.description.links import Description, Joint
from rotoscope.retarget.description.locate import robot_file
from rotoscope.retarget.description.read import read_description
from rotoscope.retarget.kinematics.end_effector import Pose
from rotoscope.retarget.kinematics.frames import Frame
from rotoscope.retarget.kinematics.tree import KinematicTree
from rotoscope.retarget.robots.config import ArmConfig, ArmSection
from rotoscope.retarget.robots.digest import robot_digest
from rotoscope.retarget.robots.joint_limits import JointLimits
from rotoscope.retarget.robots.opening import OpeningTable, opening_table
from rotoscope.retarget.robots.rank import Follows, rank_of, what_follows
from rotoscope.retarget.robots.read_config import load_config_of
from rotoscope.retarget.robots.robot import Robot


@dataclass(frozen=True, eq=False)
class ArmRobot(Robot):
    """An arm with a gripper ready to compute with."""

    config: ArmConfig
    """What its YAML file says."""
    T_link_ee: Float[np.ndarray, "4 4"]
    """End effector in the link that carries it [m]."""

    @property
    def base_link(self) -> str:
        """The link that stands on the table."""
        return self.config.base_link

    @property
    def home(self) -> Float[np.ndarray, " joint"]:
        """Home pose [rad or m]: its rest values."""
        return self.rest

    def frames(self) -> dict[str, Frame]:
        """The end effector."""
        return {"end_effector": Frame(self.config.end_effector.link, self.T_link_ee)}

    @cached_property
    def kinematics(self) -> KinematicTree:
        """Kinematics of the end effector."""
        return self.tree(list(self.frames().values()))

    def with_tool(self, T_ee_tool: Float[np.ndarray, "4 4"]) -> ArmRobot:
        """The same arm with another end effector, given in the frame of this one [m]."""
        return replace(self, T_link_ee=self.T_link_ee @ T_ee_tool)

    def pose(self, joints: Float[np.ndarray, "batch joint"], *, jacobian: bool = False) -> Pose:
        """End-effector pose, and on demand its Jacobian, for joint values [rad or m]."""
        reached = self.kinematics.forward_kinematics(joints, jacobian=jacobian)
        J = None
        if jacobian:
            J = np.concatenate([reached.J_p[:, :, 0], reached.J_w[:, :, 0]], axis=2)
            J = np.swapaxes(J, 1, 2)
        return Pose(reached.R[:, 0], reached.p_m[:, 0], J)

    def link_positions(
        self, joints: Float[np.ndarray, "time joint"]
    ) -> Float[np.ndarray, "time link 3"]:
        """Base, joints and end effector as points in the base frame [m]: a stick figure."""
        moved = [self.description.joints[name] for name in self.joint_names]
        points = [
            Frame.at(self.base_link),
            *(Frame.at(j.child, j.anchor_m.tolist()) for j in moved),
        ]
        p: np.ndarray = self.tree([*points, *self.frames().values()]).forward_kinematics(joints).p_m
        return p

    @cached_property
    def openings(self) -> OpeningTable:
        """How the gripper's opening follows from its joints."""
        return opening_table(self.config, self.description)

    @cached_property
    def follows(self) -> Follows:
        """What of a wanted pose its joints can bring about: see `retarget.robots.rank`."""
        return what_follows(self.rank)

    @cached_property
    def rank(self) -> int:
        """Directions out of six that it can move its end effector in."""
        return rank_of(self.kinematics, self.lower, self.upper)

    def finger_joints(self, opening01: float) -> dict[str, float]:
        """Values of the gripper's joints for an opening, 0 closed to 1 open [rad or m].

        Those that follow others are among them.
        """
        share = self.openings.share_at(opening01)
        ends = self.config.gripper.joints.items()
        led = {name: float(closed + share * (open_ - closed)) for name, (closed, open_) in ends}
        followed = {name: self.description.resolve_mimic(name) for name in self._finger_followers}
        return led | {name: link.value_at(led[link.joint]) for name, link in followed.items()}

    @cached_property
    def _finger_followers(self) -> tuple[str, ...]:
        """Joints that follow those of the gripper."""
        led = self.config.gripper.joints
        moving = (j.name for j in self.description.joints.values() if j.kind != "fixed")
        return tuple(
            n for n in moving if n not in led and self.description.resolve_mimic(n).joint in led
        )

    def contract(self, *, rate_hz: float, shift_s: float = 0.0) -> ActionContract:
        """Meaning of an action: absolute arm joints, then the gripper's opening in percent."""
        joints = super().contract(rate_hz=rate_hz, shift_s=shift_s)
        gripper = Dimension(
            name=f"{self.name}_gripper.pos",
            quantity="gripper",
            unit="percent",
            lower=0.0,
            upper=100.0,
            max_rate=self.config.gripper.max_rate_percent_s,
        )
        return joints.model_copy(
            update={
                "dimensions": (*joints.dimensions, gripper),
                "follows": None if self.follows == "pose" else self.follows,
                "gripper": GripperContract(max_opening_m=self.config.gripper.max_opening_m),
            }
        )


def load_arm(name_or_path: str) -> ArmRobot:
    """An arm by its name in `configs/robots` or by the path of such a file.

    Raises:
        RobotError: No such arm, or its files do not fit together: an unknown link or joint, a
            joint without limits, a home pose outside them.
        AssetError: Its asset was not fetched.
    """
    return make_arm(*load_config_of(ArmConfig, name_or_path, use="following a gripper"))


def make_arm(config: ArmConfig, config_file: Path) -> ArmRobot:
    """The arm that a YAML file describes, which lies there; errors as of `load_arm`."""
    description = read_description(robot_file(config, config_file))
    limits = _limits(config.arm, _joints(config, description), description.path)
    home = np.array(config.arm.home)
    _require_length(config.arm, "home", home, description.path)
    if not ((home > limits.lower) & (home < limits.upper)).all():
        raise RobotError(
            f"{config_file}: home {home.tolist()} must lie inside the position limits "
            f"{limits.lower.tolist()} to {limits.upper.tolist()}"
        )
    description.require_movable(config.gripper.joints)
    opening_table(config, description)
    return ArmRobot(
        config=config,
        path=description.path,
        checksum=robot_digest(config, description.path),
        description=description,
        joint_names=config.arm.joints,
        limits=limits,
        rest=home,
        locked={},
        T_link_ee=config.end_effector.pose_in_link,
    )


def _joints(config: ArmConfig, description: Description) -> list[Joint]:
    description.require_movable(config.arm.joints)
    path = description.path_between(config.base_link, config.end_effector.link)
    movable = [joint for joint in path if joint.kind != "fixed"]
    if tuple(j.name for j in movable) != config.arm.joints:
        raise RobotError(
            f"{description.path}: from {config.base_link!r} to {config.end_effector.link!r} the "
            f"movable joints are {[j.name for j in movable]}, but arm.joints says "
            f"{list(config.arm.joints)}"
        )
    return movable


def _limits(arm: ArmSection, joints: list[Joint], path: Path) -> JointLimits:
    stated = {
        "lower": [joint.lower for joint in joints],
        "upper": [joint.upper for joint in joints],
        "max_velocity": [joint.max_velocity for joint in joints],
    }
    found = {}
    for key, from_file in stated.items():
        given = getattr(arm, key)
        values = np.array(from_file if given is None else given, dtype=float)
        _require_length(arm, key, values, path)
        for name, value in zip(arm.joints, values, strict=True):
            if not math.isfinite(value):
                raise RobotError(
                    f"{path} states no {key} for joint {name!r}; give arm.{key} for all "
                    f"{len(arm.joints)} joints in the robot's YAML file"
                )
        found[key] = values
    for joint in joints:
        if joint.limit_fault is not None and (arm.lower is None or arm.upper is None):
            raise RobotError(
                f"{path}: joint {joint.name!r}: {joint.limit_fault}; mend the file, or give "
                f"arm.lower and arm.upper for all {len(arm.joints)} joints in the robot's YAML file"
            )
    if not (found["lower"] < found["upper"]).all() or not (found["max_velocity"] > 0).all():
        raise RobotError(
            f"{path}: every joint needs lower < upper and a velocity limit above zero, got "
            f"{ {k: v.tolist() for k, v in found.items()} }"
        )
    return JointLimits(**found, max_acceleration=np.full(len(joints), np.inf))


def _require_length(arm: ArmSection, key: str, values: np.ndarray, path: Path) -> None:
    if len(values) != len(arm.joints):
        raise RobotError(
            f"{path}: arm.{key} needs {len(arm.joints)} numbers, one per joint, got {len(values)}"
        )
