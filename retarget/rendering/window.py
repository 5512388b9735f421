"""A robot's motion in MuJoCo's own viewer, where there is a display."""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.errors import RobotError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.robots import Played
from rotoscope.retarget.description.mujoco import import_mujoco
from rotoscope.retarget.rendering.scene import robot_scene
from rotoscope.retarget.robots.load import load_robot
from rotoscope.retarget.robots.robot import HumanoidRobot
from rotoscope.retarget.robots.self_check import stated_mimics, with_mimics
from rotoscope.retarget.robots.two_arms import TwoArmRobot


def require_display(environment: Mapping[str, str] = os.environ) -> None:
    """Checks that a window can be opened.

    Raises:
        RobotError: It cannot.
    """
    is_shown = sys.platform != "linux" or any(
        environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if not is_shown:
        raise RobotError(
            "there is no display to open a window on; write a film with --film FILE.mp4, or a page "
            "with --page FILE.html"
        )


def show(
    name: str, played: Played, root_pose: Float[np.ndarray, "command 6"] | None, rate_hz: float
) -> None:
    """Shows what was played at its own speed, again and again until the window is closed.

    Args:
        name: Robot of `configs/robots`, or path of a YAML file like those.
        played: What became of the commands.
        root_pose: Where a humanoid's root was wanted.
        rate_hz: Commands per second [Hz].

    Raises:
        RobotError: There is no display, or the robot cannot be drawn.
    """
    require_display()
    mujoco, robot = import_mujoco(), load_robot(name)
    viewer = importlib.import_module("mujoco.viewer")
    model = robot_scene(robot)
    data = mujoco.MjData(model)
    # Fingers of two arms are named one by one.
    mimics = {} if isinstance(robot, TwoArmRobot) else stated_mimics(robot.path, model)
    rest = robot.locked | dict(zip(robot.joint_names, robot.rest, strict=True))
    with viewer.launch_passive(model, data) as window:
        while window.is_running():
            for k, row in enumerate(played.reached):
                if not window.is_running() or not np.isfinite(row).all():
                    break
                begun_s = time.perf_counter()
                joints = rest | dict(zip(played.joints.names, row.tolist(), strict=True))
                for joint, value in with_mimics(robot.path, joints, mimics).items():
                    data.joint(joint).qpos[:] = value
                if isinstance(robot, HumanoidRobot) and root_pose is not None:
                    data.mocap_pos[0] = root_pose[k, :3]
                    R = se3.exp_so3(root_pose[k, 3:])
                    data.mocap_quat[0] = se3.quat_from_matrix(R)
                mujoco.mj_forward(model, data)
                window.sync()
                time.sleep(max(0.0, 1.0 / rate_hz - (time.perf_counter() - begun_s)))
