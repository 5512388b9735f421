"""What two arms do for two hands, as one action track: every frame with a value or a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.stage import Tracks
from rotoscope.pipeline.tracks import (
    BOTH,
    REASONS,
    SIDES,
    ActionTrack,
    GripperTrack,
    QualityTrack,
    Side,
    median_rate_hz,
    scatter,
)
from rotoscope.retarget.arm.both_hands import FollowedPair, Hands, follow_both
from rotoscope.retarget.arm.follow_poses import FollowSettings
from rotoscope.retarget.arm.grip import gripper_percent, own_opening, rotation_tolerance
from rotoscope.retarget.arm.pair_solve import ee_in_base
from rotoscope.retarget.arm.verdict import judge_arm
from rotoscope.retarget.collision.model import CollisionModel
from rotoscope.retarget.collision.overlap import TOLERANCE_OVERLAP_M
from rotoscope.retarget.robots.two_arms import TwoArmRobot

KINDS = ("position", "rotation", "gripper")
"""What can be relied on by itself, of each hand."""
OPEN = 1.0
"""Opening of a gripper whose hand was never seen, 0..1."""


@dataclass(frozen=True, eq=False)
class Ask:
    """What a recipe asks of two arms."""

    settings: FollowSettings
    """Tolerances and weights."""
    T_camera_base: Float[np.ndarray, "4 4"] | None
    """Where the frame of both stands [m]; found when absent."""
    table_m: float | None
    """Height of the table over the base [m]; found when absent."""
    tolerance_rotation_rad: float
    """A larger angle to the wanted rotation makes a frame invalid [rad]."""
    tolerance_gripper_percent: float
    """A gripper further from its wanted opening makes a frame invalid [percent]."""


@dataclass(frozen=True, eq=False)
class _Arm:
    """One arm's part of the action, in the frames that are known."""

    values: Float[np.ndarray, "known own"]
    """Joints [rad or m], then opening [percent]."""
    ee: Float[np.ndarray, "known 7"]
    """End effector in the frame of both [m, rad, percent]."""
    valid: Bool[np.ndarray, "known 3"]
    """Of each of `KINDS`."""
    chance: Float[np.ndarray, "known 3"]
    """Chance of each; nobody states how sure the opening is."""
    whole_chance: Float[np.ndarray, " known"]
    """Chance of what the arm was asked for."""
    reason: np.ndarray
    """Why it does not do what it was asked for, as an index into `REASONS`."""
    error: Float[np.ndarray, "known 2"]
    """Distance [m] and angle [rad] to what was wanted; NaN where nothing was."""
    is_slowed: Bool[np.ndarray, " known"]
    """Good within sigma alone."""


def label_both(
    labeler: str,
    robot: TwoArmRobot,
    shapes: CollisionModel,
    grippers: Sequence[GripperTrack],
    time_s: Float[np.ndarray, " time"],
    ask: Ask,
) -> Tracks:
    """One action track of both hands, and facts about it.

    A frame is valid where both hands are. A hand that is not seen holds still; its own groups are
    not valid, those of the other hand may be.

    Args:
        labeler: Kind of the stage.
        robot: Both arms.
        shapes: Their shapes.
        grippers: The hands as grippers; one may be missing.
        time_s: Frame times [s].
        ask: What the recipe asks for.
    """
    name, num = f"actions.{labeler}.{BOTH}", len(time_s)
    found = {gripper.side: gripper for gripper in grippers}
    hands = _hands(robot, found, time_s, ask)
    empty = _nothing_known(labeler, robot, time_s)
    if hands.num_wanted == 0:
        return {name: empty}
    followed = follow_both(
        robot,
        shapes,
        hands,
        T_camera_base=ask.T_camera_base,
        table_m=ask.table_m,
        settings=ask.settings,
    )
    frames = followed.frames
    arms = [_arm(robot, side, found.get(side), followed, hands, ask) for side in SIDES]
    touching = _touching(followed)
    for arm in arms:
        arm.valid[touching > 0, :2] = False
    valid = REASONS.index("valid")
    reason = np.maximum(arms[0].reason, arms[1].reason)
    # What both lack is said of the frame before what one does: seen by nobody is no collision.
    reason = np.where((reason == valid) & (touching > 0), touching, reason).astype(np.uint8)
    own = [arm.whole_chance for arm in arms]
    is_whole = [arm.reason == valid for arm in arms]
    chance = np.where(
        reason == valid, own[0] * own[1], np.select(is_whole, own, np.fmin(own[0], own[1]))
    )
    errors = np.stack([arm.error for arm in arms])
    worst = np.where(np.isnan(errors).all(axis=0), np.nan, np.fmax(errors[0], errors[1]))
    track = empty.replace(
        values=scatter(np.concatenate([a.values for a in arms], axis=1), frames, num),
        valid=scatter(reason == valid, frames, num, False),
        confidence=scatter(np.nan_to_num(chance), frames, num, 0.0),
        reason=scatter(reason, frames, num, REASONS.index("not_seen")),
        ee_values=scatter(np.concatenate([a.ee for a in arms], axis=1), frames, num),
        target_error_m=scatter(worst[:, 0], frames, num),
        target_error_rad=scatter(worst[:, 1], frames, num),
        T_camera_base=followed.T_camera_base,
        group_valid=scatter(np.concatenate([a.valid for a in arms], axis=1), frames, num, False),
        group_confidence=scatter(
            np.concatenate([a.chance for a in arms], axis=1), frames, num, 0.0
        ),
    )
    facts = _facts(followed, arms, touching)
    return {name: track, f"quality.{labeler}.{BOTH}": QualityTrack(BOTH, facts)}


