"""The robot of an episode, drawn row by row: what reports ask for, whatever kind of robot it is."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.retarget.rendering.arm import RobotRenderer
from rotoscope.retarget.rendering.hand_views import HandPortraitist
from rotoscope.retarget.rendering.humanoid_views import HumanoidPortraitist
from rotoscope.retarget.rendering.protocol import Portraitist, Portraits, require_columns
from rotoscope.retarget.robots.arm import load_robot
from rotoscope.retarget.robots.arm_config import load_config
from rotoscope.retarget.robots.tree_robot import load_hand, load_humanoid


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
    return ArmPortraitist(RobotRenderer(load_robot(name_or_path)))


def robot_kind(name_or_path: str) -> str:
    """`arm`, `hand` or `humanoid`.

    Raises:
        RobotError: No such robot.
    """
    return load_config(name_or_path)[0].kind


class ArmPortraitist:
    """Draws an arm with its gripper, whose opening is the last value [percent]."""

    def __init__(self, renderer: RobotRenderer) -> None:
        self.renderer = renderer

    def portraits(
        self,
        values: Float[np.ndarray, "row action"],
        *,
        root_pose: Float[np.ndarray, "row 6"] | None = None,
        R_camera_wrist: Float[np.ndarray, "row 3 3"] | None = None,
        azimuth_rad: float | None = None,
    ) -> Portraits:
        """As `Portraitist` says; an arm stands still and is seen from where it is seen best."""
        require_columns(self.renderer.robot.name, values, self.renderer.robot.chain.num_joints + 1)
        return _ArmPortraits(self.renderer, values)

    def close(self) -> None:
        """Releases the drawing context."""
        self.renderer.close()


class _ArmPortraits:
    def __init__(self, renderer: RobotRenderer, values: Float[np.ndarray, "row action"]) -> None:
        self.renderer, self.values = renderer, values

    def draw(self, row: int, *, width: int, height: int) -> UInt8[np.ndarray, "height width 3"]:
        joints, opening01 = self.values[row, :-1], self.values[row, -1] / 100.0
        return self.renderer.render(joints, opening01, width=width, height=height)
