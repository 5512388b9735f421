"""`retarget.arm`: what a hand did, as joint values of a robot arm with a gripper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float
from pydantic import Field, field_validator

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.stage import ClipStage, StageConfig, Tracks
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
from rotoscope.retarget.arm.follow_poses import Followed, FollowSettings, follow_poses
from rotoscope.retarget.arm.targets import TrajectoryWeights
from rotoscope.retarget.arm.verdict import ArmVerdict, judge_arm
from rotoscope.retarget.common.hand_choice import SideChoice, choose_hands
from rotoscope.retarget.gripper.rate_limit import possible_opening
from rotoscope.retarget.robots.arm import ArmRobot, load_arm
from rotoscope.retarget.robots.self_check import ensure_checked

Row4 = tuple[float, float, float, float]


class RetargetArmConfig(StageConfig):
    """Settings of `retarget.arm`."""

    robot: str = "panda"
    """A robot of `configs/robots`, or the path of a YAML file like those."""
    side: SideChoice = "best"
    """Which hand the arm follows. `best` is the one with the largest product of known frames and
    spread of motion; `each` gives every hand an arm of its own."""
    camera_pitch_rad: float = Field(default=0.0, ge=-np.pi / 2, le=np.pi / 2)
    """How far the camera looks down below the horizon [rad]; it is taken not to be rolled. The
    robot's base stands upright."""
    T_camera_base: tuple[Row4, Row4, Row4, Row4] | None = None
    """Where the robot's base is in the camera frame [m]; found automatically when absent."""
    tolerance_position_m: float = Field(default=5e-3, gt=0)
    """A larger distance to the wanted position makes a frame invalid [m]: what the task
    forgives. Where the arm is only too slow, up to one sigma of the wanted position is."""
    tolerance_rotation_rad: float = Field(default=0.0524, gt=0)
    """A larger angle to the wanted rotation makes a frame invalid [rad]; up to one sigma of the
    wanted rotation where the arm is only too slow."""
    tolerance_gripper_percent: float = Field(default=20.0, gt=0)
    """A gripper further from its wanted opening, because it cannot move faster, makes a frame
    invalid [percent]."""
    max_bridge_s: float = Field(default=0.2, ge=0)
    """Shorter stretches without a target are bridged smoothly and marked invalid [s]; in longer
    ones nothing is known."""
    sigma_position_m: float = Field(default=1e-3, gt=0)
    """1-sigma of the distance to a wanted position [m]; smaller follows more strictly, and gives up
    smoothness for it."""
    sigma_rotation_rad: float = Field(default=0.01, gt=0)
    """1-sigma of the angle to a wanted rotation [rad]; larger where only the place of the grasp
    matters, so that more of the motion is within reach."""
    sigma_acceleration: float = Field(default=30.0, gt=0)
    """1-sigma of joint accelerations [rad/s^2]; smaller is smoother and cuts fast corners."""
    sigma_home: float = Field(default=3.0, gt=0)
    """1-sigma of a joint's distance from its home value [rad]; smaller keeps a redundant arm nearer
    to the pose that its file calls home."""

    def follow_settings(self) -> FollowSettings:
        """What of this is about following poses."""
        return FollowSettings(
            camera_pitch_rad=self.camera_pitch_rad,
            tolerance_m=self.tolerance_position_m,
            tolerance_rad=self.tolerance_rotation_rad,
            max_bridge_s=self.max_bridge_s,
            weights=TrajectoryWeights(
                position_m=self.sigma_position_m,
                rotation_rad=self.sigma_rotation_rad,
                acceleration=self.sigma_acceleration,
                home=self.sigma_home,
            ),
        )

    @field_validator("T_camera_base")
    @classmethod
    def _is_rigid(cls, rows: tuple[Row4, ...] | None) -> tuple[Row4, ...] | None:
        if rows is not None:
            T = np.array(rows)
            is_rotation = np.allclose(T[:3, :3] @ T[:3, :3].T, np.eye(3), atol=1e-3)
            if not is_rotation or np.linalg.det(T[:3, :3]) < 0 or T[3].tolist() != [0, 0, 0, 1]:
                raise ValueError("must be a rigid motion: a rotation, a translation, and 0 0 0 1")
        return rows


