"""Robots ready to compute with, made of their YAML and robot files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import Side
from rotoscope.retarget.description.links import Description
from rotoscope.retarget.description.locate import NamedSection, robot_file
from rotoscope.retarget.description.read import read_description
from rotoscope.retarget.kinematics.frames import Frame
from rotoscope.retarget.kinematics.tree import KinematicTree
from rotoscope.retarget.robots.config import (
    BranchedConfig,
    HandConfig,
    HumanoidConfig,
    PointSection,
    Quaternion,
)
from rotoscope.retarget.robots.digest import robot_digest
from rotoscope.retarget.robots.joint_limits import (
    JointLimits,
    free_joints,
    joint_limits,
    joint_rest,
    locked_joints,
)
from rotoscope.retarget.robots.read_config import load_config_of


@dataclass(frozen=True, eq=False)
class Robot:
    """What all robots share: joints of an action, their limits, and named frames.

    An arm is a tree without branches: `rotoscope.retarget.robots.arm.ArmRobot`.
    """

    config: NamedSection
    """What its YAML file says."""
    path: Path
    """Its URDF or MJCF file."""
    checksum: str
    """Hash of what both files and those that they name hold."""
    description: Description
    """Links and joints of the robot file."""
    joint_names: tuple[str, ...]
    """Independent joints in the file's order: neither fixed nor locked nor following another."""
    limits: JointLimits
    """Limits of these joints, such that those that follow them keep theirs."""
    rest: Float[np.ndarray, " joint"]
    """Values that they take where nothing else is asked [rad or m]."""
    locked: dict[str, float]
    """Values of joints that do not move [rad or m]."""

    @property
    def name(self) -> str:
        """Name in the dataset."""
        return self.config.name

    @property
    def lower(self) -> Float[np.ndarray, " joint"]:
        """Lower position limits [rad or m]; -inf for a joint that turns without end."""
        return self.limits.lower

    @property
    def upper(self) -> Float[np.ndarray, " joint"]:
        """Upper position limits [rad or m]; inf for a joint that turns without end."""
        return self.limits.upper

    @property
    def max_velocity(self) -> Float[np.ndarray, " joint"]:
        """Velocity limits [rad/s or m/s]; inf where a joint without end states none."""
        return self.limits.max_velocity

    @property
    def max_acceleration(self) -> Float[np.ndarray, " joint"]:
        """Acceleration limits [rad/s^2 or m/s^2]; inf where there is none."""
        return self.limits.max_acceleration

    @property
    def base_link(self) -> str:
        """Link that poses are relative to."""
        return self.description.root_link

    def frames(self) -> dict[str, Frame]:
        """Every frame that the YAML file names, by a name of its own such as `tips.thumb`."""
        return {}

    def tree(self, frames: Sequence[Frame], *, is_floating: bool = False) -> KinematicTree:
        """Kinematics of some frames from `base_link` on, with `joint_names` as columns.

        Args:
            frames: What positions and rotations are computed of.
            is_floating: Whether the base moves in the world.
        """
        return KinematicTree(
            self.description,
            columns=self.joint_names,
            locked=self.locked,
            frames=frames,
            root=self.base_link,
            is_floating=is_floating,
        )

    def contract(self, *, rate_hz: float, shift_s: float = 0.0) -> ActionContract:
        """Meaning of an action: absolute positions of `joint_names`, in order."""
        kinds = [self.description.joints[joint].kind for joint in self.joint_names]
        dimensions = tuple(
            Dimension(
                name=feature_name(self.name, joint),
                quantity="joint",
                unit="rad" if kinds[i] == "revolute" else "m",
                lower=_finite(self.lower[i]),
                upper=_finite(self.upper[i]),
                max_rate=_finite(self.max_velocity[i]),
            )
            for i, joint in enumerate(self.joint_names)
        )
        return ActionContract(
            robot=self.name, dimensions=dimensions, rate_hz=rate_hz, shift_s=shift_s
        )


@dataclass(frozen=True, eq=False)
class HandRobot(Robot):
    """A dexterous hand ready to compute with."""

    config: HandConfig
    """What its YAML file says."""

    def frames(self) -> dict[str, Frame]:
        """Palm, fingertips, middle joints and spheres."""
        tips = {f"tips.{finger}": _frame(point) for finger, point in self.config.tips.items()}
        middles = {f"middles.{name}": _frame(point) for name, point in self.config.middles.items()}
        return {"palm": _frame(self.config.palm), **tips, **middles, **sphere_frames(self.config)}


