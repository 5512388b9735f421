"""Stage `label.motion_track`: where points of the hand will be in the picture, as an action."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, UInt8
from pydantic import Field, field_validator

from rotoscope.models.motion_tracks.future import between, moments, motion_track_contract
from rotoscope.models.motion_tracks.picture import InPicture
from rotoscope.models.motion_tracks.points import DEFAULT_POINTS, check_points
from rotoscope.models.motion_tracks.subjects import Subject, subjects_of
from rotoscope.pipeline.episodes.resample import MAX_AWAY_S
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.stage import ClipStage, StageConfig, Tracks
from rotoscope.pipeline.tracks import (
    REASONS,
    ActionTrack,
    CameraMotion,
    FeatureTrack,
    Track,
    require_camera,
)
from rotoscope.pipeline.types import Clip

_CLOCK_S = 1e-6
"""Times closer than this are the same."""


class MotionTrackConfig(StageConfig):
    """Which points, and how far ahead."""

    points: tuple[str, ...] = DEFAULT_POINTS
    """Points of the hand, by MediaPipe's names. The default five are what a parallel gripper has
    too, so that people's and robots' video train one policy."""
    horizon_s: float = Field(default=0.5, gt=0, le=5)
    """How far ahead the last step lies [s]."""
    steps: int = Field(default=5, ge=1, le=100)
    """How many moments of the future each row has, evenly apart up to the horizon [1]."""
    max_gap_s: float = Field(default=0.3, ge=0, le=1)
    """Moments between two frames with a hand at most this far apart [s] are bridged in a straight
    line; if that is more than 0.2 s the row is marked `gap_filled`. Longer gaps end an episode."""
    rate_hz: float = Field(default=30, gt=0)
    """Rows per second of the dataset, as `export.fps` [Hz]."""

    @field_validator("points")
    @classmethod
    def _check_points(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return check_points(value)
        except UsageError as error:
            raise ValueError(str(error)) from error


class MotionTrack(ClipStage):
    """Labels every frame with the 2-D tracks of a few points over a short time to come.

    The points are those of people's hands; of robots' grippers in clips without hands (the stage
    `gripper.file`): the same numbers, so that both train one policy.

    One `ActionTrack` per hand, `actions.label.motion_track.<side>`: of each step x and y of every
    point as a share of the picture's width and height, as the camera of the *row* would see it
    (a camera that turns or moves is compensated), and whether something is held, where a stage
    before read the hand as a gripper. `track.points` holds where the points are now: the state of
    such a policy. Rows whose horizon reaches past what was seen have none.

    Confidence is the chance that the points are within 0.15 palm lengths of the truth, root mean
    square (`rotoscope.models.motion_tracks.landmark_error`).

    The idea: Motion Tracks (MT-pi), Ren et al. 2025, arXiv 2501.06994.
    """

    kind: ClassVar[str] = "label.motion_track"
    version: ClassVar[str] = "2"
    requires: ClassVar[tuple[str, ...]] = ("hands|gripper", "camera")
    uses: ClassVar[tuple[str, ...]] = ("hands", "gripper", "camera_motion")
    provides: ClassVar[tuple[str, ...]] = ("actions", "features")
    Config: ClassVar[type[StageConfig]] = MotionTrackConfig
    config: MotionTrackConfig

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """Tracks of the future of every hand.

        Raises:
            TrackError: The track `camera` is not there or not a camera; or a hand was not lifted.
        """
        camera = require_camera(tracks, self.kind)
        found = tracks.get("camera_motion")
        motion = found if isinstance(found, CameraMotion) else None
        out: Tracks = {}
        for subject in subjects_of(tracks, camera, motion, self.config.points):
            picture = InPicture.of(
                camera, motion, subject.points_px, subject.depth_m, subject.is_seen
            )
            out[f"actions.{self.kind}.{subject.side}"] = self._label(clip, subject, picture)
            out[f"features.points.{subject.side}"] = FeatureTrack(
                feature="track.points",
                subject=subject.side,
                values=picture.now().reshape(clip.num_frames, -1),
                names=tuple(f"{name}.{axis}" for name in self.config.points for axis in "xy"),
                unit="1",
                description="The points now, as shares of the picture's width and height.",
            )
        return out

    def _label(self, clip: Clip, subject: Subject, picture: InPicture) -> ActionTrack:
        config = self.config
        contract = motion_track_contract(
            config.points,
            horizon_s=config.horizon_s,
            steps=config.steps,
            with_grasp=subject.held is not None,
            rate_hz=config.rate_hz,
        )
        wanted_s = moments(clip.time_s, config.horizon_s, config.steps)
        seen = np.flatnonzero(picture.is_seen)
        if not len(seen):
            return ActionTrack.unknown(
                labeler=self.kind,
                subject=subject.side,
                contract=contract,
                num_frames=clip.num_frames,
            )
        before, after, weight, apart_s = between(clip.time_s[seen], wanted_s)
        left, right = seen[before], seen[after]
        points = picture.seen_from_rows(left, right, weight)
        points[apart_s > config.max_gap_s + _CLOCK_S] = np.nan
        columns = points.reshape(*points.shape[:2], -1)
        if subject.held is not None:
            nearest = np.where(weight > 0.5, right, left)
            held = np.where(np.isfinite(columns).all(axis=2), subject.held[nearest], np.nan)
            columns = np.concatenate([columns, held[..., None]], axis=-1)
        values = columns.reshape(len(columns), -1)
        is_finite = np.isfinite(values).all(axis=1)
        is_near = (apart_s <= 2 * MAX_AWAY_S + _CLOCK_S).all(axis=1)
        valid = picture.is_seen & is_near & is_finite
        chance = subject.chance
        later = np.minimum(chance[left], chance[right]).min(axis=1)
        return ActionTrack(
            labeler=self.kind,
            subject=subject.side,
            contract=contract,
            values=values,
            valid=valid,
            confidence=np.where(valid, np.minimum(chance, later), 0.0),
            reason=_reasons(valid, is_finite, picture),
        )


def _reasons(
    valid: Bool[np.ndarray, " time"], is_finite: Bool[np.ndarray, " time"], picture: InPicture
) -> UInt8[np.ndarray, " time"]:
    why = np.where(is_finite, REASONS.index("gap_filled"), REASONS.index("not_seen"))
    why = np.where(picture.is_camera_lost, REASONS.index("camera_moved"), why)
    return np.where(valid, 0, why).astype(np.uint8)
