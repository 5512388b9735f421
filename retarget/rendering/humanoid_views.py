"""Humanoids in pictures, on their floor, with a camera that follows them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import BODY_JOINTS
from rotoscope.retarget.rendering.protocol import require_columns
from rotoscope.retarget.rendering.renderer import RobotRenderer
from rotoscope.retarget.rendering.views import ELEVATION_RAD, view_from
from rotoscope.retarget.robots.robot import HumanoidRobot, load_humanoid

MARGIN = 1.25
"""What a picture shows of the world over what the robot's joints take."""
STILL_M = 0.1
"""The camera stays where it is until the robot has gone this far from what it looks at [m]."""
AZIMUTH_RAD = float(np.radians(35.0))
"""Where the camera stands if nothing is said: how far to the robot's left of straight ahead."""


class HumanoidPictures:
    """A humanoid on its floor, followed by a camera; without root poses it stands on one place."""

    def __init__(
        self,
        renderer: RobotRenderer,
        robot: HumanoidRobot,
        values: Float[np.ndarray, "row action"],
        root_pose: Float[np.ndarray, "row 6"] | None,
        azimuth_rad: float | None,
    ) -> None:
        require_columns(robot.name, values, len(robot.joint_names))
        self.renderer, self.values = renderer, values
        points, self.T_world_root = _points_in_world(robot, values, root_pose)
        self.top_m = float(points[..., 2].max())
        if azimuth_rad is None:
            forward = self.T_world_root[0, :2, 0]
            azimuth_rad = float(np.arctan2(forward[1], forward[0])) + AZIMUTH_RAD
        level = np.cos(ELEVATION_RAD) * np.array([np.cos(azimuth_rad), np.sin(azimuth_rad)])
        self.direction = np.append(level, np.sin(ELEVATION_RAD))
        self.followed_m = _followed(self.T_world_root[:, :2, 3])
        right = np.array([-np.sin(azimuth_rad), np.cos(azimuth_rad)])
        aside = (points[..., :2] - self.followed_m[:, None]) @ right
        self.width_m = 2.0 * float(np.abs(aside).max())

    def draw(self, row: int, *, width: int, height: int) -> UInt8[np.ndarray, "height width 3"]:
        """The humanoid in one row, as an RGB picture."""
        shown_m = MARGIN * max(self.top_m, self.width_m * height / width)
        looked_at = np.append(self.followed_m[row], 0.5 * self.top_m)
        view = view_from(self.direction, looked_at, height_m=shown_m, width=width, height=height)
        return self.renderer.render(
            self.values[row], view, T_world_link=self.T_world_root[row], width=width, height=height
        )


def humanoid_joints(
    name_or_path: str,
    values: Float[np.ndarray, "row action"],
    root_pose: Float[np.ndarray, "row 6"] | None = None,
) -> Float[np.ndarray, "row body_joint 3"]:
    """Where a humanoid's joints are, as `BODY_JOINTS` in the world [m]; NaN for those it lacks.

    Args:
        name_or_path: The robot.
        values: Joints in the order of its action contract [rad or m].
        root_pose: Position [m] and rotation vector [rad] of its root in the world.

    Raises:
        RobotError: No such humanoid, or the values are not its.
        AssetError: Its asset was not fetched.
    """
    robot = load_humanoid(name_or_path)
    require_columns(robot.name, values, len(robot.joint_names))
    names = list(robot.config.body)
    frames = robot.frames()
    tree = robot.tree([frames[f"body.{name}"] for name in names])
    out = np.full((len(values), len(BODY_JOINTS), 3), np.nan)
    _, T_world_root = _points_in_world(robot, values, root_pose)
    reached = tree.forward_kinematics(np.asarray(values, float)).p_m
    out[:, [BODY_JOINTS.index(name) for name in names]] = se3.apply(T_world_root, reached)
    return out


def _points_in_world(
    robot: HumanoidRobot,
    values: Float[np.ndarray, "row joint"],
    root_pose: Float[np.ndarray, "row 6"] | None,
) -> tuple[Float[np.ndarray, "row frame 3"], Float[np.ndarray, "row 4 4"]]:
    """All frames in the world [m], and where the root is."""
    tree = robot.tree(list(robot.frames().values()))
    reached = tree.forward_kinematics(np.asarray(values, float)).p_m
    if root_pose is None:
        height_m = -float(reached[..., 2].min())
        T = np.tile(se3.make(np.eye(3), np.array([0.0, 0.0, height_m])), (len(values), 1, 1))
    else:
        pose = np.asarray(root_pose, float)
        T = se3.make(se3.exp_so3(pose[:, 3:]), pose[:, :3])
    return se3.apply(T, reached), T


def _followed(root_m: Float[np.ndarray, "row 2"]) -> Float[np.ndarray, "row 2"]:
    """What the camera looks at [m]: a point that the root drags along by a slack leash."""
    out = np.empty_like(root_m)
    at = root_m[0]
    for row, root in enumerate(root_m):
        away = root - at
        distance = float(np.linalg.norm(away))
        if distance > STILL_M:
            at = at + away * (1.0 - STILL_M / distance)
        out[row] = at
    return out
