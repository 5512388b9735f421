"""Which robot actions are for, and which of their columns are joints of its file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.errors import RobotError
from rotoscope.pipeline.tracks import Side
from rotoscope.retarget.description.locate import robot_file
from rotoscope.retarget.description.read import read_description
from rotoscope.retarget.robots.config import HandConfig, HumanoidConfig
from rotoscope.retarget.robots.max_effort import stated_efforts
from rotoscope.retarget.robots.read_config import load_config
from rotoscope.retarget.robots.two_arms_config import TwoArmsConfig


@dataclass(frozen=True)
class RobotToSimulate:
    """What the YAML file of a robot says that matters here."""

    path: Path
    """URDF or MJCF file."""
    locked: dict[str, float]
    """Joints that do not move, and their values [rad or m]."""
    feet: dict[Side, str]
    """Links that stand on the ground; none for arms and hands."""
    efforts: dict[str, float]
    """Torque limits by joint that hold in place of the file's [N m or N]."""


def robot_to_simulate(name_or_path: str) -> RobotToSimulate:
    """A robot of any kind, by its name in `configs/robots` or the path of such a file.

    Raises:
        RobotError: No such robot, or its YAML file is wrong.
        AssetError: Its asset was not fetched.
    """
    config, config_file = load_config(name_or_path)
    if isinstance(config, TwoArmsConfig):
        raise RobotError(
            f"{config_file} describes two arms, which have no one file to simulate; leave "
            "check.physics out of the recipe"
        )
    locked = {}
    if isinstance(config, HandConfig | HumanoidConfig):
        locked = {name: j.fixed for name, j in config.joints.items() if j.fixed is not None}
    feet = config.feet if isinstance(config, HumanoidConfig) else {}
    links = {side: foot.link for side, foot in feet.items()}
    path = robot_file(config, config_file)
    return RobotToSimulate(path, locked, links, stated_efforts(config, read_description(path)))


def joint_columns(contract: ActionContract, path: Path) -> tuple[tuple[str, ...], list[int]]:
    """Which columns of an action are joints of the robot's file, and how they are called there.

    `<joint>.pos` is joint `<joint>`; where the file has no such joint, the robot's name in front
    of it is taken off. Grippers in percent are left out.

    Raises:
        RobotError: A joint of the contract is not in the file.
    """
    joints = [j.name for j in read_description(path).joints.values() if j.kind != "fixed"]
    names, columns = [], []
    for k, dimension in enumerate(contract.dimensions):
        if dimension.quantity != "joint":
            continue
        full = dimension.name.removesuffix(".pos")
        short = full.removeprefix(f"{contract.robot}_")
        if full not in joints and short not in joints:
            raise RobotError(
                f"{path} has no joint {full!r}, which the actions of {contract.robot!r} name; "
                "set `robot` of check.physics to the robot that they are for"
            )
        names.append(full if full in joints else short)
        columns.append(k)
    return tuple(names), columns
