"""Settings of `retarget.arm`."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, field_validator

from rotoscope.pipeline.stage import StageConfig
from rotoscope.retarget.arm.follow_poses import FollowSettings
from rotoscope.retarget.arm.targets import TrajectoryWeights

ArmSide = Literal["best", "left", "right", "each", "both"]
"""What `side` may be."""
Row4 = tuple[float, float, float, float]


class RetargetArmConfig(StageConfig):
    """Settings of `retarget.arm`."""

    robot: str = "panda"
    """A robot of `configs/robots`, or the path of a YAML file like those."""
    side: ArmSide = "best"
    """Which hand the arm follows. `best` is the one with the largest product of known frames and
    spread of motion; `each` gives every hand an arm and episodes of its own; `both` has a robot
    with two arms follow both in one episode."""
    camera_pitch_rad: float = Field(default=0.0, ge=-np.pi / 2, le=np.pi / 2)
    """How far the camera looks down below the horizon [rad]; it is taken not to be rolled. The
    robot's base stands upright."""
    T_camera_base: tuple[Row4, Row4, Row4, Row4] | None = None
    """Where the robot's base is in the camera frame [m]; found automatically when absent."""
    table_m: float | None = Field(default=None, ge=-2, le=2)
    """Height of the table over the base [m], which links keep above. When absent, two arms take it
    to lie just below the lowest place that a hand was at, and one arm knows of none."""
    tolerance_position_m: float = Field(default=5e-3, gt=0)
    """A larger distance to the wanted position makes a frame invalid [m]: what the task
    forgives. Where the arm is only too slow, up to one sigma of the wanted position is."""
    tolerance_rotation_rad: float = Field(default=0.0524, gt=0)
    """A larger angle to the wanted rotation makes a frame invalid [rad]; up to one sigma of the
    wanted rotation where the arm is only too slow."""
    tolerance_gripper_percent: float = Field(default=20.0, gt=0)
    """A gripper further from its wanted opening, because it cannot move faster, makes a frame
    invalid [percent]."""
    max_bridge_s: float = Field(default=0.2, ge=0)
    """Shorter stretches without a target are bridged smoothly and marked invalid [s]; in longer
    ones nothing is known."""
    sigma_position_m: float = Field(default=1e-3, gt=0)
    """1-sigma of the distance to a wanted position [m]; smaller follows more strictly, and gives up
    smoothness for it."""
    sigma_rotation_rad: float = Field(default=0.01, gt=0)
    """1-sigma of the angle to a wanted rotation [rad]; larger where only the place of the grasp
    matters, so that more of the motion is within reach."""
    sigma_acceleration: float = Field(default=30.0, gt=0)
    """1-sigma of joint accelerations [rad/s^2]; smaller is smoother and cuts fast corners."""
    sigma_home: float = Field(default=3.0, gt=0)
    """1-sigma of a joint's distance from its home value [rad]; smaller keeps a redundant arm nearer
    to the pose that its file calls home."""

    def follow_settings(self) -> FollowSettings:
        """What of this is about following poses."""
        return FollowSettings(
            camera_pitch_rad=self.camera_pitch_rad,
            tolerance_m=self.tolerance_position_m,
            tolerance_rad=self.tolerance_rotation_rad,
            max_bridge_s=self.max_bridge_s,
            weights=TrajectoryWeights(
                position_m=self.sigma_position_m,
                rotation_rad=self.sigma_rotation_rad,
                acceleration=self.sigma_acceleration,
                home=self.sigma_home,
            ),
        )

    @field_validator("T_camera_base")
    @classmethod
    def _is_rigid(cls, rows: tuple[Row4, ...] | None) -> tuple[Row4, ...] | None:
        if rows is not None:
            T = np.array(rows)
            is_rotation = np.allclose(T[:3, :3] @ T[:3, :3].T, np.eye(3), atol=1e-3)
            if not is_rotation or np.linalg.det(T[:3, :3]) < 0 or T[3].tolist() != [0, 0, 0, 1]:
                raise ValueError("must be a rigid motion: a rotation, a translation, and 0 0 0 1")
        return rows
