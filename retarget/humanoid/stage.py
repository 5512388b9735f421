"""`retarget.humanoid`: what a person did, as joint trajectories of a humanoid robot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float, Int
from pydantic import Field

from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.stage import Tracks
from rotoscope.pipeline.tracks import (
    BODY_JOINTS,
    REASONS,
    SIDES,
    ActionTrack,
    BodyTrack,
    FeatureTrack,
    QualityTrack,
    Track,
)
from rotoscope.pipeline.types import Clip
from rotoscope.retarget.common.confidence import limbs_chance
from rotoscope.retarget.common.gaps import fill_short_gaps
from rotoscope.retarget.humanoid.balance_cost import center_of_links
from rotoscope.retarget.humanoid.follow_person import HumanoidMotion, follow_person
from rotoscope.retarget.humanoid.human_skeleton import human_motion_of
from rotoscope.retarget.humanoid.humanoid_stage import HumanoidStage, HumanoidStageConfig
from rotoscope.retarget.humanoid.limbs_sigma import limbs_sigma
from rotoscope.retarget.humanoid.problem import HumanoidWeights
from rotoscope.retarget.humanoid.support_polygon import robot_center_of_mass, support_margins

FILLED = REASONS.index("gap_filled")
"""Reason of a frame that nobody observed."""


class RetargetHumanoidConfig(HumanoidStageConfig):
    """Settings of `retarget.humanoid`."""

    scale: float | None = Field(default=None, gt=0)
    """Robot size over human size, by which steps and reaches are multiplied; from the lengths of
    the legs when absent."""
    tolerance_limb_rad: float = Field(default=0.7, gt=0)
    """A limb further than this from the person's makes a frame invalid [rad]; 0.7 is 40 degrees, as
    robots with few joints need."""
    tolerance_slip_m_s: float = Field(default=0.1, gt=0)
    """A standing foot faster than this makes a frame invalid [m/s]."""
    tolerance_depth_m: float = Field(default=0.01, gt=0)
    """A foot, or any other part of the robot, deeper in the ground than this makes a frame invalid
    [m]."""
    weights: HumanoidWeights = Field(default_factory=HumanoidWeights)
    """1-sigma of each cost; smaller is stricter."""


class RetargetHumanoid(HumanoidStage):
    """Makes a humanoid do what a person did, feet on the ground, inside all joint limits.

    Joint limits hold in every frame and between frames. What is not so good in a frame is said
    with its reason, and the numbers behind it are in the columns `label.solver`.
    """

    kind = "retarget.humanoid"
    version = "5"
    requires = ("body", "features.support")
    provides = ("actions", "features", "quality")
    loosened_by: ClassVar[Mapping[str, str]] = {
        "unreachable": "higher tolerance_limb_rad",
        "foot_contact": "higher tolerance_slip_m_s",
        "collision": "higher tolerance_overlap_m",
        "below_ground": "higher tolerance_depth_m",
    }
    Config = RetargetHumanoidConfig
    config: RetargetHumanoidConfig

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """One `ActionTrack` per person, its root pose and the solver's numbers as columns."""
        out: Tracks = {}
        for track in tracks.values():
            if isinstance(track, BodyTrack):
                support = tracks.get(f"features.support.{track.subject}")
                heights = support.values if isinstance(support, FeatureTrack) else None
                out |= self._one(track, clip.time_s, heights)
        return out

    def _one(
        self,
        track: BodyTrack,
        time_s: Float[np.ndarray, " time"],
        support_m: Float[np.ndarray, "time 2"] | None,
    ) -> Tracks:
        name = f"actions.{self.kind}.{track.subject}"
        if track.joints_m is not None and not (track.known & _is_seen(track.joints_m)).any():
            return {name: self.nothing_known(track, time_s)}
        if track.joints_m is None or track.T_world_source is None or track.contact is None:
            raise TrackError(
                f"{self.kind} needs a body that stands in the world; put `lift_body` (for video) "
                "and `ground` before it"
            )
        joints = track.joints_world_m
        trunk = _is_seen(joints) & track.known
        if trunk.sum() < 2:
            return {name: self.nothing_known(track, time_s)}
        frames = np.flatnonzero(fill_short_gaps(trunk, time_s, self.config.max_bridge_s))
        motion = follow_person(
            self.robot,
            human_motion_of(joints[frames], time_s[frames], trunk[frames]),
            track.contact[frames],
            support_m=None if support_m is None else support_m[frames],
            weights=self.config.weights,
            scale=self.config.scale,
            shapes=self.shapes,
        )
        reason = self._reasons(track, motion, trunk, frames)
        actions = self._actions(track, motion, reason, frames, time_s)
        return {name: actions} | self._records(track, motion, frames, time_s)

    def _reasons(
        self,
        track: BodyTrack,
        motion: HumanoidMotion,
        trunk: Bool[np.ndarray, " time"],
        frames: Int[np.ndarray, " known"],
    ) -> np.ndarray:
        config = self.config
        seen = np.isfinite(motion.limb_error_rad)
        names = np.select(
            [
                _is_implausible(track)[frames],
                ~(trunk & track.valid)[frames],
                ~seen.all(axis=1),
                (motion.foot_slip_m_s.max(axis=1) > config.tolerance_slip_m_s)
                | (motion.sole_m.min(axis=1) < -config.tolerance_depth_m),
                motion.below_m > config.tolerance_depth_m,
                motion.overlap_m > config.tolerance_overlap_m,
                np.nan_to_num(motion.limb_error_rad).max(axis=1) > config.tolerance_limb_rad,
            ],
            [
                "implausible",
                "gap_filled",
                "partly_seen",
                "foot_contact",
                "below_ground",
                "collision",
                "unreachable",
            ],
            "valid",
        )
        return np.array([REASONS.index(name) for name in names], np.uint8)

    def _actions(
        self,
        track: BodyTrack,
        motion: HumanoidMotion,
        reason: np.ndarray,
        frames: Int[np.ndarray, " known"],
        time_s: Float[np.ndarray, " time"],
    ) -> ActionTrack:
        empty = self.nothing_known(track, time_s)
        values, valid = empty.values.copy(), empty.valid.copy()
        confidence, why = empty.confidence.copy(), empty.reason.copy()
        values[frames], why[frames] = motion.joints, reason
        valid[frames] = reason == REASONS.index("valid")
        confidence[frames] = _confidence(track, motion, reason != FILLED, frames)
        return empty.replace(values=values, valid=valid, confidence=confidence, reason=why)

    def nothing_known(self, track: BodyTrack, time_s: Float[np.ndarray, " time"]) -> ActionTrack:
        """Actions of a person of whom nothing is known, but where no body moves so."""
        nothing = super().nothing_known(track, time_s)
        if track.implausible is None:
            return nothing
        why = np.where(track.implausible, REASONS.index("implausible"), nothing.reason)
        return nothing.replace(reason=why.astype(np.uint8))

    def _records(
        self,
        track: BodyTrack,
        motion: HumanoidMotion,
        frames: Int[np.ndarray, " known"],
        time_s: Float[np.ndarray, " time"],
    ) -> Tracks:
        margin = self._balance(motion)
        subject, limb_deg = track.subject, np.degrees(motion.limb_error_rad)
        mean_deg = np.nanmean(np.where(np.isfinite(limb_deg).any(1)[:, None], limb_deg, 0.0), 1)
        columns = {
            "root_pose": (
                np.column_stack([motion.root_m, se3.continuous_rotation_vectors(motion.root_R)]),
                ("x", "y", "z", "wx", "wy", "wz"),
                "m, rad",
                "Root link in a world with z up and the ground at 0: position, rotation vector.",
            ),
            "contact": (
                motion.contact.astype(float),
                SIDES,
                "1",
                "1 where the foot stands.",
            ),
            "solver": (
                np.column_stack(
                    [
                        mean_deg,
                        np.nan_to_num(limb_deg).max(axis=1),
                        100.0 * motion.foot_slip_m_s.max(axis=1),
                        1e3 * motion.sole_m.min(axis=1),
                        1e3 * motion.overlap_m,
                        motion.num_at_limit,
                        1e3 * margin,
                    ]
                ),
                (
                    "limb_mean_deg",
                    "limb_max_deg",
                    "foot_slip_cm_s",
                    "lowest_sole_mm",
                    "overlap_mm",
                    "joints_at_limit",
                    "balance_margin_mm",
                ),
                "deg, cm/s, mm, 1",
                "How well each frame is met: angles between limbs of person and robot, slip of "
                "standing feet, height of the lowest sole, overlap of the robot's parts, joints at "
                "a position limit, center of mass inside its support.",
            ),
        }
        out: Tracks = {}
        for column, (values, names, unit, description) in columns.items():
            whole = np.full((len(time_s), values.shape[1]), np.nan)
            whole[frames] = values
            out[f"features.{column}.{subject}"] = FeatureTrack(
                f"label.{column}", subject, whole, names, unit, description
            )
        out[f"quality.{self.kind}.{subject}"] = QualityTrack(subject, _facts(motion, margin))
        return out

    def _balance(self, motion: HumanoidMotion) -> Float[np.ndarray, " time"]:
        """Center of mass inside the support [m]."""
        robot = self.robot
        if robot.description.masses:
            com = center_of_links(robot, motion.joints, motion.root_m, motion.root_R)
        else:
            com = robot_center_of_mass(
                robot.path,
                motion.joints,
                robot.joint_names,
                root_xyz_m=motion.root_m,
                root_quat=se3.quat_from_matrix(motion.root_R),
            )
        count = motion.corners_m.shape[2]
        points = motion.corners_m.reshape(len(com), -1, 3)
        return support_margins(com, points, np.repeat(motion.contact, count, axis=1))


