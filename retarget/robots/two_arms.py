"""Two arms that stand together, ready to compute with: one robot with the joints of both."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.tracks import SIDES, Side
from rotoscope.retarget.description.links import Description, Joint, Mass
from rotoscope.retarget.kinematics.frames import Frame
from rotoscope.retarget.kinematics.tree import KinematicTree
from rotoscope.retarget.robots.arm import ArmRobot, make_arm
from rotoscope.retarget.robots.joint_limits import JointLimits
from rotoscope.retarget.robots.read_config import arm_config, load_config_of
from rotoscope.retarget.robots.robot import Robot
from rotoscope.retarget.robots.two_arms_config import TwoArmsConfig

BASE = "base"
"""Link that both arms are mounted on; x forward, y left, z up."""


@dataclass(frozen=True, eq=False)
class TwoArmRobot(Robot):
    """Two arms with grippers. Links and joints bear the side before the name of their file."""

    config: TwoArmsConfig
    """What its YAML file says."""
    arms: Mapping[Side, ArmRobot]
    """Each arm by itself, in the frame of its own base; left first."""

    @property
    def base_link(self) -> str:
        """The frame of both arms."""
        return BASE

    def base_pose(self, side: Side) -> Float[np.ndarray, "4 4"]:
        """Where an arm's base is in the frame of both [m]."""
        return self.config.mounts()[side].base_pose

    def columns(self, side: Side) -> slice:
        """Which of `joint_names` are an arm's."""
        left = len(self.arms["left"].joint_names)
        return slice(0, left) if side == "left" else slice(left, len(self.joint_names))

    def frames(self) -> dict[str, Frame]:
        """Both end effectors."""
        return {
            f"{side}.end_effector": Frame(f"{side}/{arm.config.end_effector.link}", arm.T_link_ee)
            for side, arm in self.arms.items()
        }

    @cached_property
    def kinematics(self) -> KinematicTree:
        """Kinematics of both end effectors."""
        return self.tree(list(self.frames().values()))

    def finger_joints(self, openings01: Mapping[Side, float]) -> dict[str, float]:
        """Values of the grippers' joints, 0 closed to 1 open [rad or m]."""
        return {
            f"{side}/{joint}": value
            for side, arm in self.arms.items()
            for joint, value in arm.finger_joints(openings01[side]).items()
        }

    def split(
        self, action: Float[np.ndarray, " action"]
    ) -> tuple[Float[np.ndarray, " joint"], dict[Side, float]]:
        """Joints of both arms [rad or m], and the openings of their grippers [percent]."""
        left = len(self.arms["left"].joint_names)
        joints = np.concatenate([action[:left], action[left + 1 : -1]])
        return joints, {"left": float(action[left]), "right": float(action[-1])}

    def contract(self, *, rate_hz: float, shift_s: float = 0.0) -> ActionContract:
        """Meaning of an action: joints and gripper of the left arm, then of the right.

        Names begin with the side, as those of LeRobot's robots with two arms do.
        """
        dimensions: list[Dimension] = []
        for side, arm in self.arms.items():
            own = arm.contract(rate_hz=rate_hz).dimensions
            names = [*(sided_name(joint, side, arm.name) for joint in arm.joint_names), "gripper"]
            dimensions += [
                d.model_copy(update={"name": f"{side}_{name}.pos"})
                for d, name in zip(own, names, strict=True)
            ]
        follows = {arm.follows for arm in self.arms.values()} - {"pose"}
        openings = {arm.contract(rate_hz=rate_hz).gripper for arm in self.arms.values()}
        return ActionContract(
            robot=self.name,
            dimensions=tuple(dimensions),
            gripper=openings.pop() if len(openings) == 1 else None,
            rate_hz=rate_hz,
            shift_s=shift_s,
            follows=next((f for f in ("position", "approach") if f in follows), None),
            frame="middle of the two arms: x forward, y left, z up",
        )

    @cached_property
    def reach_m(self) -> float:
        """Longest distance of home's joints in a row, of the longer arm [m]."""
        sticks = [arm.link_positions(arm.home[None])[0] for arm in self.arms.values()]
        return max(float(np.linalg.norm(np.diff(s, axis=0), axis=1).sum()) for s in sticks)


