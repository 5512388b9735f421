"""Following a sequence of camera-frame poses with an arm: place the base, guess, solve."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.arm.base_placement import Placement, find_placements
from rotoscope.retarget.arm.initial_guess import initial_guess
from rotoscope.retarget.arm.solve import (
    TrajectorySolution,
    solve_trajectory,
)
from rotoscope.retarget.arm.targets import Targets, TrajectoryWeights
from rotoscope.retarget.arm.task import DEFAULT_TOLERANCE_M, DEFAULT_TOLERANCE_RAD
from rotoscope.retarget.common.gaps import fill_short_gaps
from rotoscope.retarget.robots.arm import ArmRobot

logger = logging.getLogger(__name__)

GOOD_SHARE = 0.95
"""A place from which this share of the poses is reached is taken without trying another."""
MAX_PLACES_TRIED = 3
"""Places that the whole trajectory is solved from at most."""
SAME_PLACE = 0.05
"""Places whose matrices differ less than this [m, or 1 for axes] are not worth trying both."""


@dataclass(frozen=True)
class FollowSettings:
    """What may be chosen when poses are followed."""

    camera_pitch_rad: float = 0.0
    """How far the camera looks down below the horizon [rad]."""
    tolerance_m: float = DEFAULT_TOLERANCE_M
    """Position error that still counts as reached [m]."""
    tolerance_rad: Float[np.ndarray, " time"] | float = DEFAULT_TOLERANCE_RAD
    """Rotation error that still counts as reached, one for all frames or one for each [rad]."""
    max_bridge_s: float = 0.2
    """Shorter stretches without a pose are bridged [s]."""
    weights: TrajectoryWeights = field(default_factory=TrajectoryWeights)
    """1-sigma of each cost; smaller is stricter."""


@dataclass(frozen=True, eq=False)
class Followed:
    """What the arm does in the frames where its joint values are known."""

    frames: Int[np.ndarray, " known"]
    """Frames of the clip that are solved for: those with a pose, and short gaps between them."""
    T_camera_base: Float[np.ndarray, "4 4"]
    """Where the base stands in the camera frame [m]."""
    placement: Placement | None
    """How well it stands there; `None` where it was given."""
    targets: Targets
    """What is followed in those frames, in the frame of the base."""
    solution: TrajectorySolution
    """Joint values and errors in those frames."""


def follow_poses(
    robot: ArmRobot,
    T_camera_ee: Float[np.ndarray, "time 4 4"],
    is_wanted: Bool[np.ndarray, " time"],
    time_s: Float[np.ndarray, " time"],
    *,
    T_camera_base: Float[np.ndarray, "4 4"] | None = None,
    settings: FollowSettings | None = None,
) -> Followed:
    """Joint values that bring the end effector to each wanted pose, for all frames together.

    Args:
        robot: The arm.
        T_camera_ee: End-effector poses in the camera frame [m].
        is_wanted: Frames whose pose is to be followed; at least one.
        time_s: Frame times [s].
        T_camera_base: Where the base stands [m]; found when absent.
        settings: Tolerances and weights.
    """
    settings = settings or FollowSettings()
    frames = np.flatnonzero(fill_short_gaps(is_wanted, time_s, settings.max_bridge_s))
    tolerance_rad = np.broadcast_to(settings.tolerance_rad, len(time_s))[frames]
    poses = _Poses(T_camera_ee[frames], is_wanted[frames], time_s[frames], tolerance_rad, frames)
    if T_camera_base is not None:
        best = _follow_from(robot, poses, T_camera_base, None, settings)
    else:
        best = _follow_from_best_place(robot, poses, settings)
    _report(robot, best, int(is_wanted.sum()))
    return best


@dataclass(frozen=True, eq=False)
class _Poses:
    """What is to be followed, in the frames that are solved for."""

    T_camera_ee: np.ndarray
    is_wanted: np.ndarray
    time_s: np.ndarray
    tolerance_rad: np.ndarray
    frames: np.ndarray


def _follow_from_best_place(robot: ArmRobot, poses: _Poses, settings: FollowSettings) -> Followed:
    wanted = poses.is_wanted
    placements = find_placements(
        robot,
        poses.T_camera_ee[wanted],
        poses.time_s[wanted],
        camera_pitch_rad=settings.camera_pitch_rad,
        tolerance_m=settings.tolerance_m,
        tolerance_rad=poses.tolerance_rad[wanted],
    )
    tried: list[Followed] = []
    for placement in placements:
        T = placement.T_camera_base
        if any(np.abs(T - other.T_camera_base).max() < SAME_PLACE for other in tried):
            continue
        tried.append(_follow_from(robot, poses, T, placement, settings))
        is_good = tried[-1].solution.is_reached.sum() >= GOOD_SHARE * wanted.sum()
        if is_good or len(tried) == MAX_PLACES_TRIED:
            break
    return max(tried, key=lambda followed: int(followed.solution.is_reached.sum()))


def _follow_from(
    robot: ArmRobot,
    poses: _Poses,
    T_camera_base: Float[np.ndarray, "4 4"],
    placement: Placement | None,
    settings: FollowSettings,
) -> Followed:
    T_base_ee = se3.inverse(T_camera_base) @ np.where(
        poses.is_wanted[:, None, None], poses.T_camera_ee, np.eye(4)
    )
    targets = Targets(T_base_ee[:, :3, :3], T_base_ee[:, :3, 3], poses.time_s, poses.is_wanted)
    known_frames, known_joints = np.zeros(0, int), np.zeros((0, len(robot.joint_names)))
    if placement is not None:
        known_frames = np.flatnonzero(poses.is_wanted)[placement.waypoints]
        known_joints = placement.joints
    solution = solve_trajectory(
        robot,
        targets,
        initial_guess(robot, targets, known_frames, known_joints),
        weights=settings.weights,
        tolerance_m=settings.tolerance_m,
        tolerance_rad=poses.tolerance_rad,
    )
    return Followed(poses.frames, T_camera_base, placement, targets, solution)


def _report(robot: ArmRobot, followed: Followed, num_wanted: int) -> None:
    placement = followed.placement
    how = "as given"
    if placement is not None:
        how = (
            f"found with score {placement.score:.3f} (reaches {placement.reachable_share:.0%} of "
            f"{len(placement.waypoints)} waypoints, manipulability {placement.manipulability:.2f})"
        )
    solution = followed.solution
    logger.info(
        "base of %s at %s m in the camera frame, %s; %d of %d poses reached, %d too fast",
        robot.name,
        np.round(followed.T_camera_base[:3, 3], 3).tolist(),
        how,
        int(solution.is_reached.sum()),
        num_wanted,
        int(solution.is_too_fast.sum()),
    )
