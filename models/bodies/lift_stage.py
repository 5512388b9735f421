"""Stage `lift_body`: from image landmarks to metric joints of a person in the camera frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float
from pydantic import Field, model_validator

from rotoscope.models.bodies.bone_lengths import (
    STATURE_PRIOR_M,
    STATURE_PRIOR_SIGMA_M,
    bone_lengths,
)
from rotoscope.models.bodies.fit import bones_of, fit_body, fit_lengths
from rotoscope.models.bodies.joints import joints_of
from rotoscope.models.perception.pnp import check_distances, is_believed, position_sigma
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.geometry import pinhole, se3
from rotoscope.pipeline.stage import ClipStage, StageConfig, Tracks
from rotoscope.pipeline.tracks import BODY_JOINTS, BodyTrack, Camera, Track, require_camera
from rotoscope.pipeline.types import Clip

DEPTH_FLOOR_REL = 0.03
"""Error of the distance beyond independent noise: 2 % with the posture, 1.5 % with proportions."""
LATERAL_FLOOR = 0.018
"""Error of the pelvis across the line of sight beyond independent noise, in statures."""
JOINT_FLOOR = 0.025
"""Error of a joint against the pelvis beyond independent noise, in statures. All three floors make
stated and true errors agree on rendered people (`benchmarks.body_landmarks`)."""


class LiftBodyConfig(StageConfig):
    """The person's size and what is believed."""

    height_m: float | None = Field(default=None, ge=0.5, le=2.5)
    """Standing height of the person [m]; distances are proportional to it. Nothing given: an
    adult's, 1.70 m with a spread of 0.10 m; children need it."""
    height_sigma_m: float = Field(default=0.02, ge=0, le=0.5)
    """1-sigma of a given `height_m` [m]; shoes count."""
    min_visibility: float = Field(default=0.3, ge=0, le=1)
    """Joints less visible than this are missing (NaN): hidden ones and those outside the image are
    the landmark model's guess."""
    max_residual: float = Field(default=0.025, gt=0, le=0.055)
    """Largest root mean square distance of the joints from their rays in a valid frame, in
    statures; people have 0.004 to 0.012, landmarks at random 0.04."""
    min_distance_m: float = Field(default=0.3, gt=0)
    """Nearest distance along the camera's axis that is believed [m]."""
    max_distance_m: float = Field(default=40.0, gt=0)
    """Farthest distance that is believed [m]."""

    @model_validator(mode="after")
    def _check_distances(self) -> LiftBodyConfig:
        check_distances(self.min_distance_m, self.max_distance_m)
        return self


