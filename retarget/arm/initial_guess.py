"""A continuous first guess of the joint trajectory: many answers a waypoint, one path through."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from rotoscope.retarget.arm.ik import solve_poses
from rotoscope.retarget.arm.targets import Targets
from rotoscope.retarget.arm.task import TASKS
from rotoscope.retarget.optimize.quasi_random import quasi_random
from rotoscope.retarget.optimize.trajectory import (
    WAYPOINT_INTERVAL_S,
    evenly_spread,
    linear_between,
    viterbi_path,
)
from rotoscope.retarget.robots.arm import ArmRobot

NUM_SEEDS = 4
"""Starts a waypoint beside the one that is given: home and a spread over the joints' ranges."""
TOLERANCE = 5e-3
"""Error [m, rotations at the task's lever] that costs as much as a joint moving at full speed."""


def initial_guess(
    robot: ArmRobot,
    targets: Targets,
    known_frames: Int[np.ndarray, " waypoint"],
    known_joints: Float[np.ndarray, "waypoint joint"],
) -> Float[np.ndarray, "time joint"]:
    """Joint values for every frame that lie near the targets and do not jump between branches.

    Every waypoint gets several solutions of its inverse kinematics, from different starts; dynamic
    programming then picks one of each so that the sum of errors and of joint speeds is least
    (Viterbi; as in Descartes, de Maeyer et al. 2017). Between waypoints it is linear in time.

    Args:
        robot: Kinematics and limits.
        targets: What to follow.
        known_frames: Frames whose joint values are known from placing the base; may be empty.
        known_joints: Those values [rad or m].
    """
    waypoints = _waypoints(targets)
    starts = _starts(robot, targets.time_s, waypoints, known_frames, known_joints)
    num_keys, num_starts, num_joints = starts.shape
    R = np.repeat(targets.R[waypoints], num_starts, axis=0)
    p = np.repeat(targets.p_m[waypoints], num_starts, axis=0)
    solved = solve_poses(robot, R, p, starts.reshape(-1, num_joints))
    error = TASKS[robot.follows].missed(robot.pose(solved), R, p)
    cost = np.minimum(np.linalg.norm(error, axis=1) / TOLERANCE, 20.0)
    best = viterbi_path(
        solved.reshape(starts.shape),
        cost.reshape(num_keys, num_starts),
        targets.time_s[waypoints],
        robot.max_velocity,
    )
    return linear_between(targets.time_s, targets.time_s[waypoints], best)


def _waypoints(targets: Targets) -> Int[np.ndarray, " waypoint"]:
    wanted = np.flatnonzero(targets.is_wanted)
    return wanted[evenly_spread(targets.time_s[wanted], WAYPOINT_INTERVAL_S)]


def _starts(
    robot: ArmRobot,
    time_s: np.ndarray,
    waypoints: np.ndarray,
    known_frames: np.ndarray,
    known_joints: np.ndarray,
) -> Float[np.ndarray, "waypoint start joint"]:
    spread = quasi_random(NUM_SEEDS - 1, len(robot.joint_names))
    # Half of the range around home: nobody's elbow starts folded back onto the base.
    span = 0.5 * (robot.upper - robot.lower)
    seeds = np.clip(robot.home + (spread - 0.5) * span, robot.lower, robot.upper)
    seeds = np.concatenate([robot.home[None], seeds])
    starts = np.broadcast_to(seeds, (len(waypoints), *seeds.shape))
    if len(known_frames) == 0:
        return starts
    known = linear_between(time_s[waypoints], time_s[known_frames], known_joints)
    return np.concatenate([known[:, None], starts], axis=1)