def _hands(
    robot: TwoArmRobot,
    found: Mapping[Side, GripperTrack],
    time_s: Float[np.ndarray, " time"],
    ask: Ask,
) -> Hands:
    num, within_rad = len(time_s), ask.tolerance_rotation_rad
    poses, wanted, openings, tolerance = {}, {}, {}, {}
    for side in SIDES:
        gripper = found.get(side)
        poses[side] = np.full((num, 4, 4), np.nan) if gripper is None else gripper.T_camera_ee
        seen = np.isfinite(poses[side]).all(axis=(1, 2))
        wanted[side] = seen & gripper.known if gripper is not None else np.zeros(num, bool)
        arm = robot.arms[side]
        opening = np.full(num, np.nan) if gripper is None else own_opening(arm, gripper)
        tolerance[side] = (
            np.full(num, within_rad)
            if gripper is None
            else rotation_tolerance(arm, gripper, within_rad)
        )
        known = np.isfinite(opening)
        openings[side] = (
            np.interp(time_s, time_s[known], np.clip(opening[known], 0.0, 1.0))
            if known.any()
            else np.full(num, OPEN)
        )
    return Hands(poses, wanted, openings, tolerance, time_s)


def _arm(
    robot: TwoArmRobot,
    side: Side,
    gripper: GripperTrack | None,
    followed: FollowedPair,
    hands: Hands,
    ask: Ask,
) -> _Arm:
    arm, frames = robot.arms[side], followed.frames
    solution = followed.solution.arms[side]
    num = len(frames)
    opening, lag = gripper_percent(arm, hands.openings[side][frames], hands.time_s[frames])
    sigma_m, sigma_rad = np.full((num, 3), np.nan), np.full(num, np.nan)
    is_observed = np.zeros(num, bool)
    if gripper is not None:
        sigma_m, sigma_rad = gripper.sigma_position_m[frames], gripper.sigma_rotation_rad[frames]
        is_observed = gripper.valid[frames] & hands.is_wanted[side][frames]
        is_observed &= np.isfinite(gripper.opening[frames])
    verdict = judge_arm(
        solution,
        is_observed=is_observed,
        sigma_position_m=sigma_m,
        sigma_rotation_rad=sigma_rad,
        tolerance_m=ask.settings.tolerance_m,
        tolerance_rad=hands.tolerance_rad[side][frames],
    )
    is_lagging = lag > ask.tolerance_gripper_percent
    reason = verdict.reason.copy()
    not_seen = ~hands.is_wanted[side][frames]
    reason[not_seen] = REASONS.index("not_seen")
    reason[(reason == 0) & is_lagging] = REASONS.index("velocity_limit")
    T = ee_in_base(robot, side, followed.solution.joints)
    return _Arm(
        values=np.column_stack([solution.joints, opening]),
        ee=np.column_stack([T[:, :3, 3], se3.log_so3(T[:, :3, :3]), opening]),
        valid=np.stack([verdict.position, verdict.rotation, is_observed & ~is_lagging], axis=1),
        chance=np.column_stack(
            [verdict.position_chance, verdict.rotation_chance, np.full(num, np.nan)]
        ),
        whole_chance=verdict.position_chance * verdict.judged_chance,
        reason=reason,
        error=np.column_stack([solution.error_m, solution.error_rad]),
        is_slowed=verdict.is_slowed & ~is_lagging,
    )


def _touching(followed: FollowedPair) -> np.ndarray:
    """Reason of frames in which links are too far inside each other or below the table, else 0."""
    overlap = followed.solution.overlap
    return np.select(
        [overlap.itself_m > TOLERANCE_OVERLAP_M, overlap.below_m > TOLERANCE_OVERLAP_M],
        [REASONS.index("collision"), REASONS.index("below_ground")],
        0,
    )


def _facts(followed: FollowedPair, arms: Sequence[_Arm], touching: np.ndarray) -> dict[str, object]:
    overlap = followed.solution.overlap
    facts: dict[str, object] = {
        "slowed_frames": int(sum(arm.is_slowed.sum() for arm in arms)),
        "touching_frames": int((touching > 0).sum()),
        "overlap_mm": round(1e3 * float(overlap.itself_m.max()), 3),
        "between_arms_mm": round(1e3 * float(overlap.between_m.max()), 3),
    }
    if followed.table_m is not None:
        facts["table_m"] = round(followed.table_m, 4)
        facts["below_table_mm"] = round(1e3 * float(overlap.below_m.max()), 3)
    for side, arm in zip(SIDES, arms, strict=True):
        facts[f"{side}_valid_frames"] = int(((arm.reason == 0) & (touching == 0)).sum())
    return facts


def _nothing_known(
    labeler: str, robot: TwoArmRobot, time_s: Float[np.ndarray, " time"]
) -> ActionTrack:
    num = len(time_s)
    groups = tuple(f"{side}.{kind}" for side in SIDES for kind in KINDS)
    unknown = ActionTrack.unknown(
        labeler=labeler,
        subject=BOTH,
        contract=robot.contract(rate_hz=median_rate_hz(time_s)),
        num_frames=num,
    )
    return unknown.replace(
        ee_values=np.full((num, 14), np.nan),
        target_error_m=np.full(num, np.nan),
        target_error_rad=np.full(num, np.nan),
        groups=groups,
        group_valid=np.zeros((num, len(groups)), bool),
        group_confidence=np.zeros((num, len(groups))),
    )