@dataclass(frozen=True, eq=False)
class HumanoidRobot(Robot):
    """A humanoid ready to compute with. Its root moves in the world."""

    config: HumanoidConfig
    """What its YAML file says."""

    @property
    def base_link(self) -> str:
        """The link whose pose in the world is solved for: the pelvis, if all hangs on it.

        Else, as where the pelvis hangs on the chest, the link that everything hangs on.
        """
        return base_of_humanoid(self.description, self.config)

    def frames(self) -> dict[str, Frame]:
        """Root, torso, human joints, corners of the soles and spheres."""
        config = self.config
        frames = {"root": _turned(config.root, config.root_rotation)}
        if config.torso is not None:
            frames["torso"] = _turned(config.torso, config.torso_rotation)
        frames |= {f"body.{joint}": _frame(point) for joint, point in self.config.body.items()}
        for side, foot in self.config.feet.items():
            for i, corner in enumerate(foot.sole_m):
                frames[f"feet.{side}.{i}"] = Frame.at(foot.link, corner)
        return {**frames, **sphere_frames(self.config)}

    def foot_frame(self, side: Side) -> Frame:
        """The origin of a foot's link, with x forward and z up where the foot is flat."""
        foot = self.config.feet[side]
        return _turned(foot.link, foot.rotation)

    def sole_m(self, side: Side) -> Float[np.ndarray, "corner 3"]:
        """Corners of a sole in the frame of its foot [m]."""
        return np.array(self.config.feet[side].sole_m) @ self.foot_frame(side).T_link_frame[:3, :3]


def base_of_humanoid(description: Description, config: HumanoidConfig) -> str:
    """The pelvis if all that the YAML file names hangs on it, else the link that all hangs on."""
    above = {joint.child: joint.parent for joint in description.joints.values()}
    named = [config.torso, *(point.link for point in config.body.values())]
    for link in named:
        while link is not None and link != config.root:
            link = above.get(link)
            if link is None:
                return description.root_link
    return config.root


def load_hand(name_or_path: str) -> HandRobot:
    """A dexterous hand by its name in `configs/robots` or by the path of such a file.

    Joints between the file's root and the palm, such as a forearm's wrist, are locked at rest.

    Raises:
        RobotError: No such hand, or its files do not fit together: an unknown link or joint, a
            joint without limits, a rest value outside them, a palm or tip off the tree.
        AssetError: Its asset was not fetched.
    """
    config, config_file = load_config_of(HandConfig, name_or_path, use="a dexterous hand")
    robot = _load(HandRobot, config, config_file)
    robot.tree(list(robot.frames().values()))
    return robot


def load_humanoid(name_or_path: str) -> HumanoidRobot:
    """A humanoid by its name in `configs/robots` or by the path of such a file.

    Raises:
        RobotError: No such humanoid, or its files do not fit together: an unknown link or joint, a
            joint without limits, a rest value outside them, a point off the tree.
        AssetError: Its asset was not fetched.
    """
    config, config_file = load_config_of(HumanoidConfig, name_or_path, use="a humanoid")
    robot = _load(HumanoidRobot, config, config_file)
    robot.tree(list(robot.frames().values()))
    return robot


def _load[R: (HandRobot, HumanoidRobot)](kind: type[R], config: Any, config_file: Path) -> R:
    path = robot_file(config, config_file)
    description = read_description(path)
    is_hand = isinstance(config, HandConfig)
    base_link = config.palm.link if is_hand else base_of_humanoid(description, config)
    locked = locked_joints(description, config.joints, base_link)
    names = free_joints(description, locked)
    limits = joint_limits(description, config.joints, names, locked)
    robot = kind(
        config=config,
        path=path,
        checksum=robot_digest(config, path),
        description=description,
        joint_names=names,
        limits=limits,
        rest=joint_rest(description, config.joints, names, limits),
        locked=locked,
    )
    description.require_links(frame.link for frame in robot.frames().values())
    return robot


def sphere_frames(config: BranchedConfig) -> dict[str, Frame]:
    """Centers of the balls that keep parts of a robot apart."""
    return {f"spheres.{name}": _frame(point) for name, point in config.spheres.items()}


def _frame(point: PointSection) -> Frame:
    return Frame.at(point.link, point.offset_m)


def _turned(link: str, wxyz: Quaternion) -> Frame:
    R = se3.matrix_from_quat(np.array(wxyz))
    return Frame(link, se3.make(R, np.zeros(3)))


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def feature_name(robot: str, joint: str) -> str:
    """Name of a joint's dimension in the dataset."""
    return f"{joint}.pos" if joint.startswith(f"{robot}_") else f"{robot}_{joint}.pos"
