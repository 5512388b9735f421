"""`retarget.hand`: what a hand did, as joint values of a dexterous hand, alone or on an arm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float, Int
from pydantic import Field

from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.stage import ClipStage, StageConfig, Tracks
from rotoscope.pipeline.tracks import (
    REASONS,
    ActionTrack,
    FeatureTrack,
    HandTrack,
    QualityTrack,
    Side,
    Track,
    median_rate_hz,
    scatter,
)
from rotoscope.pipeline.types import Clip
from rotoscope.retarget.arm.follow_poses import Followed, FollowSettings
from rotoscope.retarget.arm.verdict import ArmVerdict, judge_arm
from rotoscope.retarget.common.confidence import tips_chance
from rotoscope.retarget.common.gaps import fill_short_gaps
from rotoscope.retarget.common.hand_choice import SideChoice, choose_hands
from rotoscope.retarget.hand.follow_hand import HandMotion, follow_hand, follow_wrist_with_arm
from rotoscope.retarget.hand.targets import PinchSettings, hand_length_m, vector_names
from rotoscope.retarget.hand.tips_sigma import tips_sigma
from rotoscope.retarget.hand.vector_objective import VectorWeights
from rotoscope.retarget.robots.arm import ArmRobot, load_arm
from rotoscope.retarget.robots.robot import HandRobot, load_hand
from rotoscope.retarget.robots.self_check import ensure_checked


class RetargetHandConfig(StageConfig):
    """Settings of `retarget.hand`."""

    robot: str = "allegro_right"
    """A dexterous hand of `configs/robots`, or the path of a YAML file like those."""
    arm: str | None = None
    """The arm that carries it; the hand alone when absent."""
    side: SideChoice = "best"
    """Which human hand is followed. `best` is the one that works most; a hand of the other side
    than the robot's is mirrored."""
    scale: float | None = Field(default=None, gt=0)
    """Robot hand size over human hand size; from the lengths of the fingers when absent. Smaller
    closes the robot's hand more."""
    max_bridge_s: float = Field(default=0.2, ge=0)
    """Shorter stretches without a hand are bridged smoothly and marked invalid [s]."""
    tolerance_tip_share: float = Field(default=0.25, gt=0)
    """A fingertip further than this from where it should be makes a frame invalid, as a share of
    the robot's hand from palm to fingertip: hands with few joints cannot be everywhere."""
    mount_m: tuple[float, float, float] = (-0.1, 0.0, 0.0)
    """The palm point in the end-effector frame of the arm's gripper [m]; x is the approach
    direction, y the closing direction. The default stands near the flange."""
    camera_pitch_rad: float = Field(default=0.0, ge=-np.pi / 2, le=np.pi / 2)
    """How far the camera looks down below the horizon [rad]; for placing the arm's base."""
    weights: VectorWeights = Field(default_factory=VectorWeights)
    """1-sigma of each cost; smaller is stricter."""
    pinch: PinchSettings = Field(default_factory=PinchSettings)
    """How thumb and finger meet."""


