"""Inverse kinematics of many single poses at once, from many starts."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.retarget.arm.task import TASKS
from rotoscope.retarget.robots.arm import ArmRobot

HOME_WEIGHT = 1e-4
"""Pull towards the home pose [m^2/rad^2]: it settles what a redundant arm may choose freely."""


def solve_poses(
    robot: ArmRobot,
    R_target: Float[np.ndarray, "batch 3 3"],
    p_target_m: Float[np.ndarray, "batch 3"],
    start: Float[np.ndarray, "batch joint"],
    *,
    num_steps: int = 12,
) -> Float[np.ndarray, "batch joint"]:
    """Joint values near `start` that bring the end effector to each target as well as they can.

    Levenberg-Marquardt whose damping is the remaining error itself (Sugihara 2011, "Solvability-
    unconcerned inverse kinematics"), so that targets out of reach end at the nearest pose instead
    of oscillating. Joints are held at a limit that they press against.
    """
    lower, upper, task = robot.lower, robot.upper, TASKS[robot.follows]
    joints = np.clip(start, lower, upper)
    diagonal = np.arange(len(lower))
    for _ in range(num_steps):
        reached = robot.pose(joints, jacobian=True)
        assert reached.J is not None
        error = task.missed(reached, R_target, p_target_m)
        J = reached.J * task.scale[:, None]
        Jt = np.swapaxes(J, 1, 2)
        residual = 0.5 * (error**2).sum(axis=1)[:, None]
        pull = HOME_WEIGHT * np.minimum(1.0, residual + 1e-4)
        descent = (Jt @ error[:, :, None])[:, :, 0] + pull * (robot.home - joints)
        held = ((joints <= lower) & (descent < 0)) | ((joints >= upper) & (descent > 0))
        H = Jt @ J
        H[:, diagonal, diagonal] += residual + pull + 1e-5 + np.where(held, 1e6, 0.0)
        step = np.linalg.solve(H, np.where(held, 0.0, descent)[:, :, None])[:, :, 0]
        joints = np.clip(joints + np.clip(step, -0.7, 0.7), lower, upper)
    return joints
