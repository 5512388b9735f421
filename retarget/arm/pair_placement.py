"""Where two arms that stand together should stand, so that each can follow its hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import Side
from rotoscope.retarget.arm.eliminate import (
    HOME_SIGMA_RAD,
    POSITION_SIGMA_M,
    eliminate_joints,
)
from rotoscope.retarget.arm.ik import solve_poses
from rotoscope.retarget.arm.manipulability import manipulability
from rotoscope.retarget.arm.task import TASKS
from rotoscope.retarget.arm.waypoints import choose_waypoints, twists
from rotoscope.retarget.common.level_frame import level_camera
from rotoscope.retarget.optimize.quasi_random import quasi_random
from rotoscope.retarget.robots.two_arms import TwoArmRobot

NUM_CANDIDATES = 384
"""Places tried on one frame of each hand."""
NUM_REFINED = 16
"""Best of those, one per direction, refined on all waypoints."""
NUM_REFINEMENTS = 12
"""Gauss-Newton steps of that refinement."""
SPREAD = 0.5
"""How far from where home has it the middle of the work is looked for, in reaches."""
BELOW_GRIP_M = 0.02
"""A table that nobody measured lies this far below the lowest place that a hand was at [m]: half a
finger, and what the hand's height is uncertain by."""
LOWEST = 0.02
"""That place is this quantile of all heights: no single bad pose decides where the table is."""
HAND_M, HALF_HAND_M = 0.2, 0.1
"""Length of a gripper and its wrist behind the fingertips, and half of its width [m], as the Panda
has them: no part of them is in the table either, whichever way they point."""
CROSSED = 0.1
"""What a place is worth less whose arms cross, as a share of waypoints reached."""
DAMPING = 10.0
"""Keeps a step of the place small where nothing asks for it."""


@dataclass(frozen=True, eq=False)
class PairPlacement:
    """A place for both arms, and how well they do there."""

    T_camera_base: Float[np.ndarray, "4 4"]
    """Frame of both arms in the camera frame [m]."""
    score: float
    """Reachable share plus a tenth of manipulability, as for one arm."""
    reachable_share: float
    """Share of the waypoints of both hands that are reached within the tolerances."""
    waypoints: Mapping[Side, Int[np.ndarray, " waypoint"]]
    """Frames that it was judged by, as indices into the frames given."""
    joints: Mapping[Side, Float[np.ndarray, "waypoint joint"]]
    """Joint values found there [rad or m]."""


def find_pair_placements(
    robot: TwoArmRobot,
    T_camera_ee: Mapping[Side, Float[np.ndarray, "time 4 4"]],
    is_wanted: Mapping[Side, Bool[np.ndarray, " time"]],
    time_s: Float[np.ndarray, " time"],
    *,
    camera_pitch_rad: float,
    tolerance_m: float,
    tolerance_rad: Mapping[Side, Float[np.ndarray, " time"]],
    table_m: float | None = None,
) -> list[PairPlacement]:
    """Upright places from which both arms can follow their hands, best first.

    As for one arm (`rotoscope.retarget.arm.base_placement`), with four numbers: the direction that
    the base faces, and where in its frame the middle of the work is. Each arm is asked for its own
    hand's poses; a hand that is not wanted in any frame asks for nothing.

    Args:
        robot: Both arms.
        T_camera_ee: Wanted end-effector poses by hand [m].
        is_wanted: Frames of each hand that have one; some frame of one hand at least.
        time_s: Frame times [s].
        camera_pitch_rad: How far the camera looks down [rad].
        tolerance_m: Position error that still counts as reached [m].
        tolerance_rad: Error of what is judged of each hand's rotation that still counts as reached
            in each frame [rad].
        table_m: Height of the table over the base [m], where that is known: the base is then as
            high as the lowest place that a hand was at demands.
    """
    level = level_camera(camera_pitch_rad)
    seen = [side for side in robot.arms if is_wanted[side].any()]
    points = np.concatenate([T_camera_ee[side][is_wanted[side]][:, :3, 3] for side in seen])
    if len(seen) == 2:
        middles = [np.median(T_camera_ee[s][is_wanted[s]][:, :3, 3], axis=0) for s in seen]
        middle = 0.5 * (middles[0] + middles[1])
    else:
        middle = np.median(points, axis=0)
    hands = [_Hand(robot, s, T_camera_ee[s], is_wanted[s], time_s, level, middle) for s in seen]
    above_m = None
    if table_m is not None:
        T_level_camera = se3.inverse(se3.make(level, middle))
        poses = [T_level_camera @ T_camera_ee[side][is_wanted[side]] for side in seen]
        heights = np.concatenate([lowest_of_hands(T) for T in poses])
        above_m = table_m + BELOW_GRIP_M - float(np.quantile(heights, LOWEST))
    places, joints = _guesses(robot, hands, above_m)
    for _ in range(NUM_REFINEMENTS):
        places, joints = _refined(hands, places, joints, is_level=above_m is not None)
    joints = [hand.settled(places, q) for hand, q in zip(hands, joints, strict=True)]
    return _ranked(hands, places, joints, level, middle, tolerance_m, tolerance_rad)


