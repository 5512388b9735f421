"""Smooths hands over a clip: wrist position, wrist rotation, and the joints in the wrist frame."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float
from pydantic import Field

from pipeline.geometry import se3
from pipeline.smoothing import smooth_many, smooth_rotations, smooth_vectors
from pipeline.smoothing.segments import known_frames
from pipeline.stage import ClipStage, StageConfig, Tracks
from pipeline.tracks import HandTrack, Track
from pipeline.types import Clip


class SmoothConfig(StageConfig):
    """Settings of `smooth`. Noise and strength of motion are not among them: they are estimated."""

    max_gap_s: float = Field(default=0.25, ge=0)
    """Frames between two observations are filled if these are at most this far apart [s]; longer
    gaps stay unknown. Neighbouring frames of a slower video are never a gap."""
    systematic_fraction: float = Field(default=0.9, ge=0, le=1)
    """Share of the stated 1-sigma that is common to all frames, such as a wrong focal length or
    hand size: smoothing does not take it away. The rest averages out. On rendered hands 0.7 left
    the true pose outside of 2 sigma in 17 % of frames after smoothing, twice what lift alone did:
    most of lift's error drifts with the pose and hardly averages out."""


class Smooth(ClipStage):
    """Non-causal, gap-aware, outlier-robust smoothing of metric hand tracks.

    Position and rotation of the wrist are smoothed in the camera frame, each with its stated sigma
    as relative weight; the joints are smoothed in the wrist frame and put back onto the smoothed
    wrist. What the wrist frame is to the joints stays true to rounding: the smoothing of joints is
    linear, so a point that is the origin, or lies in a plane of that frame, remains there.

    Frames inside short gaps get values and are marked `filled`, never `valid`. Frames whose sample
    lies grossly off the motion count as not observed: they become `filled` where the gap allows.
    Frames that are neither stay NaN. Image landmarks and everything before lift are left alone.
    """

    kind = "smooth"
    version = "1"
    requires = ("hands",)
    provides = ("hands",)
    Config = SmoothConfig

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """The hands that have a metric pose, smoothed; others are not returned."""
        config = self.config
        assert isinstance(config, SmoothConfig)
        return {
            name: smooth_hand(clip.time_s, track, config)
            for name, track in tracks.items()
            if isinstance(track, HandTrack) and track.T_camera_wrist is not None
        }


def smooth_hand(
    time_s: Float[np.ndarray, " time"], hand: HandTrack, config: SmoothConfig
) -> HandTrack:
    """One hand after smoothing; `hand.T_camera_wrist` must be there.

    Raises:
        TrackError: A valid frame has a stated sigma that is not a number above 0.
    """
    pose, joints = hand.T_camera_wrist, hand.joints_m
    assert pose is not None
    observed = hand.valid & np.isfinite(pose).all(axis=(1, 2))
    if joints is not None:
        observed &= np.isfinite(joints).all(axis=(1, 2))
    gap = {"max_gap_s": config.max_gap_s}
    position = smooth_vectors(time_s, pose[:, :3, 3], observed, sigma=hand.sigma_position_m, **gap)
    rotation = smooth_rotations(
        time_s, pose[:, :3, :3], observed, sigma_rad=hand.sigma_rotation_rad, **gap
    )
    is_outlier = position.is_outlier | rotation.is_outlier
    smooth_pose = se3.make(rotation.mean, position.mean)
    smooth_joints = None
    if joints is not None:
        local = se3.apply(se3.inverse(pose), joints).reshape(len(joints), -1)
        shape = smooth_many(time_s, local, observed, **gap)
        is_outlier |= shape.is_outlier
        smooth_joints = se3.apply(smooth_pose, shape.mean.reshape(joints.shape))
    good = observed & ~is_outlier
    known = known_frames(time_s, good, config.max_gap_s)
    rotation_variance = np.trace(rotation.covariance, axis1=1, axis2=2)
    return hand.replace(
        valid=good,
        filled=known & ~good,
        T_camera_wrist=_only(known, smooth_pose),
        joints_m=None if smooth_joints is None else _only(known, smooth_joints),
        sigma_position_m=_only(
            known,
            _with_systematic(
                time_s, position.sigma**2, hand.sigma_position_m, good, config.systematic_fraction
            ),
        ),
        sigma_rotation_rad=_only(
            known,
            _with_systematic(
                time_s, rotation_variance, hand.sigma_rotation_rad, good, config.systematic_fraction
            ),
        ),
    )


def _only(known: Bool[np.ndarray, " time"], values: np.ndarray) -> np.ndarray:
    """The values on known frames, NaN elsewhere."""
    return np.where(known.reshape(-1, *[1] * (values.ndim - 1)), values, np.nan)


def _with_systematic(
    time_s: Float[np.ndarray, " time"],
    variance: Float[np.ndarray, "time ..."],
    stated: Float[np.ndarray, "time ..."] | None,
    good: Bool[np.ndarray, " time"],
    fraction: float,
) -> Float[np.ndarray, "time ..."]:
    """1-sigma of random and systematic part together; inside gaps the latter is interpolated."""
    if stated is None or not good.any():
        return np.sqrt(variance)
    columns = stated.reshape(len(stated), -1).T
    between = [np.interp(time_s, time_s[good], column[good]) for column in columns]
    systematic = fraction * np.stack(between, axis=1).reshape(stated.shape)
    return np.asarray(np.sqrt(variance + systematic**2))
