"""The robot of an episode, drawn row by row: what reports ask for, whatever kind of robot it is."""

from __future__ import annotations

from rotoscope.retarget.rendering.arm_views import ArmEpisodeRenderer
from rotoscope.retarget.rendering.hand_views import HandEpisodeRenderer
from rotoscope.retarget.rendering.humanoid_views import HumanoidEpisodeRenderer
from rotoscope.retarget.rendering.protocol import EpisodeRenderer
from rotoscope.retarget.robots.arm import load_arm
from rotoscope.retarget.robots.read_config import load_config
from rotoscope.retarget.robots.robot import load_hand, load_humanoid


def open_renderer(name_or_path: str) -> EpisodeRenderer:
    """Whoever draws this robot.

    Raises:
        RobotError: No such robot, or its files cannot be drawn.
        AssetError: Its asset was not fetched.
    """
    kind = robot_kind(name_or_path)
    if kind == "humanoid":
        return HumanoidEpisodeRenderer(load_humanoid(name_or_path))
    if kind == "hand":
        return HandEpisodeRenderer(load_hand(name_or_path))
    return ArmEpisodeRenderer(load_arm(name_or_path))


def robot_kind(name_or_path: str) -> str:
    """`arm`, `hand` or `humanoid`.

    Raises:
        RobotError: No such robot.
    """
    return load_config(name_or_path)[0].kind
