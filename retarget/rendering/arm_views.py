"""Arms in pictures, from where they are seen best."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.retarget.rendering.protocol import EpisodePictures, require_columns
from rotoscope.retarget.rendering.renderer import RobotRenderer
from rotoscope.retarget.rendering.views import three_quarter_view
from rotoscope.retarget.robots.arm import ArmRobot


class ArmEpisodeRenderer:
    """Draws an arm with its gripper, whose opening is the last value [percent]."""

    def __init__(self, robot: ArmRobot) -> None:
        self.robot, self.renderer = robot, RobotRenderer(robot)

    def pictures(
        self,
        values: Float[np.ndarray, "row action"],
        *,
        root_pose: Float[np.ndarray, "row 6"] | None = None,
        R_camera_wrist: Float[np.ndarray, "row 3 3"] | None = None,
        azimuth_rad: float | None = None,
    ) -> EpisodePictures:
        """As `EpisodeRenderer` says; an arm stands still and is seen from where it is seen best."""
        require_columns(self.robot.name, values, len(self.robot.joint_names) + 1)
        return _ArmPictures(self.renderer, self.robot, values)

    def close(self) -> None:
        """Releases the drawing context."""
        self.renderer.close()


class _ArmPictures:
    def __init__(
        self, renderer: RobotRenderer, robot: ArmRobot, values: Float[np.ndarray, "row action"]
    ) -> None:
        self.renderer, self.robot, self.values = renderer, robot, values

    def draw(self, row: int, *, width: int, height: int) -> UInt8[np.ndarray, "height width 3"]:
        joints, opening01 = self.values[row, :-1], self.values[row, -1] / 100.0
        return self.renderer.render(
            joints,
            three_quarter_view(self.robot, width=width, height=height),
            fingers=self.robot.finger_joints(opening01),
            width=width,
            height=height,
        )
