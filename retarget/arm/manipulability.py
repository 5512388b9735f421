"""How easy a pose is for an arm to hold and to move from."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.retarget.arm.task import TASKS
from rotoscope.retarget.robots.arm import ArmRobot

LIMIT_ZONE = 0.15
"""Share of a joint's range, at each end, in which being near the limit counts against it."""


def manipulability(
    robot: ArmRobot,
    joints: Float[np.ndarray, "batch joint"],
    J: Float[np.ndarray, "batch 6 joint"],
    twist: Float[np.ndarray, "batch 6"],
) -> Float[np.ndarray, " batch"]:
    """The least of three things that make a pose easy to hold and to move from, each 0..1.

    Distance from the nearest joint limit; the smallest singular value of the Jacobian against that
    at home (Klein and Blaho 1987); and speed to spare while the end effector moves with `twist`.
    """
    range_ = robot.upper - robot.lower
    room = np.minimum(joints - robot.lower, robot.upper - joints) / (LIMIT_ZONE * range_)
    home_J = robot.pose(robot.home[None], jacobian=True).J
    assert home_J is not None
    at_home = float(_least_singular_value(robot, home_J)[0])
    dexterity = _least_singular_value(robot, J) / max(at_home, 1e-6)
    JJt = J @ np.swapaxes(J, 1, 2) + 1e-4 * np.eye(6)
    rate = (np.swapaxes(J, 1, 2) @ np.linalg.solve(JJt, twist[:, :, None]))[..., 0]
    spare = 1.0 - (np.abs(rate) / robot.max_velocity).max(axis=1)
    return np.clip(np.minimum(np.minimum(room.min(axis=1), dexterity), spare), 0.0, 1.0)


def _least_singular_value(
    robot: ArmRobot, J: Float[np.ndarray, "batch 6 joint"]
) -> Float[np.ndarray, " batch"]:
    """Of the directions that the arm can move in at all."""
    scaled = J * TASKS[robot.follows].scale[:, None]
    least = np.linalg.eigvalsh(scaled @ np.swapaxes(scaled, 1, 2))[:, 6 - robot.rank]
    return np.sqrt(np.maximum(least, 0.0))
