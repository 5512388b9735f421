"""`retarget.arm`: what a hand did, as joint values of a robot arm with a gripper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import ClassVar, Literal

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
from rotoscope.retarget.arm.both_actions import Ask, label_both
from rotoscope.retarget.arm.follow_poses import Followed, FollowSettings, follow_poses
from rotoscope.retarget.arm.grip import gripper_percent, own_opening, rotation_tolerance
from rotoscope.retarget.arm.targets import TrajectoryWeights
from rotoscope.retarget.arm.verdict import ArmVerdict, judge_arm
from rotoscope.retarget.collision.model import CollisionModel
from rotoscope.retarget.common.hand_choice import choose_hands
from rotoscope.retarget.robots.arm import ArmRobot, load_arm
from rotoscope.retarget.robots.self_check import ensure_checked
from rotoscope.retarget.robots.two_arms import TwoArmRobot, load_two_arms

ArmSide = Literal["best", "left", "right", "each", "both"]
"""What `side` may be."""
Row4 = tuple[float, float, float, float]


class RetargetArmConfig(StageConfig):
    """Settings of `retarget.arm`."""

    robot: str = "panda"
    """A robot of `configs/robots`, or the path of a YAML file like those."""
    side: ArmSide = "best"
    """Which hand the arm follows. `best` is the one with the largest product of known frames and
    spread of motion; `each` gives every hand an arm and episodes of its own; `both` has a robot
    with two arms follow both in one episode."""
    camera_pitch_rad: float = Field(default=0.0, ge=-np.pi / 2, le=np.pi / 2)
    """How far the camera looks down below the horizon [rad]; it is taken not to be rolled. The
    robot's base stands upright."""
    T_camera_base: tuple[Row4, Row4, Row4, Row4] | None = None
    """Where the robot's base is in the camera frame [m]; found automatically when absent."""
    table_m: float | None = Field(default=None, ge=-2, le=2)
    """Height of the table over the base [m], which links of two arms keep above; when absent it is
    taken to lie just below the lowest place that a hand was at."""
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

    @cached_property
    def pair(self) -> TwoArmRobot:
        """The two arms that the recipe names, where both hands are followed."""
        return load_two_arms(self.config.robot)

    @cached_property
    def shapes(self) -> CollisionModel:
        """The shapes of both arms."""
        return CollisionModel(self.pair, margin_m=self.pair.config.margin_m)

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
        if self.config.side == "both":
            ensure_checked(self.pair)
            # Compiling takes a while, which is then no part of a clip's time.
            _ = self.shapes
        else:
            ensure_checked(self.robot)

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
        solution, frames = followed.solution, followed.frames
        wanted = own_opening(self.robot, gripper)[frames]
        opening, lag = gripper_percent(self.robot, wanted, time_s[frames])
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
