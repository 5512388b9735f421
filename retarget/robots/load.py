"""Any robot by its name, whatever its kind."""

from __future__ import annotations

from collections.abc import Callable

from rotoscope.retarget.robots.arm import load_arm
from rotoscope.retarget.robots.read_config import RobotKind, load_config
from rotoscope.retarget.robots.robot import Robot, load_hand, load_humanoid
from rotoscope.retarget.robots.two_arms import load_two_arms


def load_robot(name_or_path: str) -> Robot:
    """Any robot, by its name in `configs/robots` or by the path of such a file.

    Raises:
        RobotError: No such robot, or its files do not fit together.
        AssetError: Its asset was not fetched.
    """
    kind = load_config(name_or_path)[0].kind
    loaders: dict[RobotKind, Callable[[str], Robot]] = {
        "arm": load_arm,
        "hand": load_hand,
        "humanoid": load_humanoid,
        "two_arms": load_two_arms,
    }
    return loaders[kind](name_or_path)
