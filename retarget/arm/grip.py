"""The opening of a gripper that is no faster than it can be."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

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
