"""The robots that come with Rotoscope, and which of their files are here."""

from __future__ import annotations

from dataclasses import dataclass

from rotoscope.pipeline.errors import AssetError
from rotoscope.retarget.description.locate import robot_file
from rotoscope.retarget.robots.read_config import (
    RobotKind,
    file_configs,
    load_config,
    own_robot_names,
    robot_names,
)


@dataclass(frozen=True)
class ShippedRobot:
    """One file of `configs/robots`, or one that was added on this machine."""

    name: str
    """Its name in recipes."""
    kind: RobotKind
    """Arm, hand, humanoid or two arms."""
    asset: str
    """The assets that hold its URDF or MJCF files, with spaces between."""
    is_here: bool
    """Whether that asset was fetched."""


def robot_assets(name_or_path: str) -> tuple[str, ...]:
    """The assets that hold a robot's files; none where they lie in a folder.

    Raises:
        RobotError: There is no such robot.
    """
    parts = file_configs(*load_config(name_or_path))
    return tuple(dict.fromkeys(part.asset for part, _ in parts if part.asset))


def shipped_robots() -> list[ShippedRobot]:
    """All robots of `configs/robots` and those that were added, by kind and name."""
    found = []
    for name in (*robot_names(), *own_robot_names()):
        config, config_file = load_config(name)
        try:
            parts = file_configs(config, config_file)
            is_here = all(robot_file(*part).is_file() for part in parts)
        except AssetError:
            is_here = False
        found.append(ShippedRobot(name, config.kind, " ".join(robot_assets(name)), is_here))
    return sorted(found, key=lambda robot: (robot.kind, robot.name))
