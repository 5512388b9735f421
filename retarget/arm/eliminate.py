"""Joints of an arm taken out of the search for its base: a small system for the place is left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.retarget.arm.task import ArmTask
from rotoscope.retarget.robots.arm import ArmRobot

HOME_SIGMA_RAD = 0.4
"""1-sigma of a joint's distance from home [rad]."""
POSITION_SIGMA_M = 5e-3
"""1-sigma of positions [m]: reaching comes first, home decides among what reaches."""


@dataclass(frozen=True, eq=False)
class Eliminated:
    """`S dc = s` for the step dc of each place; its joints then step by `X + Y dc`."""

    X: Float[np.ndarray, "place waypoint joint"]
    Y: Float[np.ndarray, "place waypoint joint coordinate"]
    S: Float[np.ndarray, "place coordinate coordinate"]
    s: Float[np.ndarray, "place coordinate"]


def eliminate_joints(
    arm: ArmRobot,
    task: ArmTask,
    R: Float[np.ndarray, "place waypoint 3 3"],
    p: Float[np.ndarray, "place waypoint 3"],
    joints: Float[np.ndarray, "place waypoint joint"],
    C: Float[np.ndarray, "place_waypoint 6 coordinate"],
) -> Eliminated:
    """One Gauss-Newton step, joints eliminated (Schur complement).

    e is what a waypoint misses in sigmas, dq the step of its joints, dc that of the place: joints
    take J dq off the error, and moving the base adds C dc. Least shall be the sum of
    w |e - J dq + C dc|^2 + |home - q - dq|^2 / HOME_SIGMA_RAD^2.

    Args:
        arm: The arm.
        task: What of a pose it follows.
        R: Rotations of the waypoints in each place's base.
        p: Their positions [m].
        joints: Joint values there [rad or m].
        C: How waypoint errors change with the coordinates of the place, in sigmas.
    """
    shape, num = joints.shape, C.shape[2]
    q = joints.reshape(-1, shape[2])
    reached = arm.pose(q, jacobian=True)
    assert reached.J is not None
    error = task.missed(reached, R.reshape(-1, 3, 3), p.reshape(-1, 3)) / POSITION_SIGMA_M
    # Pseudo-Huber from 10 sigma on: a waypoint out of reach pulls with constant force.
    weight = 1.0 / np.sqrt(1.0 + (error**2).sum(axis=1) / 100.0)
    J = reached.J * task.scale[:, None] / POSITION_SIGMA_M
    Jw, Cw = (np.swapaxes(part * weight[:, None, None], 1, 2) for part in (J, C))
    home = arm.home - q
    descent = (Jw @ error[:, :, None])[..., 0] + home / HOME_SIGMA_RAD**2
    held = ((q <= arm.lower) & (descent < 0)) | ((q >= arm.upper) & (descent > 0))
    H = Jw @ J
    diagonal = np.arange(shape[2])
    # Once for home and once as damping; a joint that presses against a limit does not move.
    H[:, diagonal, diagonal] += 2.0 / HOME_SIGMA_RAD**2 + np.where(held, 1e12, 0.0)
    descent = np.where(held, 0.0, descent)
    # H dq = J'w e + (home - q) / sigma^2 + J'w C dc, so dq = X + Y dc.
    solved = np.linalg.solve(H, np.concatenate([descent[:, :, None], Jw @ C], axis=2))
    X, Y = solved[:, :, 0], solved[:, :, 1:]
    # Put into C'w (e - J dq + C dc) = 0: (C'w C - C'w J Y) dc = C'w (J X - e), summed over the
    # waypoints, which share the place.
    S = Cw @ C - Cw @ J @ Y
    s = (Cw @ (J @ X[:, :, None] - error[:, :, None]))[..., 0]
    S, s = (part.reshape(*shape[:2], *part.shape[1:]).sum(axis=1) for part in (S, s))
    return Eliminated(X.reshape(shape), Y.reshape(*shape, num), S, s)
