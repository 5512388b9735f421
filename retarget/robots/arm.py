"""A robot arm ready to compute with, made of its YAML file and its URDF or MJCF file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.contract import ActionContract, Dimension, GripperContract
from rotoscope.pipeline.errors import RobotError, quoted
from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.description.links import Description, Joint
from rotoscope.retarget.description.locate import robot_file
from rotoscope.retarget.description.read import read_description
from rotoscope.retarget.kinematics.chain import Segment, SerialChain
from rotoscope.retarget.robots.arm_config import ArmSection, RobotConfig, load_config_of
from rotoscope.retarget.robots.digest import robot_digest


@dataclass(frozen=True, eq=False)
class Robot:
    """A robot arm ready to compute with."""

    config: RobotConfig
    """What its YAML file says."""
    path: Path
    """Its URDF or MJCF file."""
    checksum: str
    """Hash of what both files and those that they name hold."""
    chain: SerialChain
    """Kinematics from the base to the end effector."""
    lower: Float[np.ndarray, " joint"]
    """Lower position limits [rad or m]."""
    upper: Float[np.ndarray, " joint"]
    """Upper position limits [rad or m]."""
    max_velocity: Float[np.ndarray, " joint"]
    """Velocity limits [rad/s or m/s]."""
    home: Float[np.ndarray, " joint"]
    """Home pose [rad or m]."""

    @property
    def name(self) -> str:
        """Name in the dataset."""
        return self.config.name

    def link_positions(
        self, joints: Float[np.ndarray, "time joint"]
    ) -> Float[np.ndarray, "time link 3"]:
        """Base, joints and end effector as points in the base frame [m]: a stick figure."""
        return self.chain.link_positions(joints)

    def contract(self, *, rate_hz: float, shift_s: float = 0.0) -> ActionContract:
        """Meaning of an action: absolute arm joints, then the gripper's opening in percent."""
        joints = [
            Dimension(
                name=feature_name(self.name, segment.name),
                quantity="joint",
                unit="rad" if segment.kind == "revolute" else "m",
                lower=float(self.lower[i]),
                upper=float(self.upper[i]),
                max_rate=float(self.max_velocity[i]),
            )
            for i, segment in enumerate(self.chain.segments)
        ]
        gripper = Dimension(
            name=f"{self.name}_gripper.pos",
            quantity="gripper",
            unit="percent",
            lower=0.0,
            upper=100.0,
            max_rate=self.config.gripper.max_rate_percent_s,
        )
        return ActionContract(
            robot=self.name,
            dimensions=(*joints, gripper),
            gripper=GripperContract(max_opening_m=self.config.gripper.max_opening_m),
            rate_hz=rate_hz,
            shift_s=shift_s,
        )


def load_robot(name_or_path: str) -> Robot:
    """A robot by its name in `configs/robots` or by the path of such a file.

    Raises:
        RobotError: No such robot, or its files do not fit together: an unknown link or joint, a
            joint without limits, a home pose outside them.
        AssetError: Its asset was not fetched.
    """
    config, config_file = load_config_of(RobotConfig, name_or_path, use="following a gripper")
    description = read_description(robot_file(config, config_file))
    chain, joints = _chain(config, description)
    lower, upper, speed = _limits(config.arm, joints, description.path)
    home = np.array(config.arm.home)
    _require_length(config.arm, "home", home, description.path)
    if not ((home > lower) & (home < upper)).all():
        raise RobotError(
            f"{config_file}: home {home.tolist()} must lie inside the position limits "
            f"{lower.tolist()} to {upper.tolist()}"
        )
    _require_joints(config.gripper.joints, description)
    digest = robot_digest(config, description.path)
    return Robot(config, description.path, digest, chain, lower, upper, speed, home)


def _chain(config: RobotConfig, description: Description) -> tuple[SerialChain, list[Joint]]:
    _require_joints(config.arm.joints, description)
    path = description.path_between(config.base_link, config.end_effector.link)
    movable = [joint for joint in path if joint.kind != "fixed"]
    if tuple(j.name for j in movable) != config.arm.joints:
        raise RobotError(
            f"{description.path}: from {config.base_link!r} to {config.end_effector.link!r} the "
            f"movable joints are {[j.name for j in movable]}, but arm.joints says "
            f"{list(config.arm.joints)}"
        )
    segments, T = [], np.eye(4)
    for joint in path:
        T = T @ joint.T_parent_child
        if joint.kind == "fixed":
            continue
        at_anchor = se3.make(np.eye(3), joint.anchor_m)
        segments.append(Segment(joint.name, joint.kind, T @ at_anchor, joint.axis))
        T = se3.inverse(at_anchor)
    return SerialChain(segments, T @ config.end_effector.pose_in_link), movable


def _limits(
    arm: ArmSection, joints: list[Joint], path: Path
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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
    if not (found["lower"] < found["upper"]).all() or not (found["max_velocity"] > 0).all():
        raise RobotError(
            f"{path}: every joint needs lower < upper and a velocity limit above zero, got "
            f"{ {k: v.tolist() for k, v in found.items()} }"
        )
    return found["lower"], found["upper"], found["max_velocity"]


def _require_length(arm: ArmSection, key: str, values: np.ndarray, path: Path) -> None:
    if len(values) != len(arm.joints):
        raise RobotError(
            f"{path}: arm.{key} needs {len(arm.joints)} numbers, one per joint, got {len(values)}"
        )


def _require_joints(names: Any, description: Description) -> None:
    movable = [joint.name for joint in description.joints.values() if joint.kind != "fixed"]
    unknown = sorted(set(names) - set(movable))
    if unknown:
        raise RobotError(
            f"{description.path} has no movable joint {', '.join(map(repr, unknown))}; "
            f"it has {quoted(movable)}"
        )


def feature_name(robot: str, joint: str) -> str:
    """Name of a joint's dimension in the dataset."""
    return f"{joint}.pos" if joint.startswith(f"{robot}_") else f"{robot}_{joint}.pos"