def load_two_arms(name_or_path: str) -> TwoArmRobot:
    """Two arms by their name in `configs/robots` or by the path of such a file.

    Raises:
        RobotError: No such robot, or its files do not fit together.
        AssetError: An asset was not fetched.
    """
    config, config_file = load_config_of(TwoArmsConfig, name_or_path, use="following two hands")
    arms = {s: make_arm(*arm_config(mount, config_file)) for s, mount in config.mounts().items()}
    parts = [arms[side] for side in SIDES]
    description = _joined(config, arms)
    facts = config.model_dump_json(exclude={"left": {"arm"}, "right": {"arm"}})
    digest = hashlib.sha256("\n".join([facts, *(arm.checksum for arm in parts)]).encode())
    return TwoArmRobot(
        config=config,
        path=parts[0].path,
        checksum=digest.hexdigest(),
        description=description,
        joint_names=tuple(f"{s}/{j}" for s, arm in arms.items() for j in arm.joint_names),
        limits=JointLimits(
            *(
                np.concatenate([getattr(arm.limits, field) for arm in parts])
                for field in ("lower", "upper", "max_velocity", "max_acceleration")
            )
        ),
        rest=np.concatenate([arm.rest for arm in parts]),
        locked={
            f"{s}/{j}": v for s, arm in arms.items() for j, v in arm.finger_joints(1.0).items()
        },
        arms=arms,
    )


def sided_name(joint: str, side: Side, arm: str) -> str:
    """A joint's name without the side and the arm's name, which the file may have put into it.

    `vx300s_left/waist` and `openarm_left_joint1` become `waist` and `joint1`; `panda_joint1` of
    the arm `panda` becomes `joint1`.
    """
    after_side = re.search(rf"(?:^|[_/\-.]){side}[_/\-.](.+)$", joint)
    name = after_side.group(1) if after_side else joint.removeprefix(f"{arm}_")
    return name.replace("/", "_")


def own_links(arm: ArmRobot) -> set[str]:
    """Links from an arm's base on, without those that hang on other moving joints of the base."""
    joints = arm.description.joints.values()
    found, waiting = {arm.base_link}, [arm.base_link]
    still = {arm.base_link}
    while waiting:
        link = waiting.pop()
        for joint in joints:
            if joint.parent != link:
                continue
            if link in still and joint.kind != "fixed" and joint.name != arm.joint_names[0]:
                continue
            if link in still and joint.kind == "fixed":
                still.add(joint.child)
            found.add(joint.child)
            waiting.append(joint.child)
    return found


def _joined(config: TwoArmsConfig, arms: Mapping[Side, ArmRobot]) -> Description:
    """The links and joints of both arms under one base."""
    links: list[str] = [BASE]
    joints: dict[str, Joint] = {}
    masses: dict[str, Mass] = {}
    for side, mount in config.mounts().items():
        arm, own = arms[side], own_links(arms[side])
        name = f"{side}/mount"
        T = mount.base_pose
        base = f"{side}/{arm.base_link}"
        joints[name] = Joint(name, "fixed", BASE, base, T, np.eye(3)[2], np.zeros(3))
        links += [f"{side}/{link}" for link in arm.description.links if link in own]
        for joint in arm.description.joints.values():
            if joint.parent in own and joint.child in own:
                mimic = joint.mimic
                joints[f"{side}/{joint.name}"] = replace(
                    joint,
                    name=f"{side}/{joint.name}",
                    parent=f"{side}/{joint.parent}",
                    child=f"{side}/{joint.child}",
                    mimic=None if mimic is None else replace(mimic, joint=f"{side}/{mimic.joint}"),
                )
        masses |= {f"{side}/{k}": m for k, m in arm.description.masses.items() if k in own}
    return Description(arms["left"].path, tuple(links), joints, masses)
