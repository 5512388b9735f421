"""Pictures of a robot, drawn without a display."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.pipeline.errors import RobotError
from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.description.mujoco import body_pose, import_mujoco
from rotoscope.retarget.rendering.offscreen import Offscreen, View
from rotoscope.retarget.rendering.scene import robot_scene
from rotoscope.retarget.robots.arm import ArmRobot
from rotoscope.retarget.robots.robot import HandRobot, Robot
from rotoscope.retarget.robots.self_check import stated_mimics, with_mimics
from rotoscope.retarget.robots.two_arms import TwoArmRobot

ROOT_BODY = 1
"""Number of the body on which everything hangs; the world is 0."""


class RobotRenderer:
    """Draws one robot with MuJoCo's offscreen renderer. Close it before making another.

    Args:
        robot: The robot.

    Raises:
        RobotError: Its file cannot be drawn, or a hand or humanoid cannot be moved as a whole.
    """

    def __init__(self, robot: Robot) -> None:
        mujoco = import_mujoco()
        self.robot, self._is_fixed = robot, isinstance(robot, ArmRobot | TwoArmRobot)
        model = robot_scene(robot)
        self._mimics = {} if self._is_fixed else stated_mimics(robot.path, model)
        self._data = mujoco.MjData(model)
        self._set(robot.locked)
        mujoco.mj_kinematics(model, self._data)
        # Two arms are drawn in the frame of both, which is no link of theirs.
        two = isinstance(robot, TwoArmRobot)
        self._T_world_link = np.eye(4) if two else body_pose(self._data, carried_link(robot))
        self._T_link_root = se3.inverse(self._T_world_link) @ body_pose(
            self._data, model.body(ROOT_BODY).name
        )
        self._offscreen = Offscreen(model, self._data)

    def render(
        self,
        joints: Float[np.ndarray, " joint"],
        view: View,
        *,
        T_world_link: Float[np.ndarray, "4 4"] | None = None,
        fingers: Mapping[str, float] | None = None,
        width: int = 640,
        height: int = 480,
    ) -> UInt8[np.ndarray, "height width 3"]:
        """The robot as an RGB picture.

        Args:
            joints: Values of `robot.joint_names` [rad or m].
            view: Camera in the world; of an arm, in its base frame.
            T_world_link: Where the root link of a humanoid is, or the palm link of a hand; an arm
                stands where its file says.
            fingers: Values of an arm's finger joints [rad or m].
            width: Pixels across.
            height: Pixels down.

        Raises:
            RobotError: A value is not finite, the picture is too large, or this machine cannot
                draw without a display.
        """
        T = np.eye(4) if T_world_link is None else T_world_link
        values = {**dict(zip(self.robot.joint_names, joints, strict=False)), **(fingers or {})}
        is_finite = np.isfinite([*values.values()]).all() and np.isfinite(T).all()
        if len(joints) != len(self.robot.joint_names) or not is_finite:
            raise RobotError(
                f"drawing {self.robot.name} needs {len(self.robot.joint_names)} finite joint "
                f"values and a finite pose, got {np.asarray(joints).tolist()} and {T.tolist()}"
            )
        self._set({name: float(value) for name, value in values.items()})
        if self._is_fixed:
            return self._offscreen.draw(view, self._T_world_link, width=width, height=height)
        T_world_root = T @ self._T_link_root
        self._data.mocap_pos[0] = T_world_root[:3, 3]
        self._data.mocap_quat[0] = se3.quat_from_matrix(T_world_root[:3, :3])
        return self._offscreen.draw(view, np.eye(4), width=width, height=height)

    def close(self) -> None:
        """Releases the drawing context."""
        self._offscreen.close()

    def __enter__(self) -> RobotRenderer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _set(self, joints: Mapping[str, float]) -> None:
        robot = self.robot
        values = {**robot.locked, **dict(zip(robot.joint_names, robot.rest, strict=True)), **joints}
        for name, value in with_mimics(robot.path, values, self._mimics).items():
            self._data.joint(name).qpos[:] = value


def carried_link(robot: Robot) -> str:
    """The link whose pose says where a robot is: a hand's palm, the base of any other."""
    return robot.config.palm.link if isinstance(robot, HandRobot) else robot.base_link
