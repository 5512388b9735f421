"""Following a sequence of camera-frame poses with an arm: place the base, guess, solve."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from pipeline.geometry import se3
from retarget.objective import Targets, TrajectoryWeights
from retarget.placement import Placement, find_placements
from retarget.robot import Robot
from retarget.start import first_guess
from retarget.trajectory import (
    DEFAULT_TOLERANCE_M,
    DEFAULT_TOLERANCE_RAD,
    TrajectorySolution,
    solve_trajectory,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FollowSettings:
    """What may be chosen when poses are followed."""

    camera_pitch_rad: float = 0.0
    """How far the camera looks down below the horizon [rad]."""
    tolerance_m: float = DEFAULT_TOLERANCE_M
    """Position error that still counts as reached [m]."""
    tolerance_rad: float = DEFAULT_TOLERANCE_RAD
    """Rotation error that still counts as reached [rad]."""
    max_bridge_s: float = 0.2
    """Shorter stretches without a pose are bridged [s]."""
    weights: TrajectoryWeights = field(default_factory=TrajectoryWeights)
    """How strictly each wish is held."""


@dataclass(frozen=True, eq=False)
class Followed:
    """What the arm does in the frames where its joint values are known."""

    frames: Int[np.ndarray, " known"]
    """Frames of the clip that are solved for: those with a pose, and short gaps between them."""
    T_camera_base: Float[np.ndarray, "4 4"]
    """Where the base stands in the camera frame [m]."""
    placement: Placement | None
    """How well it stands there; `None` where it was given."""
    solution: TrajectorySolution
    """Joint values and errors in those frames."""


def follow_poses(
    robot: Robot,
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
    wanted = np.flatnonzero(is_wanted)
    placement = None
    if T_camera_base is None:
        placement = find_placements(
            robot,
            T_camera_ee[wanted],
            time_s[wanted],
            camera_pitch_rad=settings.camera_pitch_rad,
            tolerance_m=settings.tolerance_m,
            tolerance_rad=settings.tolerance_rad,
        )[0]
        T_camera_base = placement.T_camera_base
    frames = np.flatnonzero(bridged(is_wanted, time_s, settings.max_bridge_s))
    T_base_ee = se3.inverse(T_camera_base) @ np.where(
        is_wanted[frames, None, None], T_camera_ee[frames], np.eye(4)
    )
    targets = Targets(T_base_ee[:, :3, :3], T_base_ee[:, :3, 3], time_s[frames], is_wanted[frames])
    start = first_guess(robot, targets, *_known_joints(robot, placement, wanted, frames))
    solution = solve_trajectory(
        robot,
        targets,
        start,
        weights=settings.weights,
        tolerance_m=settings.tolerance_m,
        tolerance_rad=settings.tolerance_rad,
    )
    followed = Followed(frames, T_camera_base, placement, solution)
    _report(robot, followed, len(wanted))
    return followed


def bridged(
    known: Bool[np.ndarray, " time"], time_s: Float[np.ndarray, " time"], max_gap_s: float
) -> Bool[np.ndarray, " time"]:
    """Known frames, and those between two known ones that are no more than `max_gap_s` apart."""
    out = known.copy()
    frames = np.flatnonzero(known)
    is_short = np.diff(time_s[frames]) <= max_gap_s
    for before, after in zip(frames[:-1][is_short], frames[1:][is_short], strict=True):
        out[before:after] = True
    return out


def _known_joints(
    robot: Robot, placement: Placement | None, wanted: np.ndarray, frames: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Joint values known from placing the base, with their positions in `frames`."""
    if placement is None:
        return np.zeros(0, int), np.zeros((0, robot.chain.num_joints))
    return np.searchsorted(frames, wanted[placement.keyframes]), placement.joints


def _report(robot: Robot, followed: Followed, num_wanted: int) -> None:
    placement = followed.placement
    how = "as given"
    if placement is not None:
        how = (
            f"found with score {placement.score:.3f} (reaches {placement.reachable_share:.0%} of "
            f"{len(placement.keyframes)} key frames, comfort {placement.comfort:.2f})"
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
