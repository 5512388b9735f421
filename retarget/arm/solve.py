"""Joint angles for a whole trajectory of end-effector poses at once, inside every limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.retarget.arm.ik import solve_poses
from rotoscope.retarget.arm.targets import Targets, TrajectoryWeights
from rotoscope.retarget.arm.task import DEFAULT_TOLERANCE_M, DEFAULT_TOLERANCE_RAD, TASKS
from rotoscope.retarget.kinematics.end_effector import pose_error
from rotoscope.retarget.kinematics.frames import Frame
from rotoscope.retarget.optimize.cost import Regularizer
from rotoscope.retarget.optimize.interior_point import SolverOptions
from rotoscope.retarget.optimize.terms import CostTerm, PoseCost
from rotoscope.retarget.optimize.trajectory import Problem, solve
from rotoscope.retarget.robots.arm import ArmRobot


@dataclass(frozen=True, eq=False)
class TrajectorySolution:
    """Joint values of every frame, and which targets they meet."""

    joints: Float[np.ndarray, "time joint"]
    """Joint values that keep every limit [rad or m]."""
    error_m: Float[np.ndarray, " time"]
    """Distance to the wanted position [m]; NaN where there is no target."""
    error_rad: Float[np.ndarray, " time"]
    """Angle to the wanted rotation [rad]; NaN where there is no target."""
    judged_rad: Float[np.ndarray, " time"]
    """The same of what the arm is asked for alone: the direction of approach where its joints
    cannot bring about any rotation [rad]; NaN where there is no target."""
    is_reached: Bool[np.ndarray, " time"]
    """The target is met within the tolerances."""
    is_too_fast: Bool[np.ndarray, " time"]
    """The target is not met, but an arm without velocity limits could meet it from here."""


def solve_trajectory(
    robot: ArmRobot,
    targets: Targets,
    start: Float[np.ndarray, "time joint"],
    *,
    weights: TrajectoryWeights | None = None,
    tolerance_m: float = DEFAULT_TOLERANCE_M,
    tolerance_rad: Float[np.ndarray, " time"] | float = DEFAULT_TOLERANCE_RAD,
    max_iterations: int = 25,
) -> TrajectorySolution:
    """The joint trajectory that follows the targets best without leaving any limit.

    All frames are solved together. What a frame could reach without velocity limits is found by
    inverse kinematics of that frame alone.

    Args:
        robot: Kinematics and limits.
        targets: What to follow.
        start: Where to start from [rad or m]; see
            `rotoscope.retarget.arm.initial_guess.first_guess`.
        weights: 1-sigma of each cost; smaller is stricter.
        tolerance_m: Position error that still counts as reached [m].
        tolerance_rad: Error of what is judged of the rotation that still counts as reached, one
            for all frames or one for each [rad].
        max_iterations: Steps of the solver at most.
    """
    joints = solve_joints(
        robot,
        targets,
        start,
        weights=weights or TrajectoryWeights(),
        options=SolverOptions(max_iterations=max_iterations),
    )
    return judged(robot, joints, targets, tolerance_m=tolerance_m, tolerance_rad=tolerance_rad)


def solve_joints(
    robot: ArmRobot,
    targets: Targets,
    start: Float[np.ndarray, "time joint"],
    *,
    weights: TrajectoryWeights,
    options: SolverOptions,
    further: Sequence[Frame] = (),
    terms: Sequence[CostTerm] = (),
) -> Float[np.ndarray, "time joint"]:
    """The joint values alone [rad or m], with further costs where there are any.

    Args:
        robot: Kinematics and limits.
        targets: What to follow.
        start: Where to start from [rad or m].
        weights: 1-sigma of each cost.
        options: How long to go on.
        further: Frames that `terms` are about; their numbers begin at 1.
        terms: Costs beside that of following.
    """
    num_joints = len(robot.joint_names)
    follow = PoseCost(
        frame_id=0,
        target_m=targets.p_m,
        target=targets.R,
        weight=targets.is_wanted.astype(float),
        sigma_m=weights.position_m,
        sigma_rad=weights.rotation_rad * TASKS[robot.follows].rotation_factor,
        robust=weights.robust,
        far_m=weights.far_m,
        far_rad=weights.far_rad,
    )
    regularizer = Regularizer(
        sigma_acceleration=np.full(num_joints, weights.acceleration),
        rest=robot.home,
        sigma_rest=np.full(num_joints, weights.home),
    )
    frames = [*robot.frames().values(), *further]
    tree = robot.tree(frames) if further else robot.kinematics
    problem = Problem(tree, [follow, *terms], regularizer, robot.limits, targets.time_s)
    return solve(problem, start, options=options)


def judged(
    robot: ArmRobot,
    joints: Float[np.ndarray, "time joint"],
    targets: Targets,
    *,
    tolerance_m: float,
    tolerance_rad: Float[np.ndarray, " time"] | float,
) -> TrajectorySolution:
    """How joint values meet the targets, and whether an arm without velocity limits would.

    Args:
        robot: Kinematics and limits.
        joints: Joint values [rad or m].
        targets: What was to be followed.
        tolerance_m: Position error that still counts as reached [m].
        tolerance_rad: Error of what is judged of the rotation that still counts as reached, one
            for all frames or one for each [rad].
    """
    within_rad = np.broadcast_to(tolerance_rad, len(joints))
    error_m, error_rad, judged_rad = _errors(robot, joints, targets)
    is_reached = (error_m <= tolerance_m) & (judged_rad <= within_rad)
    missed = np.flatnonzero(targets.is_wanted & ~is_reached)
    is_too_fast = np.zeros(len(joints), bool)
    if len(missed):
        part = Targets(
            targets.R[missed],
            targets.p_m[missed],
            targets.time_s[missed],
            targets.is_wanted[missed],
        )
        alone = solve_poses(robot, part.R, part.p_m, joints[missed])
        alone_m, _, alone_rad = _errors(robot, alone, part)
        is_too_fast[missed] = (alone_m <= tolerance_m) & (alone_rad <= within_rad[missed])
    return TrajectorySolution(joints, error_m, error_rad, judged_rad, is_reached, is_too_fast)


def _errors(
    robot: ArmRobot, joints: np.ndarray, targets: Targets
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distance, angle of the rotation, and angle that is judged; NaN where there is no target."""
    reached = robot.pose(joints)
    error = pose_error(reached, targets.R, targets.p_m)
    error[~targets.is_wanted] = np.nan
    judged = TASKS[robot.follows].angle(reached.R, targets.R)
    judged = np.where(targets.is_wanted, judged, np.nan)
    return np.linalg.norm(error[:, :3], axis=1), np.linalg.norm(error[:, 3:], axis=1), judged
