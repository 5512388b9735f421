"""The robot of an episode, drawn row by row: what reports ask for, whatever kind of robot it is."""

from __future__ import annotations

from rotoscope.retarget.rendering.arm_views import ArmPortraitist
from rotoscope.retarget.rendering.hand_views import HandPortraitist
from rotoscope.retarget.rendering.humanoid_views import HumanoidPortraitist
from rotoscope.retarget.rendering.protocol import Portraitist
from rotoscope.retarget.robots.arm import load_arm
from rotoscope.retarget.robots.arm_config import load_config
from rotoscope.retarget.robots.robot import load_hand, load_humanoid


def open_portraitist(name_or_path: str) -> Portraitist:
    """Whoever draws this robot.

    Raises:
        RobotError: No such robot, or its files cannot be drawn.
        AssetError: Its asset was not fetched.
    """
    kind = robot_kind(name_or_path)
    if kind == "humanoid":
        return HumanoidPortraitist(load_humanoid(name_or_path))
    if kind == "hand":
        return HandPortraitist(load_hand(name_or_path))
    return ArmPortraitist(load_arm(name_or_path))


def robot_kind(name_or_path: str) -> str:
    """`arm`, `hand` or `humanoid`.

    Raises:
        RobotError: No such robot.
    """
    return load_config(name_or_path)[0].kind