class LiftBody(ClipStage):
    """Fills `joints_m` and both sigmas of every person's track.

    The person's bones are of one length over the clip: proportions are the landmark model's
    medians, the size is a prior's or given. Each frame by itself, place and posture of that body
    are fitted to landmarks and to the landmark model's directions (`rotoscope.models.bodies.fit`).
    Frames that do not fit become invalid, joints that were not seen are NaN. `sigma_m` holds what
    stature and focal length may be wrong by, so that a constant error of scale is inside it.
    """

    kind: ClassVar[str] = "lift_body"
    version: ClassVar[str] = "2"
    requires: ClassVar[tuple[str, ...]] = ("body", "camera")
    provides: ClassVar[tuple[str, ...]] = ("body",)
    loosened_by: ClassVar[Mapping[str, str]] = {"taken": "higher max_residual"}
    Config: ClassVar[type[StageConfig]] = LiftBodyConfig
    config: LiftBodyConfig

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """The tracks of people who were seen in a video, lifted; others are not returned.

        Raises:
            TrackError: The track `camera` is not there or not a camera.
        """
        camera = require_camera(tracks, self.kind)
        return {
            name: self._lift(track, camera)
            for name, track in tracks.items()
            if isinstance(track, BodyTrack) and track.landmarks_px is not None
        }

    def _lift(self, body: BodyTrack, camera: Camera) -> BodyTrack:
        rows = np.flatnonzero(body.valid & _is_complete(body))
        assert body.landmarks_px is not None
        assert body.landmarks_m is not None
        assert body.visibility is not None
        if len(rows) == 0:
            return _without_frames(body)
        is_seen = body.visibility[rows] >= self.config.min_visibility
        rays = pinhole.rays(
            joints_of(body.landmarks_px[rows]), camera.K, camera.distortion, camera.fisheye
        )
        lengths, directions = bones_of(joints_of(body.landmarks_m[rows]))
        directions = _facing(directions, rays)
        stature_m, stature_sigma_m = self._stature()
        lengths_m = fit_lengths(
            rays,
            is_seen,
            directions,
            lengths_m=bone_lengths(lengths, is_seen),
            stature_m=stature_m,
        )
        fit = fit_body(rays, is_seen, directions, lengths_m=lengths_m, stature_m=stature_m)
        config = self.config
        good = is_believed(
            fit.joints_m,
            fit.residual,
            between_m=(config.min_distance_m, config.max_distance_m),
            max_residual=config.max_residual,
        )
        sigma_m = position_sigma(
            np.einsum("rpp->rp", fit.covariance),
            fit.joints_m[:, BODY_JOINTS.index("pelvis")],
            size_rel=float(np.hypot(DEPTH_FLOOR_REL, stature_sigma_m / stature_m)),
            across_m=LATERAL_FLOOR * stature_m,
            focal_rel=camera.sigma_focal_rel,
        )
        sigma_joint_m = np.hypot(fit.sigma_joint_m, JOINT_FLOOR * stature_m)
        unseen = ~is_seen
        fit.joints_m[unseen], sigma_joint_m[unseen] = np.nan, np.nan
        out = _without_frames(body)
        for name, values in (
            ("valid", np.ones(len(rows), bool)),
            ("joints_m", fit.joints_m),
            ("sigma_m", sigma_m),
            ("sigma_joint_m", sigma_joint_m),
        ):
            getattr(out, name)[rows[good]] = values[good]
        return out

    def _stature(self) -> tuple[float, float]:
        if self.config.height_m is None:
            return STATURE_PRIOR_M, STATURE_PRIOR_SIGMA_M
        return self.config.height_m, self.config.height_sigma_m


def _without_frames(body: BodyTrack) -> BodyTrack:
    """The same person with nothing lifted yet."""
    num, num_joints = len(body.valid), len(BODY_JOINTS)
    return body.replace(
        valid=np.zeros(num, bool),
        joints_m=np.full((num, num_joints, 3), np.nan),
        sigma_m=np.full((num, 3), np.nan),
        sigma_joint_m=np.full((num, num_joints), np.nan),
    )


def _is_complete(body: BodyTrack) -> Bool[np.ndarray, " time"]:
    """Frames with all landmarks."""
    out = np.ones(len(body.valid), bool)
    for landmarks in (body.landmarks_px, body.landmarks_m):
        if landmarks is None:
            raise TrackError(
                f"lift_body: {body.subject} has landmarks in the image or in meters but not both; "
                "put the stage `body` before `lift_body` in the recipe"
            )
        out &= np.isfinite(landmarks).all(axis=(1, 2))
    return out


def _facing(
    directions: Float[np.ndarray, "row bone 3"], rays: Float[np.ndarray, "row body_joint 2"]
) -> Float[np.ndarray, "row bone 3"]:
    """Directions as the camera sees them.

    The landmark network sees a person in a crop of the image as if the camera looked straight at
    the middle of the hips; the person stands where that ray leads.
    """
    pelvis = rays[:, BODY_JOINTS.index("pelvis")]
    distance = np.linalg.norm(pelvis, axis=1)
    # The camera's axis turns into the ray about an axis across both.
    axis = np.stack([-pelvis[:, 1], pelvis[:, 0], np.zeros(len(pelvis))], axis=1)
    angle = np.arctan(distance)
    turn = se3.exp_so3(axis * (angle / np.maximum(distance, 1e-12))[:, None])
    return np.asarray(directions @ np.swapaxes(turn, 1, 2))
