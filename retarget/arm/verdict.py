"""Which parts of an arm's action can be relied on in each frame, and why one cannot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from rotoscope.pipeline.tracks import REASONS
from rotoscope.retarget.arm.solve import TrajectorySolution
from rotoscope.retarget.common.confidence import position_chance, rotation_chance


@dataclass(frozen=True, eq=False)
class ArmVerdict:
    """What holds in each frame that was solved for."""

    position: Bool[np.ndarray, " known"]
    """Observed, and the end effector is where the hand was."""
    rotation: Bool[np.ndarray, " known"]
    """Observed, and turned as the hand was in full, whatever the arm was asked for."""
    is_slowed: Bool[np.ndarray, " known"]
    """Valid, though the arm is too slow to be within the tolerances: it is within sigma."""
    position_chance: Float[np.ndarray, " known"]
    """Chance that the position is near the truth (`retarget.common.confidence`), 0 unobserved."""
    rotation_chance: Float[np.ndarray, " known"]
    """The same of the rotation."""
    judged_chance: Float[np.ndarray, " known"]
    """The same of what the arm was asked for of it."""
    reason: UInt8[np.ndarray, " known"]
    """Why it does not do what it was asked for, as an index into `REASONS`: what the hand lacks
    before what the arm lacks."""


def judge_arm(
    solution: TrajectorySolution,
    *,
    is_observed: Bool[np.ndarray, " known"],
    sigma_position_m: Float[np.ndarray, "known 3"],
    sigma_rotation_rad: Float[np.ndarray, " known"],
    tolerance_m: float,
    tolerance_rad: Float[np.ndarray, " known"] | float,
) -> ArmVerdict:
    """The verdict on what an arm does.

    An arm that is too slow for a hand goes the nearest way that its limits allow, a little behind
    or beside it. Where that deviation is within one sigma of the hand's own pose (of its best known
    axis), nobody can say that the hand was not there, and the frame stays. A pose that the arm
    could not take however slow is held to the tolerances.

    Args:
        solution: What the arm does.
        is_observed: Frames in which the hand was seen.
        sigma_position_m: 1-sigma of the wanted position along three axes [m]; NaN where unknown.
        sigma_rotation_rad: 1-sigma of the wanted rotation [rad]; NaN where unknown.
        tolerance_m: Position error that counts as reached [m].
        tolerance_rad: Rotation error that counts as reached in each frame [rad].
    """
    is_fast = solution.is_too_fast
    within_m = np.where(is_fast, np.fmax(tolerance_m, sigma_position_m.min(axis=1)), tolerance_m)
    within_rad = np.where(is_fast, np.fmax(tolerance_rad, sigma_rotation_rad), tolerance_rad)
    position = is_observed & (solution.error_m <= within_m)
    rotation = is_observed & (solution.error_rad <= within_rad)
    is_missed = ~(position & (solution.judged_rad <= within_rad))
    names = np.select(
        [~is_observed, is_missed & ~is_fast, is_missed],
        ["gap_filled", "unreachable", "velocity_limit"],
        "valid",
    )
    return ArmVerdict(
        position=position,
        rotation=rotation,
        is_slowed=~is_missed & ~solution.is_reached,
        position_chance=is_observed * position_chance(sigma_position_m, solution.error_m),
        rotation_chance=is_observed * rotation_chance(sigma_rotation_rad, solution.error_rad),
        judged_chance=is_observed * rotation_chance(sigma_rotation_rad, solution.judged_rad),
        reason=np.array([REASONS.index(name) for name in names], np.uint8),
    )
