"""Arms in pictures, from where they are seen best."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.retarget.rendering.protocol import require_columns
from rotoscope.retarget.rendering.renderer import RobotRenderer
from rotoscope.retarget.rendering.views import three_quarter_view
from rotoscope.retarget.robots.arm import ArmRobot


class ArmPictures:
    """An arm that stands still, with its gripper, whose opening is the last value [percent]."""

    def __init__(
        self, renderer: RobotRenderer, robot: ArmRobot, values: Float[np.ndarray, "row action"]
    ) -> None:
        require_columns(robot.name, values, len(robot.joint_names) + 1)
        self.renderer, self.robot, self.values = renderer, robot, values

    def draw(self, row: int, *, width: int, height: int) -> UInt8[np.ndarray, "height width 3"]:
        """The arm in one row, as an RGB picture."""
        joints, opening01 = self.values[row, :-1], self.values[row, -1] / 100.0
        return self.renderer.render(
            joints,
            three_quarter_view(self.robot, width=width, height=height),
            fingers=self.robot.finger_joints(opening01),
            width=width,
            height=height,
        )
