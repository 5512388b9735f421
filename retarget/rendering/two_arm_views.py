"""Two arms in pictures, from behind and above."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.retarget.rendering.protocol import require_columns
from rotoscope.retarget.rendering.renderer import RobotRenderer
from rotoscope.retarget.rendering.views import front_view
from rotoscope.retarget.robots.two_arms import TwoArmRobot


class TwoArmPictures:
    """Two arms that stand still; after the joints of each comes its gripper's opening [percent]."""

    def __init__(
        self, renderer: RobotRenderer, robot: TwoArmRobot, values: Float[np.ndarray, "row action"]
    ) -> None:
        require_columns(robot.name, values, len(robot.joint_names) + len(robot.arms))
        self.renderer, self.robot, self.values = renderer, robot, values

    def draw(self, row: int, *, width: int, height: int) -> UInt8[np.ndarray, "height width 3"]:
        """Both arms in one row, as an RGB picture."""
        joints, openings = self.robot.split(self.values[row])
        return self.renderer.render(
            joints,
            front_view(self.robot, width=width, height=height),
            fingers=self.robot.finger_joints({s: o / 100.0 for s, o in openings.items()}),
            width=width,
            height=height,
        )