class RetargetHand(ClipStage):
    """Makes a dexterous hand do what a human hand did, inside all joint limits.

    Position and velocity limits hold in every frame and between frames. What is not so good in a
    frame is said with its reason, and the numbers behind it are in the columns `label.solver`.
    """

    kind = "retarget.hand"
    version = "5"
    requires = ("hands",)
    provides = ("actions", "features", "quality")
    loosened_by: ClassVar[Mapping[str, str]] = {
        "velocity_limit": "higher tolerance_tip_share",
        "unreachable": "higher tolerance_tip_share",
    }
    Config = RetargetHandConfig
    config: RetargetHandConfig

    @cached_property
    def robot(self) -> HandRobot:
        """The hand that the recipe names."""
        return load_hand(self.config.robot)

    @cached_property
    def arm(self) -> ArmRobot | None:
        """The arm that carries it, if any."""
        return load_arm(self.config.arm) if self.config.arm else None

    def setup(self) -> None:
        """Reads the robots' files and compares their kinematics with MuJoCo's."""
        ensure_checked(self.robot)
        if self.arm is not None:
            ensure_checked(self.arm)

    def cache_token(self) -> str:
        """Checksum of the robots' files: editing one runs this stage again."""
        return self.robot.checksum + (self.arm.checksum if self.arm else "")

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """One `ActionTrack` per followed hand, and the solver's numbers as columns."""
        found = [track for track in tracks.values() if isinstance(track, HandTrack)]
        out: Tracks = {}
        for hand in choose_hands(found, self.config.side):
            out |= self._one(hand, clip.time_s)
        return out

    def _one(self, hand: HandTrack, time_s: Float[np.ndarray, " time"]) -> Tracks:
        name = f"actions.{self.kind}.{hand.side}"
        if hand.joints_m is None or hand.T_camera_wrist is None:
            raise TrackError(
                f"hands.{hand.side} has no metric joints; put the stage 'lift' before "
                f"'{self.kind}' in the recipe"
            )
        wanted = hand.known & np.isfinite(hand.joints_m).all(axis=(1, 2))
        wanted &= np.isfinite(hand.T_camera_wrist).all(axis=(1, 2))
        if wanted.sum() < 2:
            return {name: self._nothing_known(hand.side, time_s)}
        frames = np.flatnonzero(fill_short_gaps(wanted, time_s, self.config.max_bridge_s))
        motion = follow_hand(
            self.robot,
            np.where(wanted[:, None, None], hand.joints_m, np.nan)[frames],
            hand.side,
            time_s[frames],
            weights=self.config.weights,
            pinch=self.config.pinch,
            scale=self.config.scale,
            own_m=hand.hand_m[frames],
        )
        carried = None
        if self.arm is not None:
            carried = follow_wrist_with_arm(
                self.arm,
                hand.T_camera_wrist,
                wanted,
                time_s,
                mount_m=self.config.mount_m,
                settings=FollowSettings(
                    camera_pitch_rad=self.config.camera_pitch_rad,
                    max_bridge_s=self.config.max_bridge_s,
                ),
            )
        observed = (wanted & hand.valid)[frames]
        actions = self._actions(hand, motion, carried, observed, frames, time_s)
        return {name: actions} | self._records(hand.side, motion, carried, frames, time_s)

    def _actions(
        self,
        hand: HandTrack,
        motion: HandMotion,
        carried: Followed | None,
        is_observed: Bool[np.ndarray, " known"],
        frames: Int[np.ndarray, " known"],
        time_s: Float[np.ndarray, " time"],
    ) -> ActionTrack:
        track = self._nothing_known(hand.side, time_s)
        values, valid = track.values.copy(), track.valid.copy()
        confidence, reason = track.confidence.copy(), track.reason.copy()
        joints = motion.solution.joints
        if carried is not None:
            joints = np.concatenate([carried.solution.joints, joints], axis=1)
        arm = None if carried is None else self._arm_verdict(hand, carried, is_observed, frames)
        fingers, reason_known = self._fingers(motion, arm, is_observed)
        groups = {"fingers": (fingers, is_observed * self._fingers_chance(hand, motion, frames))}
        if arm is not None:
            groups = {
                "position": (arm.position, arm.position_chance),
                "rotation": (arm.rotation, arm.rotation_chance),
            } | groups
        chance = np.stack([chance for _, chance in groups.values()], axis=1)
        values[frames], reason[frames] = joints, reason_known
        valid[frames] = reason_known == REASONS.index("valid")
        confidence[frames] = chance.prod(axis=1)
        good = np.stack([good for good, _ in groups.values()], axis=1)
        track = track.replace(
            values=values,
            valid=valid,
            confidence=confidence,
            reason=reason,
            groups=tuple(groups),
            group_valid=scatter(good, frames, len(time_s), False),
            group_confidence=scatter(chance, frames, len(time_s), 0.0),
        )
        if carried is None:
            return track
        return track.replace(
            target_error_m=scatter(carried.solution.error_m, frames, len(time_s)),
            target_error_rad=scatter(carried.solution.error_rad, frames, len(time_s)),
            T_camera_base=carried.T_camera_base,
        )

    def _arm_verdict(
        self,
        hand: HandTrack,
        carried: Followed,
        is_observed: Bool[np.ndarray, " known"],
        frames: Int[np.ndarray, " known"],
    ) -> ArmVerdict:
        unknown = np.full((len(frames), 3), np.nan)
        sigma_m, sigma_rad = hand.sigma_position_m, hand.sigma_rotation_rad
        settings = FollowSettings()
        # Fingers that face elsewhere grasp nothing: a palm's whole rotation is asked of any arm.
        return judge_arm(
            replace(carried.solution, judged_rad=carried.solution.error_rad),
            is_observed=is_observed,
            sigma_position_m=unknown if sigma_m is None else sigma_m[frames],
            sigma_rotation_rad=unknown[:, 0] if sigma_rad is None else sigma_rad[frames],
            tolerance_m=settings.tolerance_m,
            tolerance_rad=np.broadcast_to(settings.tolerance_rad, len(frames)),
        )

    def _fingers(
        self, motion: HandMotion, arm: ArmVerdict | None, is_observed: Bool[np.ndarray, " known"]
    ) -> tuple[Bool[np.ndarray, " known"], np.ndarray]:
        """Whether the fingers are where they should be, and the reason of the whole action."""
        tips = motion.solution.error_m[:, : len(self.robot.config.tips)]
        is_far = _worst(tips) > self.config.tolerance_tip_share * hand_length_m(self.robot)
        is_fast = motion.num_at_speed_limit > 0
        names = np.select(
            [~is_observed, is_far & is_fast, is_far],
            ["gap_filled", "velocity_limit", "unreachable"],
            "valid",
        )
        reason = np.array([REASONS.index(name) for name in names], np.uint8)
        if arm is not None:
            # What the hand lacks comes first, then what the arm lacks.
            reason = np.where(arm.reason == REASONS.index("valid"), reason, arm.reason)
        return is_observed & ~is_far, reason.astype(np.uint8)

    def _fingers_chance(
        self, hand: HandTrack, motion: HandMotion, frames: Int[np.ndarray, " known"]
    ) -> Float[np.ndarray, " known"]:
        """Chance that the fingertips are near the truth, at the human hand's size."""
        error_m = motion.solution.error_m[:, : len(self.robot.config.tips)]
        left_m = np.sqrt(_mean(error_m**2)) / motion.scale
        return tips_chance(tips_sigma(hand)[frames], left_m)

    def _records(
        self,
        side: Side,
        motion: HandMotion,
        carried: Followed | None,
        frames: Int[np.ndarray, " known"],
        time_s: Float[np.ndarray, " time"],
    ) -> Tracks:
        error_mm = 1e3 * motion.solution.error_m
        tips = error_mm[:, : len(self.robot.config.tips)]
        names = vector_names(self.robot)
        solver = np.column_stack(
            [
                _mean(tips),
                error_mm,
                0.1 * _worst(tips) / hand_length_m(self.robot),
                motion.num_at_limit,
                motion.num_at_speed_limit,
            ]
        )
        columns = {
            "solver": FeatureTrack(
                "label.solver",
                side,
                scatter(solver, frames, len(time_s)),
                (
                    "tips_mean_mm",
                    *(f"{name}_mm" for name in names),
                    "worst_tip_percent",
                    "joints_at_limit",
                    "joints_at_speed_limit",
                ),
                "mm, %, 1",
                "How far each vector of the robot hand is from the human one at its size, the "
                "worst fingertip's as a share of the robot's hand, and joints at a position or "
                "velocity limit; NaN where a vector is not asked for.",
            )
        }
        if carried is not None and self.arm is not None:
            reached = self.arm.with_tool(se3.make(np.eye(3), np.array(self.config.mount_m))).pose(
                carried.solution.joints
            )
            pose = np.column_stack([reached.p_m, se3.continuous_rotation_vectors(reached.R)])
            columns["wrist"] = FeatureTrack(
                "label.wrist",
                side,
                scatter(pose, frames, len(time_s)),
                ("x", "y", "z", "wx", "wy", "wz"),
                "m, rad",
                "Pose of the palm in the arm's base frame: position, rotation vector; x along the "
                "fingers, y out of the palm.",
            )
        out: Tracks = {f"features.{key}.{side}": track for key, track in columns.items()}
        facts = {
            "hand_scale": round(motion.scale, 4),
            "tip_error_mm_mean": round(float(np.nanmean(tips)), 3),
            "frames_at_limit_share": round(float((motion.num_at_limit > 0).mean()), 4),
        }
        out[f"quality.{self.kind}.{side}"] = QualityTrack(side, facts)
        return out

    def _contract(self, rate_hz: float) -> ActionContract:
        hand = self.robot.contract(rate_hz=rate_hz)
        if self.arm is None:
            return hand
        arm = self.arm.contract(rate_hz=rate_hz)
        joints = arm.dimensions[: len(self.arm.joint_names)]
        return hand.model_copy(
            update={
                "robot": f"{self.arm.name}_{self.robot.name}",
                "dimensions": (*joints, *hand.dimensions),
            }
        )

    def _nothing_known(self, side: Side, time_s: Float[np.ndarray, " time"]) -> ActionTrack:
        return ActionTrack.unknown(
            labeler=self.kind,
            subject=side,
            contract=self._contract(median_rate_hz(time_s)),
            num_frames=len(time_s),
        )


def _worst(values: Float[np.ndarray, "time n"]) -> Float[np.ndarray, " time"]:
    """Largest of what is known; NaN where nothing is."""
    known = np.isfinite(values)
    return np.where(known.any(axis=1), np.where(known, values, -np.inf).max(axis=1), np.nan)


def _mean(values: Float[np.ndarray, "time n"]) -> Float[np.ndarray, " time"]:
    """Mean of what is known; NaN where nothing is."""
    known = np.isfinite(values)
    total = np.where(known, values, 0.0).sum(axis=1)
    return np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), np.nan)