def lowest_of_hands(
    T_level_ee: Float[np.ndarray, "time 4 4"],
) -> Float[np.ndarray, " time"]:
    """Height of the lowest end of a gripper, tips or wrist, in a frame with z up [m]."""
    tips, up = T_level_ee[:, 2, 3], T_level_ee[:, 2, 0]
    level = np.sqrt(np.maximum(1.0 - up**2, 0.0))
    return np.minimum(tips, tips - HAND_M * up - HALF_HAND_M * level)


class _Hand:
    """Waypoints of one hand in the level frame around the middle of the work, and its arm."""

    def __init__(
        self,
        robot: TwoArmRobot,
        side: Side,
        T_camera_ee: np.ndarray,
        is_wanted: np.ndarray,
        time_s: np.ndarray,
        level: np.ndarray,
        middle: np.ndarray,
    ) -> None:
        self.side, self.arm = side, robot.arms[side]
        self.task = TASKS[self.arm.follows]
        self.T_arm_base = se3.inverse(robot.base_pose(side))
        wanted = np.flatnonzero(is_wanted)
        T = T_camera_ee[wanted]
        chosen = choose_waypoints(T[:, :3, 3], time_s[wanted])
        self.frames = wanted[chosen]
        self.R = level.T @ T[chosen, :3, :3]
        self.p = (T[chosen, :3, 3] - middle) @ level
        twist = twists(T, time_s[wanted], chosen)
        self.twist = np.concatenate([twist[:, :3] @ level, twist[:, 3:] @ level], axis=1)

    def in_arm(self, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Waypoints in the arm's frame, of each place: `(place, waypoint, ...)`."""
        turn = self.T_arm_base[:3, :3] @ turned(-place[:, 0])
        shift = place[:, None, 1:] @ self.T_arm_base[:3, :3].T + self.T_arm_base[:3, 3]
        moved = (turn[:, None] @ self.p[None, :, :, None])[..., 0]
        return turn[:, None] @ self.R, moved + shift

    def solved(self, place: np.ndarray, start: np.ndarray, *, num_steps: int) -> np.ndarray:
        """Joint values of all waypoints, `(place, waypoint, joint)`."""
        R, p = (part.reshape(-1, *part.shape[2:]) for part in self.in_arm(place))
        flat = solve_poses(self.arm, R, p, start.reshape(-1, start.shape[2]), num_steps=num_steps)
        return flat.reshape(start.shape)

    def settled(self, place: np.ndarray, joints: np.ndarray) -> np.ndarray:
        """The same at the end of the search."""
        return self.solved(place, joints, num_steps=8)

    def place_jacobian(self, place: np.ndarray) -> np.ndarray:
        """How scaled errors of waypoints change with yaw and the middle's place, (b, 6, 4)."""
        R_arm = self.T_arm_base[:3, :3]
        turn = turned(-place[:, 0])
        moved = (turn[:, None] @ self.p[None, :, :, None])[..., 0]
        C = np.zeros((*moved.shape[:2], 6, 4))
        # d(turned p)/d yaw = -z x (turned p).
        C[..., :3, 0] = np.cross(moved, [0.0, 0.0, 1.0]) @ R_arm.T
        C[..., 3:, 0] = -self.task.lever_m * R_arm[:, 2]
        C[..., :3, 1:] = R_arm
        return C.reshape(-1, 6, 4) / POSITION_SIGMA_M


def _guesses(
    robot: TwoArmRobot, hands: list[_Hand], above_m: float | None
) -> tuple[np.ndarray, list[np.ndarray]]:
    """The best place of each of several directions, judged on one frame of each hand."""
    unit = quasi_random(NUM_CANDIDATES, 4)
    home = np.mean([_home_m(robot, hand.side) for hand in hands], axis=0)
    place = np.empty((NUM_CANDIDATES, 4))
    place[:, 0] = np.pi * (2.0 * unit[:, 0] - 1.0)
    place[:, 1:] = home + SPREAD * robot.reach_m * (2.0 * unit[:, 1:] - 1.0)
    if above_m is not None:
        place[:, 3] = above_m
    cost = np.zeros(NUM_CANDIDATES)
    found = []
    for hand in hands:
        arm = hand.arm
        middle = int(np.argmin(np.linalg.norm(hand.p - np.median(hand.p, axis=0), axis=1)))
        R, p = (part[:, middle] for part in hand.in_arm(place))
        spread = quasi_random(NUM_CANDIDATES, 4 + len(arm.joint_names))[:, 4:] - 0.5
        joints = solve_poses(
            arm, R, p, arm.home + 0.5 * spread * (arm.upper - arm.lower), num_steps=10
        )
        missed = hand.task.missed(arm.pose(joints), R, p)
        cost += (missed**2).sum(axis=1) / POSITION_SIGMA_M**2
        cost += ((joints - arm.home) ** 2).sum(axis=1) / HOME_SIGMA_RAD**2
        found.append(joints)
    sector = np.floor(unit[:, 0] * NUM_REFINED).astype(int)
    members = (np.flatnonzero(sector == s) for s in range(NUM_REFINED))
    best = [m[np.argmin(cost[m])] for m in members]
    repeated = [
        np.repeat(joints[best][:, None], len(hand.frames), axis=1)
        for hand, joints in zip(hands, found, strict=True)
    ]
    return place[best], repeated


def _refined(
    hands: list[_Hand], place: np.ndarray, joints: list[np.ndarray], *, is_level: bool
) -> tuple[np.ndarray, list[np.ndarray]]:
    """One step of places and joints together.

    The joints are eliminated: `rotoscope.retarget.arm.eliminate`.
    """
    damping = np.array([DAMPING, DAMPING, DAMPING, 1e12 if is_level else DAMPING])
    S = np.tile(np.diag(damping), (len(place), 1, 1))
    s = np.zeros((len(place), 4))
    parts = []
    for hand, q in zip(hands, joints, strict=True):
        R, p = hand.in_arm(place)
        left = eliminate_joints(hand.arm, hand.task, R, p, q, hand.place_jacobian(place))
        parts.append(left)
        S += left.S
        s += left.s
    step = np.clip(np.linalg.solve(S, s[:, :, None])[..., 0], -0.15, 0.15)
    out = []
    for hand, q, left in zip(hands, joints, parts, strict=True):
        back = (left.Y @ step[:, None, :, None])[..., 0]
        change = np.clip(left.X + back, -0.5, 0.5)
        out.append(np.clip(q + change, hand.arm.lower, hand.arm.upper))
    return place + step, out


def _ranked(
    hands: list[_Hand],
    place: np.ndarray,
    joints: list[np.ndarray],
    level: np.ndarray,
    middle: np.ndarray,
    tolerance_m: float,
    tolerance_rad: Mapping[Side, Float[np.ndarray, " time"]],
) -> list[PairPlacement]:
    reached, ease = [], []
    for hand, values in zip(hands, joints, strict=True):
        R, p = (part.reshape(-1, *part.shape[2:]) for part in hand.in_arm(place))
        q = values.reshape(-1, values.shape[2])
        pose = hand.arm.pose(q, jacobian=True)
        within_rad = np.tile(tolerance_rad[hand.side][hand.frames], len(place))
        good = np.linalg.norm(p - pose.p_m, axis=1) <= tolerance_m
        good &= hand.task.angle(pose.R, R) <= within_rad
        turn = (hand.T_arm_base[:3, :3] @ turned(-place[:, 0]))[:, None]
        twist = [(turn @ part[:, :, None])[..., 0] for part in np.split(hand.twist, 2, axis=1)]
        assert pose.J is not None
        easy = manipulability(hand.arm, q, pose.J, np.concatenate(twist, axis=2).reshape(-1, 6))
        reached.append(good.reshape(values.shape[:2]))
        ease.append(np.where(good, easy, 0.0).reshape(values.shape[:2]))
    share = np.concatenate(reached, axis=1).mean(axis=1)
    score = share + 0.1 * np.concatenate(ease, axis=1).mean(axis=1)
    score -= CROSSED * _is_crossed(hands, place)
    out = []
    for i in np.argsort(-score, kind="stable"):
        R = level @ turned(place[i, :1])[0]
        out.append(
            PairPlacement(
                T_camera_base=se3.make(R, middle - R @ place[i, 1:]),
                score=float(score[i]),
                reachable_share=float(share[i]),
                waypoints={hand.side: hand.frames for hand in hands},
                joints={hand.side: q[i] for hand, q in zip(hands, joints, strict=True)},
            )
        )
    return out


def _is_crossed(hands: list[_Hand], place: np.ndarray) -> Bool[np.ndarray, " place"]:
    """Whether the left hand is to the right of the right one, as the base faces."""
    if len(hands) < 2:
        return np.zeros(len(place), bool)
    middle = {hand.side: np.median(hand.p, axis=0) for hand in hands}
    return np.asarray((turned(-place[:, 0]) @ (middle["left"] - middle["right"]))[:, 1] < 0.0)


def turned(yaw_rad: Float[np.ndarray, " place"]) -> Float[np.ndarray, "place 3 3"]:
    """Rotations about z."""
    return se3.exp_so3(yaw_rad[:, None] * np.array([0.0, 0.0, 1.0]))


def _home_m(robot: TwoArmRobot, side: Side) -> Float[np.ndarray, " 3"]:
    """Where an arm's end effector is at home, in the frame of both [m]."""
    arm, T = robot.arms[side], robot.base_pose(side)
    p: np.ndarray = T[:3, :3] @ arm.pose(arm.home[None]).p_m[0] + T[:3, 3]
    return p
