"""One number for how far to trust an action."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

HALF_POSITION_M = 0.02
"""1-sigma along an axis at which trust in it is halved [m]: about the width of a fingertip."""
HALF_ROTATION_RAD = float(np.deg2rad(10.0))
"""1-sigma of the rotation at which trust in it is halved [rad]."""
LIMIT_ZONE_RAD = float(np.deg2rad(5.0))
"""Distance to a joint limit below which trust falls, to half at the limit [rad]."""
FILLED_FACTOR = 0.5
"""Trust in a frame that nobody observed, against one with the same sigma that was."""


def action_confidence(
    *,
    sigma_position_m: Float[np.ndarray, "time 3"],
    sigma_rotation_rad: Float[np.ndarray, " time"],
    error_m: Float[np.ndarray, " time"],
    error_rad: Float[np.ndarray, " time"],
    room_rad: Float[np.ndarray, " time"],
    is_observed: Bool[np.ndarray, " time"],
) -> Float[np.ndarray, " time"]:
    """How far to trust each frame's action, 0..1; 0 where anything it is made of is unknown.

    `sqrt(p * r) * l * o`, the geometric mean of trust in the position and in the rotation, where

    - p is the mean over the three axes of `h(s / 2 cm)` with `h(x) = 1 / (1 + x^2)` and s^2 the
      variance of the target along that axis plus a third of the squared distance that the arm
      stays away from it,
    - r is `h(s / 10 deg)` with s^2 the same for the rotation,
    - l rises from 1/2 at a joint limit to 1 at 5 degrees from it,
    - o is 1 for an observed hand and 1/2 for one filled in.

    One axis of unknown depth thus leaves the two that are well known their share.

    Args:
        sigma_position_m: 1-sigma of the target position along three axes [m].
        sigma_rotation_rad: 1-sigma of the target rotation [rad].
        error_m: Distance between the wanted and the reached position [m].
        error_rad: Angle between the wanted and the reached rotation [rad].
        room_rad: Distance of the joint nearest to one of its limits from it [rad].
        is_observed: Whether the hand was seen in the frame.
    """
    position2 = sigma_position_m**2 + error_m[:, None] ** 2 / 3.0
    rotation2 = sigma_rotation_rad**2 + error_rad**2
    position = (1.0 / (1.0 + position2 / HALF_POSITION_M**2)).mean(axis=1)
    rotation = 1.0 / (1.0 + rotation2 / HALF_ROTATION_RAD**2)
    trust = np.sqrt(position * rotation)
    trust *= 0.5 + 0.5 * np.clip(room_rad / LIMIT_ZONE_RAD, 0.0, 1.0)
    trust *= np.where(is_observed, 1.0, FILLED_FACTOR)
    return np.nan_to_num(trust, nan=0.0)
