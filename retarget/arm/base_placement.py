"""Where the robot's base should stand so that its arm can do what the person's hand did."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.arm.eliminate import (
    HOME_SIGMA_RAD,
    POSITION_SIGMA_M,
    eliminate_joints,
)
from rotoscope.retarget.arm.ik import solve_poses
from rotoscope.retarget.arm.manipulability import manipulability
from rotoscope.retarget.arm.task import DEFAULT_TOLERANCE_M, DEFAULT_TOLERANCE_RAD, TASKS
from rotoscope.retarget.arm.waypoints import choose_waypoints, twists
from rotoscope.retarget.common.level_frame import level_camera
from rotoscope.retarget.optimize.quasi_random import quasi_random
from rotoscope.retarget.robots.arm import ArmRobot

NUM_CANDIDATES = 256
"""Placements tried on one middle frame."""
NUM_REFINED = 16
"""Best of those, one per direction, refined on all waypoints."""
NUM_REFINEMENTS = 10
"""Gauss-Newton steps of that refinement."""


@dataclass(frozen=True, eq=False)
class Placement:
    """A place for the base, and how well the arm does there."""

    T_camera_base: Float[np.ndarray, "4 4"]
    """Base in the camera frame [m]."""
    score: float
    """Reachable share plus a tenth of manipulability: what placements are ranked by, 0..1.1."""
    reachable_share: float
    """Share of the waypoints whose pose is reached within the tolerances."""
    manipulability: float
    """Mean over waypoints of the least of: distance from joint limits, distance from a singular
    pose, speed left to spare; each 0..1."""
    waypoints: Int[np.ndarray, " waypoint"]
    """Frames that it was judged by, as indices into the poses given."""
    joints: Float[np.ndarray, "waypoint joint"]
    """Joint values found there [rad or m]."""


def find_placements(
    robot: ArmRobot,
    T_camera_ee: Float[np.ndarray, "time 4 4"],
    time_s: Float[np.ndarray, " time"],
    *,
    camera_pitch_rad: float = 0.0,
    tolerance_m: float = DEFAULT_TOLERANCE_M,
    tolerance_rad: Float[np.ndarray, " time"] | float = DEFAULT_TOLERANCE_RAD,
) -> list[Placement]:
    """Upright base placements from which the arm can follow the poses, best first.

    A placement has three numbers: the direction that the base faces, how far ahead of it the
    middle of the work is, and how high above it. A quasi-random sequence over all three is
    tried on the middle frame; the best of each direction are refined on all waypoints together
    with the joint values there, and ranked. No randomness: the same poses give the same answer.

    Args:
        robot: Kinematics and limits.
        T_camera_ee: Wanted end-effector poses, all finite [m].
        time_s: Their times [s].
        camera_pitch_rad: How far the camera looks down [rad].
        tolerance_m: Position error that still counts as reached [m].
        tolerance_rad: Error of what is judged of the rotation that still counts as reached, one
            for all poses or one for each [rad].
    """
    search = _Search(robot, T_camera_ee, time_s, level_camera(camera_pitch_rad))
    place, joints = search.initial_guesses()
    place, joints = search.refine(place, joints)
    within_rad = np.broadcast_to(tolerance_rad, len(T_camera_ee))[search.waypoints]
    return search.rank(place, joints, tolerance_m, within_rad)


def arm_reach(robot: ArmRobot) -> float:
    """Longest distance from the base to the end effector over a spread of joint values [m]."""
    spread = robot.lower + quasi_random(256, len(robot.joint_names)) * (robot.upper - robot.lower)
    return float(np.linalg.norm(robot.pose(spread).p_m, axis=1).max())


def facing(robot: ArmRobot) -> Float[np.ndarray, " 3"]:
    """Where an arm at home points to from its base, in eighths of a turn: x in most files."""
    x, y = robot.pose(robot.home[None]).p_m[0, :2]
    eighth = np.pi / 4
    bearing = eighth * np.round(np.arctan2(y, x) / eighth)
    return np.round([np.cos(bearing), np.sin(bearing), 0.0], 12)


class _Search:
    """The poses in the level frame around the middle of the work, and what is done with them.

    A placement is (yaw, ahead, above): the base is turned by `yaw` [rad] about z, and the middle of
    the work lies `ahead` [m] of it, where the arm faces, and `above` [m] along its z axis.
    """

    def __init__(
        self,
        robot: ArmRobot,
        T_camera_ee: Float[np.ndarray, "time 4 4"],
        time_s: Float[np.ndarray, " time"],
        R_camera_level: Float[np.ndarray, "3 3"],
    ) -> None:
        self.robot, self.R_camera_level = robot, R_camera_level
        self.task = TASKS[robot.follows]
        self.ahead = facing(robot)
        self.middle = np.median(T_camera_ee[:, :3, 3], axis=0)
        self.waypoints = choose_waypoints(T_camera_ee[:, :3, 3], time_s)
        chosen = T_camera_ee[self.waypoints]
        self.R = R_camera_level.T @ chosen[:, :3, :3]
        self.p = (chosen[:, :3, 3] - self.middle) @ R_camera_level
        twist = twists(T_camera_ee, time_s, self.waypoints)
        self.twist = np.concatenate(
            [twist[:, :3] @ R_camera_level, twist[:, 3:] @ R_camera_level], 1
        )
        forward_kinematics = arm_reach(robot)
        self.low = np.array([-np.inf, 0.3 * forward_kinematics, -0.3 * forward_kinematics])
        self.high = np.array([np.inf, 0.85 * forward_kinematics, 0.7 * forward_kinematics])

    def in_base(self, place: Float[np.ndarray, "place 3"]) -> tuple[np.ndarray, np.ndarray]:
        """Waypoint rotations and positions in each placement's base, `(place, waypoint, ...)`."""
        turn = _turn(-place[:, 0])[:, None]
        shift = (place[:, 1:2] * self.ahead + place[:, 2:3] * np.eye(3)[2])[:, None]
        return turn @ self.R, (turn @ self.p[:, :, None])[..., 0] + shift

    def initial_guesses(self) -> tuple[np.ndarray, np.ndarray]:
        """The best placement of each of several directions, judged on the middle frame."""
        robot = self.robot
        unit = quasi_random(NUM_CANDIDATES, 3)
        low = np.array([-np.pi, *self.low[1:]])
        place = low + unit * (np.array([np.pi, *self.high[1:]]) - low)
        turned = se3.angle_between(_mean_rotation(self.R), self.R)
        medoid = int(np.argmin(np.linalg.norm(self.p, axis=1) + self.task.lever_m * turned))
        R, p = (part[:, medoid] for part in self.in_base(place))
        spread = quasi_random(NUM_CANDIDATES, 3 + len(robot.joint_names))[:, 3:] - 0.5
        start = robot.home + 0.5 * spread * (robot.upper - robot.lower)
        joints = solve_poses(robot, R, p, start, num_steps=10)
        missed = self.task.missed(robot.pose(joints), R, p)
        manipulability = ((joints - robot.home) ** 2).sum(axis=1) / HOME_SIGMA_RAD**2
        cost = (missed**2).sum(axis=1) / POSITION_SIGMA_M**2 + manipulability
        sector = np.floor(unit[:, 0] * NUM_REFINED).astype(int)
        best = [
            members[np.argmin(cost[members])]
            for members in (np.flatnonzero(sector == s) for s in range(NUM_REFINED))
        ]
        return place[best], np.repeat(joints[best][:, None], len(self.waypoints), axis=1)

    def refine(self, place: np.ndarray, joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Improves placements and the joint values at all waypoints together.

        The joint values of each waypoint are eliminated, which leaves a 3 by 3 system for each
        placement (Schur complement). Far waypoints pull with bounded force.
        """
        for _ in range(NUM_REFINEMENTS):
            place, joints = self._refine_once(place, joints)
        R, p = (part.reshape(-1, *part.shape[2:]) for part in self.in_base(place))
        solved = solve_poses(self.robot, R, p, joints.reshape(-1, joints.shape[2]), num_steps=8)
        return place, solved.reshape(joints.shape)

    def _refine_once(self, place: np.ndarray, joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        robot = self.robot
        R, p = self.in_base(place)
        left = eliminate_joints(robot, self.task, R, p, joints, self._place_jacobian(p, place))
        step = np.linalg.solve(left.S + np.diag([10.0, 10.0, 10.0]), left.s[:, :, None])[..., 0]
        step = np.clip(step, -0.15, 0.15)
        moved = np.clip(place + step, self.low, self.high)
        back = (left.Y @ (moved - place)[:, None, :, None])[..., 0]
        change = np.clip(left.X + back, -0.5, 0.5)
        return moved, np.clip(joints + change, robot.lower, robot.upper)

    def _place_jacobian(self, p: np.ndarray, place: np.ndarray) -> Float[np.ndarray, "b 6 3"]:
        """How waypoint errors change with yaw, ahead, above; scaled as the errors are."""
        C = np.zeros((*p.shape[:2], 6, 3))
        # Turning the base turns what lies about the middle of the work the other way.
        away = p - place[:, None, 1:2] * self.ahead
        C[..., 0, 0], C[..., 1, 0] = away[..., 1], -away[..., 0]
        C[..., 5, 0] = -self.task.lever_m
        C[..., :3, 1] = self.ahead
        C[..., 2, 2] = 1.0
        return C.reshape(-1, 6, 3) / POSITION_SIGMA_M

    def rank(
        self,
        place: np.ndarray,
        joints: np.ndarray,
        tolerance_m: float,
        tolerance_rad: Float[np.ndarray, " waypoint"],
    ) -> list[Placement]:
        """Placements best first, each with its scores on the waypoints."""
        R, p = (part.reshape(-1, *part.shape[2:]) for part in self.in_base(place))
        q = joints.reshape(-1, joints.shape[2])
        reached = self.robot.pose(q, jacobian=True)
        is_reached = np.linalg.norm(p - reached.p_m, axis=1) <= tolerance_m
        is_reached &= self.task.angle(reached.R, R) <= np.tile(tolerance_rad, len(place))
        assert reached.J is not None
        turn = _turn(-place[:, 0])[:, None]
        twist = np.concatenate(
            [(turn @ part[:, :, None])[..., 0] for part in (self.twist[:, :3], self.twist[:, 3:])],
            axis=2,
        )
        ease = manipulability(self.robot, q, reached.J, twist.reshape(-1, 6))
        share = is_reached.reshape(joints.shape[:2]).mean(axis=1)
        mean_manipulability = np.where(is_reached, ease, 0.0).reshape(joints.shape[:2]).mean(axis=1)
        score = share + 0.1 * mean_manipulability
        return [
            Placement(
                T_camera_base=self._camera_pose(place[i]),
                score=float(score[i]),
                reachable_share=float(share[i]),
                manipulability=float(mean_manipulability[i]),
                waypoints=self.waypoints,
                joints=joints[i],
            )
            for i in np.argsort(-score, kind="stable")
        ]

    def _camera_pose(self, place: Float[np.ndarray, " 3"]) -> Float[np.ndarray, "4 4"]:
        R = self.R_camera_level @ _turn(place[:1])[0]
        shift = place[1] * self.ahead + place[2] * np.eye(3)[2]
        return se3.make(R, self.middle - R @ shift)


def _turn(yaw_rad: Float[np.ndarray, " place"]) -> Float[np.ndarray, "place 3 3"]:
    return se3.exp_so3(yaw_rad[:, None] * np.array([0.0, 0.0, 1.0]))


def _mean_rotation(R: Float[np.ndarray, "batch 3 3"]) -> Float[np.ndarray, "3 3"]:
    """Chordal mean of rotations (Hartley et al. 2013, section 5.3)."""
    U, _, Vt = np.linalg.svd(R.sum(axis=0))
    return U @ np.diag([1.0, 1.0, np.linalg.det(U @ Vt)]) @ Vt
