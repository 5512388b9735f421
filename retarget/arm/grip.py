"""What an arm makes of a hand as a gripper: its own opening, and how exactly it can turn."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.tracks import GripperTrack
from rotoscope.retarget.gripper.rate_limit import possible_opening
from rotoscope.retarget.robots.arm import ArmRobot


def gripper_percent(
    robot: ArmRobot, opening: Float[np.ndarray, " known"], time_s: Float[np.ndarray, " known"]
) -> tuple[Float[np.ndarray, " known"], Float[np.ndarray, " known"]]:
    """The opening that the gripper can have, and how far that is from the wanted one [%].

    Args:
        robot: The arm that carries it.
        opening: Wanted opening, 0 closed to 1 open; NaN where unknown.
        time_s: Frame times [s].
    """
    known = np.isfinite(opening)
    if not known.any():
        return opening, np.zeros(len(opening))
    wanted = np.interp(time_s, time_s[known], np.clip(opening[known], 0.0, 1.0))
    max_rate = robot.config.gripper.max_rate_percent_s / 100.0
    possible = possible_opening(wanted, time_s, max_rate=max_rate)
    return 100.0 * possible, 100.0 * np.abs(possible - wanted)


def own_opening(robot: ArmRobot, gripper: GripperTrack) -> Float[np.ndarray, " time"]:
    """What a hand's opening is of the arm's own gripper, 0..1; more where that is too small."""
    share = gripper.max_opening_m / robot.config.gripper.max_opening_m
    return share * gripper.opening


def rotation_tolerance(
    robot: ArmRobot, gripper: GripperTrack, tolerance_rad: float
) -> Float[np.ndarray, " time"]:
    """Angle that still counts as reached in each frame [rad].

    An arm that cannot turn every way follows the approach as far as its joints do: where what is
    left is within one sigma of the hand's own rotation, nobody can say that it is wrong.
    """
    tolerance = np.full(len(gripper.valid), tolerance_rad)
    if robot.follows == "pose":
        return tolerance
    return np.fmax(tolerance, gripper.sigma_rotation_rad)
