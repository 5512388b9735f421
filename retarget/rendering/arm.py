"""Pictures of a robot, drawn without a display."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.pipeline.errors import RobotError
from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.description.mujoco import body_pose, import_mujoco, robot_spec
from rotoscope.retarget.rendering.offscreen import Offscreen, View, lay_floor, light_up
from rotoscope.retarget.robots.arm import Robot, load_robot
from rotoscope.retarget.robots.self_check import verify_chain

ARM_RGBA = (0.93, 0.93, 0.95, 1.0)
HAND_RGBA = (0.95, 0.55, 0.15, 1.0)
"""Colours of links that the robot's file gives none; the hand stands out from the arm."""
UNCOLOURED_RGBA = (0.5, 0.5, 0.5, 1.0)
"""What MuJoCo gives shapes whose file names no colour."""


def three_quarter_view(robot: Robot, *, width: int = 640, height: int = 480) -> View:
    """A view from the front left and above that shows the whole arm in a picture of that size."""
    links = robot.link_positions(robot.home[None])[0]
    size_m = 1.3 * float(np.linalg.norm(np.diff(links, axis=0), axis=1).sum())
    looked_at = np.array([0.17, 0.0, 0.27]) * size_m
    eye = looked_at + size_m * np.array([0.72, 0.6, 0.32])
    forward = (looked_at - eye) / np.linalg.norm(looked_at - eye)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    R = np.stack([right, np.cross(forward, right), forward], axis=1)
    focal_px = 1.65 * min(height, width)
    K = np.array([[focal_px, 0.0, width / 2], [0.0, focal_px, height / 2], [0.0, 0.0, 1.0]])
    return View(K, width, height, se3.make(R, eye))


class RobotRenderer:
    """Draws one robot with MuJoCo's offscreen renderer. Close it before making another.

    Args:
        robot: The robot, or its name.

    Raises:
        RobotError: Its files cannot be drawn, its kinematics differ from MuJoCo's, or this machine
            lacks the library for drawing without a display.
    """

    def __init__(self, robot: Robot | str) -> None:
        self.robot = load_robot(robot) if isinstance(robot, str) else robot
        mujoco = import_mujoco()
        verify_chain(self.robot)
        model = _scene(self.robot)
        self._data = mujoco.MjData(model)
        mujoco.mj_kinematics(model, self._data)
        self._T_world_base = body_pose(self._data, self.robot.config.base_link)
        self._offscreen = Offscreen(model, self._data)

    def render(
        self,
        joints_rad: Float[np.ndarray, " joint"],
        opening01: float,
        *,
        width: int = 640,
        height: int = 480,
        view: View | None = None,
    ) -> UInt8[np.ndarray, "height width 3"]:
        """The robot as an RGB picture.

        Args:
            joints_rad: Arm joint values [rad, or m for sliding joints].
            opening01: Gripper opening, 0 closed to 1 open.
            width: Pixels across.
            height: Pixels down.
            view: Camera; `three_quarter_view` when absent.

        Raises:
            RobotError: A value is not finite, or the picture is too large.
        """
        self._move(np.asarray(joints_rad, dtype=float), float(opening01))
        view = view or three_quarter_view(self.robot, width=width, height=height)
        return self._offscreen.draw(view, self._T_world_base, width=width, height=height)

    def close(self) -> None:
        """Releases the drawing context."""
        self._offscreen.close()

    def __enter__(self) -> RobotRenderer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _move(self, joints: np.ndarray, opening: float) -> None:
        if len(joints) != self.robot.chain.num_joints or not np.isfinite([*joints, opening]).all():
            raise RobotError(
                f"drawing {self.robot.name} needs {self.robot.chain.num_joints} finite joint "
                f"values and a finite opening, got {joints.tolist()} and {opening}"
            )
        for segment, value in zip(self.robot.chain.segments, joints, strict=True):
            self._data.joint(segment.name).qpos[:] = value
        for name, (closed, open_) in self.robot.config.gripper.joints.items():
            self._data.joint(name).qpos[:] = closed + np.clip(opening, 0.0, 1.0) * (open_ - closed)


def _scene(robot: Robot) -> Any:
    """The robot's model on a floor, with light and a plain background."""
    spec = robot_spec(robot.path)
    light_up(spec)
    lay_floor(spec, half_size_m=1.5, height_m=-0.001, tile_m=0.1)
    hand = _hand_links(spec, robot)
    for geom in spec.geoms:
        if np.allclose(geom.rgba, UNCOLOURED_RGBA) and not geom.material:
            geom.rgba = HAND_RGBA if geom.parent.name in hand else ARM_RGBA
    return spec.compile()


def _hand_links(spec: Any, robot: Robot) -> set[str]:
    """Links that belong to the gripper: the end effector's and those that its joints move."""
    fingers = robot.config.gripper.joints
    moved = {joint.parent.name for joint in spec.joints if joint.name in fingers}
    return {robot.config.end_effector.link} | moved