class RetargetArm(ClipStage):
    """Places a robot arm where it can do what the hand did, and computes its joint values.

    Joint position and velocity limits hold in every frame and between frames. A frame whose
    gripper pose the arm cannot take is marked invalid with the reason, and keeps the nearest
    values that the arm can take. An arm that is too slow goes slower than the hand: while it stays
    within the sigma of the hand's pose the frame is valid, `label.target_error` says how far off it
    is, and the episode's quality how many such frames there are (`slowed_frames`).
    """

    kind = "retarget.arm"
    version = "6"
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

    def setup(self) -> None:
        """Reads the robot's files and checks, once for these files, that they are understood."""
        ensure_checked(self.robot)

    def cache_token(self) -> str:
        """Checksum of the robot's files: editing one runs this stage again."""
        return self.robot.checksum

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """One `ActionTrack` per followed hand, named `actions.retarget.arm.<side>`."""
        found = [track for track in tracks.values() if isinstance(track, GripperTrack)]
        out: Tracks = {}
        for gripper in choose_hands(found, self.config.side):
            out |= self._one(gripper, clip.time_s)
        return out

    def _one(self, gripper: GripperTrack, time_s: Float[np.ndarray, " time"]) -> Tracks:
        config, name = self.config, f"{self.kind}.{gripper.side}"
        is_wanted = gripper.known & np.isfinite(gripper.T_camera_ee).all(axis=(1, 2))
        if not is_wanted.any():
            return {f"actions.{name}": self._nothing_known(gripper, time_s)}
        given = None if config.T_camera_base is None else np.array(config.T_camera_base)
        tolerance_rad = self._tolerance_rad(gripper)
        followed = follow_poses(
            self.robot,
            gripper.T_camera_ee,
            is_wanted,
            time_s,
            T_camera_base=given,
            settings=replace(config.follow_settings(), tolerance_rad=tolerance_rad),
        )
        solution, frames = followed.solution, followed.frames
        share = gripper.max_opening_m / self.robot.config.gripper.max_opening_m
        opening, lag = self._gripper_percent(share * gripper.opening[frames], time_s[frames])
        verdict = judge_arm(
            solution,
            is_observed=gripper.valid[frames] & np.isfinite(opening),
            sigma_position_m=gripper.sigma_position_m[frames],
            sigma_rotation_rad=gripper.sigma_rotation_rad[frames],
            tolerance_m=config.tolerance_position_m,
            tolerance_rad=tolerance_rad[frames],
        )
        is_lagging = lag > config.tolerance_gripper_percent
        actions = self._track(gripper, time_s, followed, verdict, opening, is_lagging)
        facts = {"slowed_frames": int((verdict.is_slowed & ~is_lagging).sum())}
        return {f"actions.{name}": actions, f"quality.{name}": QualityTrack(gripper.side, facts)}

    def _track(
        self,
        gripper: GripperTrack,
        time_s: Float[np.ndarray, " time"],
        followed: Followed,
        verdict: ArmVerdict,
        opening: Float[np.ndarray, " known"],
        is_lagging: Bool[np.ndarray, " known"],
    ) -> ActionTrack:
        robot, solution, frames = self.robot, followed.solution, followed.frames
        valid, too_fast = REASONS.index("valid"), REASONS.index("velocity_limit")
        reason = verdict.reason.copy()
        reason[(reason == valid) & is_lagging] = too_fast
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

    def _tolerance_rad(self, gripper: GripperTrack) -> Float[np.ndarray, " time"]:
        """Angle that still counts as reached in each frame.

        An arm that cannot turn every way follows the approach as far as its joints do: where what
        is left is within one sigma of the hand's own rotation, nobody can say that it is wrong.
        """
        tolerance = np.full(len(gripper.valid), self.config.tolerance_rotation_rad)
        if self.robot.follows == "pose":
            return tolerance
        return np.fmax(tolerance, gripper.sigma_rotation_rad)

    def _gripper_percent(
        self, opening: Float[np.ndarray, " known"], time_s: Float[np.ndarray, " known"]
    ) -> tuple[Float[np.ndarray, " known"], Float[np.ndarray, " known"]]:
        """The opening that the gripper can have, and how far that is from the wanted one [%]."""
        known = np.isfinite(opening)
        if not known.any():
            return opening, np.zeros(len(opening))
        wanted = np.interp(time_s, time_s[known], np.clip(opening[known], 0.0, 1.0))
        max_rate = self.robot.config.gripper.max_rate_percent_s / 100.0
        possible = possible_opening(wanted, time_s, max_rate=max_rate)
        return 100.0 * possible, 100.0 * np.abs(possible - wanted)

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
