"""`retarget.arm`: what a hand did, as joint values of a robot arm with a gripper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.stage import ClipStage, Tracks
from rotoscope.pipeline.tracks import (
    REASONS,
    ActionTrack,
    GripperTrack,
    QualityTrack,
    Track,
    median_rate_hz,
    scatter,
)
from rotoscope.pipeline.types import Clip
from rotoscope.retarget.arm.both_actions import Ask, label_both
from rotoscope.retarget.arm.config import RetargetArmConfig
from rotoscope.retarget.arm.follow_poses import follow_poses
from rotoscope.retarget.arm.grip import gripper_percent, own_opening, rotation_tolerance
from rotoscope.retarget.arm.keep_apart import KeptApart, keep_apart
from rotoscope.retarget.arm.verdict import ArmVerdict, judge_arm
from rotoscope.retarget.collision.model import CollisionModel
from rotoscope.retarget.common.hand_choice import choose_hands
from rotoscope.retarget.robots.arm import ArmRobot, load_arm
from rotoscope.retarget.robots.self_check import ensure_checked
from rotoscope.retarget.robots.two_arms import TwoArmRobot, load_two_arms


class RetargetArm(ClipStage):
    """Places a robot arm where it can do what the hand did, and computes its joint values.

    Links are kept out of each other, by the shapes of the robot's file, and above the table where
    its height is given; a frame in which they are still over a centimeter inside is invalid.
    Joint position and velocity limits hold in every frame and between frames. A frame whose
    gripper pose the arm cannot take is marked invalid with the reason, and keeps the nearest
    values that the arm can take. An arm that is too slow goes slower than the hand: while it stays
    within the sigma of the hand's pose the frame is valid, `label.target_error` says how far off it
    is, and the episode's quality how many such frames there are (`slowed_frames`).
    """

    kind = "retarget.arm"
    version = "7"
    requires = ("gripper",)
    provides = ("actions", "quality")
    action_spaces = ("joints", "ee", "ee_position")
    loosened_by: ClassVar[Mapping[str, str]] = {
        "velocity_limit": "higher tolerance_rotation_rad",
        "unreachable": "higher tolerance_rotation_rad",
    }
    Config = RetargetArmConfig
    config: RetargetArmConfig

    @cached_property
    def robot(self) -> ArmRobot:
        """The arm that the recipe names."""
        return load_arm(self.config.robot)

    @cached_property
    def pair(self) -> TwoArmRobot:
        """The two arms that the recipe names, where both hands are followed."""
        return load_two_arms(self.config.robot)

    @cached_property
    def shapes(self) -> CollisionModel:
        """The shapes of the arm, or of both."""
        if self.config.side == "both":
            return CollisionModel(self.pair, margin_m=self.pair.config.margin_m)
        return CollisionModel(self.robot)

    @property
    def ask(self) -> Ask:
        """What the recipe asks of two arms."""
        config = self.config
        given = config.T_camera_base
        return Ask(
            settings=config.follow_settings(),
            T_camera_base=None if given is None else np.array(given),
            table_m=config.table_m,
            tolerance_rotation_rad=config.tolerance_rotation_rad,
            tolerance_gripper_percent=config.tolerance_gripper_percent,
        )

    def setup(self) -> None:
        """Reads the robot's files and checks, once for these files, that they are understood."""
        ensure_checked(self.pair if self.config.side == "both" else self.robot)
        # Compiling takes a while, which is then no part of a clip's time.
        _ = self.shapes

    def cache_token(self) -> str:
        """Checksum of the robot's files: editing one runs this stage again."""
        return self.pair.checksum if self.config.side == "both" else self.robot.checksum

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """One `ActionTrack` per followed hand, named `actions.retarget.arm.<side>`.

        One for both hands, `actions.retarget.arm.both`, where the robot has two arms.
        """
        found = [track for track in tracks.values() if isinstance(track, GripperTrack)]
        side = self.config.side
        if side == "both":
            return label_both(self.kind, self.pair, self.shapes, found, clip.time_s, self.ask)
        out: Tracks = {}
        for gripper in choose_hands(found, side):
            out |= self._one(gripper, clip.time_s)
        return out

    def _one(self, gripper: GripperTrack, time_s: Float[np.ndarray, " time"]) -> Tracks:
        config, name = self.config, f"{self.kind}.{gripper.side}"
        is_wanted = gripper.known & np.isfinite(gripper.T_camera_ee).all(axis=(1, 2))
        if not is_wanted.any():
            return {f"actions.{name}": self._nothing_known(gripper, time_s)}
        given = None if config.T_camera_base is None else np.array(config.T_camera_base)
        tolerance_rad = rotation_tolerance(self.robot, gripper, config.tolerance_rotation_rad)
        followed = follow_poses(
            self.robot,
            gripper.T_camera_ee,
            is_wanted,
            time_s,
            T_camera_base=given,
            settings=replace(config.follow_settings(), tolerance_rad=tolerance_rad),
        )
        frames = followed.frames
        wanted = own_opening(self.robot, gripper)[frames]
        opening, lag = gripper_percent(self.robot, wanted, time_s[frames])
        kept = keep_apart(
            self.robot,
            self.shapes,
            followed,
            fingers=[self.robot.finger_joints(o) for o in _shares(opening)],
            table_m=config.table_m,
            tolerance_rad=tolerance_rad[frames],
            settings=config.follow_settings(),
        )
        verdict = judge_arm(
            kept.followed.solution,
            is_observed=gripper.valid[frames] & np.isfinite(opening),
            sigma_position_m=gripper.sigma_position_m[frames],
            sigma_rotation_rad=gripper.sigma_rotation_rad[frames],
            tolerance_m=config.tolerance_position_m,
            tolerance_rad=tolerance_rad[frames],
        )
        is_lagging = lag > config.tolerance_gripper_percent
        actions = self._track(gripper, time_s, kept, verdict, opening, is_lagging)
        facts = {"slowed_frames": int((verdict.is_slowed & ~is_lagging).sum()), **_touching(kept)}
        return {f"actions.{name}": actions, f"quality.{name}": QualityTrack(gripper.side, facts)}

    def _track(
        self,
        gripper: GripperTrack,
        time_s: Float[np.ndarray, " time"],
        kept: KeptApart,
        verdict: ArmVerdict,
        opening: Float[np.ndarray, " known"],
        is_lagging: Bool[np.ndarray, " known"],
    ) -> ActionTrack:
        robot, followed = self.robot, kept.followed
        solution, frames = followed.solution, followed.frames
        valid = REASONS.index("valid")
        reason = verdict.reason.copy()
        for name, is_so in (
            ("velocity_limit", is_lagging),
            ("collision", kept.is_inside_itself),
            ("below_ground", kept.is_below_table),
        ):
            reason[(reason == valid) & is_so] = REASONS.index(name)
        groups = np.stack([verdict.position, verdict.rotation, gripper.valid[frames] & ~is_lagging])
        chances = np.stack([verdict.position_chance, verdict.rotation_chance])
        # How sure the opening is nobody states.
        stated = np.vstack([chances, np.full(len(frames), np.nan)])
        reached = robot.pose(solution.joints)
        ee = np.column_stack([reached.p_m, se3.log_so3(reached.R), opening])
        return self._nothing_known(gripper, time_s).replace(
            values=scatter(
                np.column_stack([solution.joints, opening]), frames, len(time_s), np.nan
            ),
            valid=scatter(reason == valid, frames, len(time_s), False),
            confidence=scatter(
                verdict.position_chance * verdict.judged_chance, frames, len(time_s), 0.0
            ),
            reason=scatter(reason, frames, len(time_s), REASONS.index("not_seen")),
            ee_values=scatter(ee, frames, len(time_s)),
            target_error_m=scatter(solution.error_m, frames, len(time_s)),
            target_error_rad=scatter(solution.error_rad, frames, len(time_s)),
            T_camera_base=followed.T_camera_base,
            groups=("position", "rotation", "gripper"),
            group_valid=scatter(groups.T, frames, len(time_s), False),
            group_confidence=scatter(stated.T, frames, len(time_s), 0.0),
        )

    def _nothing_known(
        self, gripper: GripperTrack, time_s: Float[np.ndarray, " time"]
    ) -> ActionTrack:
        num_frames = len(time_s)
        unknown = ActionTrack.unknown(
            labeler=self.kind,
            subject=gripper.side,
            contract=self.robot.contract(rate_hz=median_rate_hz(time_s)),
            num_frames=num_frames,
        )
        return unknown.replace(
            ee_values=np.full((num_frames, 7), np.nan),
            target_error_m=np.full(num_frames, np.nan),
            target_error_rad=np.full(num_frames, np.nan),
        )


def _shares(opening_percent: Float[np.ndarray, " known"]) -> list[float]:
    """Openings 0 closed to 1 open; open where unknown, which is where fingers reach furthest."""
    shares: list[float] = np.nan_to_num(opening_percent / 100.0, nan=1.0).tolist()
    return shares


def _touching(kept: KeptApart) -> dict[str, object]:
    """What the episode's quality says of it."""
    touching = kept.is_inside_itself | kept.is_below_table
    return {
        "touching_frames": int(touching.sum()),
        "overlap_mm": round(1e3 * float(kept.overlap.itself_m.max(initial=0.0)), 3),
    }
