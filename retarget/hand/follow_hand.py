"""A dexterous hand doing what a human hand did, alone or carried by an arm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import Side
from rotoscope.retarget.arm.follow_poses import Followed, FollowSettings, follow_poses
from rotoscope.retarget.hand.targets import (
    PinchSettings,
    curl_coupling,
    hand_scale,
    hand_vectors,
    in_robot_hand_frame,
    opening,
    tips_apart,
)
from rotoscope.retarget.hand.vector_objective import VectorSolution, VectorWeights, follow_vectors
from rotoscope.retarget.optimize.trajectory import at_limit
from rotoscope.retarget.robots.arm import ArmRobot
from rotoscope.retarget.robots.robot import HandRobot


@dataclass(frozen=True, eq=False)
class HandMotion:
    """What the fingers do, and how well."""

    solution: VectorSolution
    """Joint values and errors of the vectors."""
    scale: float
    """Robot hand size over human hand size."""
    num_at_limit: Float[np.ndarray, " time"]
    """Joints at a position limit."""
    num_at_speed_limit: Float[np.ndarray, " time"]
    """Joints that moved as fast as they can to get here."""


def follow_hand(
    robot: HandRobot,
    joints_m: Float[np.ndarray, "time 21 3"],
    side: Side,
    time_s: Float[np.ndarray, " time"],
    *,
    weights: VectorWeights | None = None,
    pinch: PinchSettings | None = None,
    scale: float | None = None,
    own_m: Float[np.ndarray, "time 21 3"] | None = None,
) -> HandMotion:
    """The fingers of a robot hand that copy those of a human hand, for all frames together.

    Args:
        robot: The hand.
        joints_m: Joints of the human hand in any frame [m]; NaN where unknown.
        side: Which human hand it is; it is mirrored where the robot's is the other one.
        time_s: Frame times [s].
        weights: 1-sigma of each cost; smaller is stricter.
        pinch: How thumb and finger meet.
        scale: Robot hand size over human hand size; from the fingers' lengths when absent.
        own_m: The landmark model's own joints, which tell of pinches too, see `tips_apart` [m].
    """
    human = in_robot_hand_frame(robot, joints_m, side)
    scale = scale or hand_scale(robot, human)
    balls, weights = robot.config.spheres, weights or VectorWeights()
    apart_m = tips_apart(robot, human, own_m)
    solution = follow_vectors(
        robot.description,
        hand_vectors(robot, human, scale, pinch, apart_m=apart_m),
        robot.limits,
        time_s,
        joints=robot.joint_names,
        locked=robot.locked,
        rest=robot.rest,
        distances=opening(robot, human, scale, pinch, apart_m=apart_m),
        spheres=[(balls[a], balls[b]) for a, b in robot.config.apart],
        coupling=curl_coupling(robot, weights.curl_rad),
        weights=weights,
    )
    is_fast = np.zeros(solution.joints.shape, bool)
    speed = np.abs(np.diff(solution.joints, axis=0)) / np.diff(time_s)[:, None]
    is_fast[1:] = speed > 0.99 * robot.max_velocity
    return HandMotion(
        solution,
        scale,
        at_limit(solution.joints, robot.limits).sum(axis=1).astype(float),
        is_fast.sum(axis=1).astype(float),
    )


def follow_wrist_with_arm(
    arm: ArmRobot,
    T_camera_wrist: Float[np.ndarray, "time 4 4"],
    is_wanted: Bool[np.ndarray, " time"],
    time_s: Float[np.ndarray, " time"],
    *,
    mount_m: tuple[float, float, float],
    T_camera_base: Float[np.ndarray, "4 4"] | None = None,
    settings: FollowSettings | None = None,
) -> Followed:
    """An arm that brings a robot hand's palm to where a human wrist was.

    The hand is mounted with its fingers along the arm's approach direction and its palm normal
    along the direction in which the arm's gripper closes.

    Args:
        arm: The arm.
        T_camera_wrist: Human wrist frames in the camera frame, see `wrist_rotation` [m].
        is_wanted: Frames whose pose is to be followed.
        time_s: Frame times [s].
        mount_m: The palm point in the arm's end-effector frame [m].
        T_camera_base: Where the arm's base stands; found when absent.
        settings: Tolerances and weights.
    """
    tool = arm.with_tool(se3.make(np.eye(3), np.array(mount_m)))
    # Wrist axes: x out of the palm, z forward. End effector: x approach, y closing.
    R_wrist_ee = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    poses = T_camera_wrist @ se3.make(R_wrist_ee, np.zeros(3))
    return follow_poses(
        tool, poses, is_wanted, time_s, T_camera_base=T_camera_base, settings=settings
    )
