"""`retarget.upper_body`: what a seated or cropped person did, as arms and waist of a humanoid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from pydantic import Field

from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.stage import Tracks
from rotoscope.pipeline.tracks import (
    BODY_JOINTS,
    REASONS,
    SIDES,
    BodyTrack,
    FeatureTrack,
    QualityTrack,
    Track,
    scatter,
)
from rotoscope.pipeline.types import Clip
from rotoscope.retarget.common.confidence import limbs_chance
from rotoscope.retarget.common.gaps import fill_short_gaps
from rotoscope.retarget.common.level_frame import level_camera
from rotoscope.retarget.humanoid.follow_upper_body import (
    UpperBodyMotion,
    facing,
    follow_upper_body,
    is_seen,
    upright_torso,
)
from rotoscope.retarget.humanoid.human_skeleton import HumanMotion
from rotoscope.retarget.humanoid.humanoid_stage import HumanoidStage, HumanoidStageConfig
from rotoscope.retarget.humanoid.limbs_sigma import limbs_sigma
from rotoscope.retarget.humanoid.problem import HumanoidWeights

SHOULDERS = [BODY_JOINTS.index(f"{side}_shoulder") for side in SIDES]


class RetargetUpperBodyConfig(HumanoidStageConfig):
    """Settings of `retarget.upper_body`."""

    camera_pitch_rad: float = Field(default=0.0, ge=-np.pi / 2, le=np.pi / 2)
    """How far the camera looks down below the horizon [rad], where no ground was found; it is taken
    not to be rolled."""
    tolerance_limb_rad: float = Field(default=0.7, gt=0)
    """An arm further than this from the person's makes a frame invalid [rad]."""
    weights: HumanoidWeights = Field(default_factory=HumanoidWeights)
    """1-sigma of each cost; smaller is stricter. Those of legs, root and balance count for
    nothing."""


class RetargetUpperBody(HumanoidStage):
    """Makes arms and waist of a humanoid do what a person's upper body did; its legs stand at rest.

    For people who sit, or whose legs are out of the picture. Only shoulders and arms must be seen.
    Where hips are not, the torso is taken to be upright, turned as the shoulders are. The robot
    faces where the person faces most of the time.
    """

    kind = "retarget.upper_body"
    version = "1"
    requires = ("body",)
    provides = ("actions", "features", "quality")
    loosened_by: ClassVar[Mapping[str, str]] = {
        "unreachable": "higher tolerance_limb_rad",
        "collision": "higher tolerance_overlap_m",
    }
    Config = RetargetUpperBodyConfig
    config: RetargetUpperBodyConfig

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """One `ActionTrack` per person, its root pose and the solver's numbers as columns."""
        out: Tracks = {}
        for track in tracks.values():
            if isinstance(track, BodyTrack):
                out |= self._one(track, clip.time_s)
        return out

    def _one(self, track: BodyTrack, time_s: Float[np.ndarray, " time"]) -> Tracks:
        name = f"actions.{self.kind}.{track.subject}"
        if track.joints_m is None:
            raise TrackError(f"{self.kind} needs metric joints; put `lift_body` before it")
        joints = self._level(track)
        known = track.known & is_seen(joints, SHOULDERS)
        if known.sum() < 2:
            return {name: self.nothing_known(track, time_s)}
        frames = np.flatnonzero(fill_short_gaps(known, time_s, self.config.max_bridge_s))
        seen = np.where(known[frames][:, None, None], joints[frames], np.nan)
        torso = upright_torso(HumanMotion(seen, time_s[frames]))
        R = facing(torso)
        person = HumanMotion(seen @ R, time_s[frames])
        motion = follow_upper_body(
            self.robot,
            person,
            R.T @ torso,
            weights=self.config.weights,
            shapes=self.shapes,
        )
        observed = (known & track.valid)[frames]
        reason = self._reasons(motion, observed)
        num = len(time_s)
        beside = np.sqrt((motion.limb_error_rad**2).mean(axis=1))
        chance = limbs_chance(limbs_sigma(track, motion.limbs)[frames], beside) * observed
        actions = self.nothing_known(track, time_s).replace(
            values=scatter(motion.joints, frames, num),
            valid=scatter(reason == REASONS.index("valid"), frames, num, False),
            confidence=scatter(np.nan_to_num(chance), frames, num, 0.0),
            reason=scatter(reason, frames, num, REASONS.index("not_seen")),
        )
        return {name: actions} | self._records(track, motion, frames, num)

    def _level(self, track: BodyTrack) -> Float[np.ndarray, "time body_joint 3"]:
        """The person's joints along axes with z up [m]."""
        if track.T_world_source is not None:
            return track.joints_world_m
        assert track.joints_m is not None
        return track.joints_m @ level_camera(self.config.camera_pitch_rad)

    def _reasons(self, motion: UpperBodyMotion, observed: np.ndarray) -> np.ndarray:
        config, error = self.config, motion.limb_error_rad
        names = np.select(
            [
                ~observed,
                ~np.isfinite(error).all(axis=1),
                motion.overlap_m > config.tolerance_overlap_m,
                np.nan_to_num(error).max(axis=1) > config.tolerance_limb_rad,
            ],
            ["gap_filled", "partly_seen", "collision", "unreachable"],
            "valid",
        )
        return np.array([REASONS.index(name) for name in names], np.uint8)

    def _records(
        self, track: BodyTrack, motion: UpperBodyMotion, frames: np.ndarray, num: int
    ) -> Tracks:
        """Where the robot stands, and how well each frame is met."""
        limb_deg = np.degrees(motion.limb_error_rad)
        has = np.isfinite(limb_deg).any(axis=1)
        mean = np.nanmean(np.where(has[:, None], limb_deg, 0.0), axis=1)
        root = np.zeros((len(frames), 6))
        root[:, 2] = self._standing_m()
        numbers = np.column_stack(
            [mean, np.nan_to_num(limb_deg).max(axis=1), 1e3 * motion.overlap_m]
        )
        subject = track.subject
        quality = {
            "limb_deg_mean": round(float(mean[has].mean()), 3) if has.any() else None,
            "limbs": [f"{a}-{b}" for a, b in motion.limbs],
        }
        return {
            f"features.root_pose.{subject}": FeatureTrack(
                "label.root_pose",
                subject,
                scatter(root, frames, num),
                ("x", "y", "z", "wx", "wy", "wz"),
                "m, rad",
                "Root link in a world with z up and the ground at 0: it stands still.",
            ),
            f"features.solver.{subject}": FeatureTrack(
                "label.solver",
                subject,
                scatter(numbers, frames, num),
                ("limb_mean_deg", "limb_max_deg", "overlap_mm"),
                "deg, mm",
                "How well each frame is met: angles between the arms of person and robot, overlap "
                "of the robot's parts.",
            ),
            f"quality.{self.kind}.{subject}": QualityTrack(subject, quality),
        }

    def _standing_m(self) -> float:
        """Height of the root of the robot at rest over its soles [m]."""
        named = self.robot.frames()
        corners = [frame for name, frame in named.items() if name.startswith("feet.")]
        p_m = self.robot.tree(corners).forward_kinematics(self.robot.rest[None]).p_m
        return -float(p_m[0, :, 2].min())