def _is_implausible(track: BodyTrack) -> Bool[np.ndarray, " time"]:
    return np.zeros(len(track.valid), bool) if track.implausible is None else track.implausible


def _is_seen(joints_m: Float[np.ndarray, "time body_joint 3"]) -> Bool[np.ndarray, " time"]:
    """Hips and shoulders are known, and so how the body stands."""
    needed = ["pelvis", "neck", *(f"{side}_{j}" for side in SIDES for j in ("hip", "shoulder"))]
    index = [BODY_JOINTS.index(name) for name in needed]
    return np.isfinite(joints_m[:, index]).all(axis=(1, 2))


def _confidence(
    track: BodyTrack,
    motion: HumanoidMotion,
    is_observed: Bool[np.ndarray, " known"],
    frames: Int[np.ndarray, " known"],
) -> Float[np.ndarray, " known"]:
    """Chance that the robot's limbs point as the person's truly do, 0..1.

    From the angles that the robot leaves and those by which the limbs may be off as seen; 0 where
    nobody was observed or a limb was not seen.
    """
    beside = np.sqrt((motion.limb_error_rad**2).mean(axis=1))
    return limbs_chance(limbs_sigma(track, motion.limbs)[frames], beside) * is_observed


def _facts(motion: HumanoidMotion, margin_m: Float[np.ndarray, " time"]) -> dict[str, object]:
    standing = motion.contact
    limb = motion.limb_error_rad[np.isfinite(motion.limb_error_rad)]
    facts: dict[str, object] = {"scale": round(motion.scale, 4)}
    if len(limb):
        facts["limb_deg_mean"] = round(float(np.degrees(limb.mean())), 3)
    if standing.any():
        facts["foot_slip_cm_s_mean"] = round(
            100.0 * float(motion.foot_slip_m_s[standing].mean()), 3
        )
        facts["sole_std_mm"] = round(1e3 * float(motion.sole_m[standing].std()), 3)
        inside = margin_m[np.isfinite(margin_m)] > 0.0
        facts["balanced_share"] = round(float(inside.mean()), 4) if len(inside) else None
    facts["below_ground_mm"] = round(max(0.0, -1e3 * float(motion.sole_m.min())), 3)
    facts["limbs"] = [f"{a}-{b}" for a, b in motion.limbs]
    return facts
