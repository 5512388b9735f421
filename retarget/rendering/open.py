"""The robot of an episode, drawn row by row: what reports ask for, whatever kind of robot it is."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.robots import EpisodePictures
from rotoscope.retarget.rendering.arm_views import ArmPictures
from rotoscope.retarget.rendering.hand_views import HandPictures
from rotoscope.retarget.rendering.humanoid_views import HumanoidPictures
from rotoscope.retarget.rendering.renderer import RobotRenderer
from rotoscope.retarget.rendering.two_arm_views import TwoArmPictures
from rotoscope.retarget.robots.arm import ArmRobot
from rotoscope.retarget.robots.load import load_robot
from rotoscope.retarget.robots.read_config import load_config
from rotoscope.retarget.robots.robot import HandRobot, HumanoidRobot, Robot
from rotoscope.retarget.robots.two_arms import TwoArmRobot


class RobotEpisodeRenderer:
    """Draws one robot. Close it before making another."""

    def __init__(self, robot: Robot) -> None:
        self.robot, self.renderer = robot, RobotRenderer(robot)

    def pictures(
        self,
        values: Float[np.ndarray, "row action"],
        *,
        root_pose: Float[np.ndarray, "row 6"] | None = None,
        R_camera_wrist: Float[np.ndarray, "row 3 3"] | None = None,
        azimuth_rad: float | None = None,
    ) -> EpisodePictures:
        """The pictures of an episode; as `rotoscope.pipeline.robots.EpisodeRenderer` says."""
        robot = self.robot
        if isinstance(robot, HumanoidRobot):
            return HumanoidPictures(self.renderer, robot, values, root_pose, azimuth_rad)
        if isinstance(robot, HandRobot):
            return HandPictures(self.renderer, robot, values, R_camera_wrist)
        if isinstance(robot, TwoArmRobot):
            return TwoArmPictures(self.renderer, robot, values)
        assert isinstance(robot, ArmRobot)
        return ArmPictures(self.renderer, robot, values)

    def close(self) -> None:
        """Releases the drawing context."""
        self.renderer.close()


def open_renderer(name_or_path: str) -> RobotEpisodeRenderer:
    """Whoever draws this robot.

    Raises:
        RobotError: No such robot, or its files cannot be drawn.
        AssetError: Its asset was not fetched.
    """
    return RobotEpisodeRenderer(load_robot(name_or_path))


def robot_kind(name_or_path: str) -> str:
    """`arm`, `hand`, `humanoid` or `two_arms`.

    Raises:
        RobotError: No such robot.
    """
    return load_config(name_or_path)[0].kind
