"""Tracks about how the camera moves, and about the points of the picture that tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.tracks.action import REASONS, ActionTrack
from rotoscope.pipeline.tracks.base import Track, require_shape

MotionKind = Literal["still", "turning", "moving", "unknown"]
MOTION_KINDS: tuple[MotionKind, ...] = ("still", "turning", "moving", "unknown")
ScaleSource = Literal["none", "stated", "hands", "unknown"]
"""`none` where the path needs no scale, because the camera stays at one place."""


@dataclass(frozen=True, eq=False)
class PointTracks(Track):
    """Points of the picture followed from frame to frame, each in a slot while it is seen."""

    points_px: Float[np.ndarray, "time slot 2"]
    """Where each slot's point is seen [px of the upright frame]; NaN in an empty slot."""
    ids: Int[np.ndarray, "time slot"]
    """Which point a slot holds, counted through the video; -1 in an empty slot."""
    pixel_px: float
    """Side of a pixel of the small picture in which they were followed [px of the frame]."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_shape("PointTracks", "points_px", self.points_px, (self.ids.shape[1], 2))


@dataclass(frozen=True, eq=False)
class CameraMotion(Track):
    """How the camera moved over a clip, against the reference: its first camera's frame.

    Where gravity is known and asked for, the reference is level instead: it begins where the first
    camera is, y falls, z looks ahead as far as level allows.
    """

    kind: MotionKind
    """What the whole clip is."""
    T_reference_camera: Float[np.ndarray, "time 4 4"]
    """Camera pose in the frame of the reference camera [m; without a unit where the scale is
    unknown]; NaN where unknown, the identity throughout in a still clip."""
    valid: Bool[np.ndarray, " time"]
    """What the camera did is known. In an `unknown` clip true where nothing was seen to move."""
    sigma_rotation_rad: Float[np.ndarray, " time"]
    """1-sigma of the rotation [rad], an error of the focal length aside; NaN where unknown."""
    sigma_position_m: Float[np.ndarray, " time"]
    """1-sigma of the position along an axis, in the path's own scale; NaN where unknown."""
    scale_source: ScaleSource
    """Where the unit of length comes from."""
    sigma_scale_rel: float
    """1-sigma of the path's scale as a share of it; 0 where it needs none or is unknown."""
    residual_px: float
    """Median distance of background points from where this motion puts them [px of the small
    picture that points were followed in]; NaN in an `unknown` clip."""
    why: str
    """Why a clip is `unknown`, or what its path lacks; empty otherwise."""
    R_level_first: Float[np.ndarray, "3 3"] | None = None
    """Rotation of the first camera's frame to the level one that poses are given in instead; `None`
    where they are given in the first camera's."""

    @classmethod
    def static_fields(cls) -> frozenset[str]:
        """How the first camera was tilted holds for the whole clip."""
        return frozenset({"R_level_first"})

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind not in MOTION_KINDS:
            raise TrackError(f"CameraMotion.kind must be one of {MOTION_KINDS}, got {self.kind!r}")
        require_shape("CameraMotion", "T_reference_camera", self.T_reference_camera, (4, 4))

    @property
    def is_placed(self) -> Bool[np.ndarray, " time"]:
        """Frames whose camera is known in meters: none where a path's scale is unknown."""
        if self.kind == "moving" and self.scale_source == "unknown":
            return np.zeros(len(self.valid), bool)
        return self.valid

    def sigma_turn_rad(self, sigma_focal_rel: float) -> Float[np.ndarray, " time"]:
        """1-sigma of the rotation [rad] with an error of the focal length: a share of the turn."""
        first = np.eye(3) if self.R_level_first is None else self.R_level_first
        # The Frobenius norm of a difference of rotations is 2 sqrt(2) sin(angle / 2).
        norm = np.linalg.norm(self.T_reference_camera[:, :3, :3] - first, axis=(1, 2))
        angle = 2.0 * np.arcsin(np.clip(norm / np.sqrt(8.0), 0.0, 1.0))
        return np.hypot(self.sigma_rotation_rad, sigma_focal_rel * angle)


def blaming_camera(actions: ActionTrack, tracks: Mapping[str, Track]) -> ActionTrack:
    """The actions, with the reason `camera_moved` where nothing is known of the camera."""
    motion = tracks.get("camera_motion")
    if not isinstance(motion, CameraMotion) or motion.is_placed.all():
        return actions
    codes = [REASONS.index("not_seen"), REASONS.index("gap_filled")]
    is_blamed = ~motion.is_placed & ~actions.valid & np.isin(actions.reason, codes)
    moved = REASONS.index("camera_moved")
    return actions.replace(reason=np.where(is_blamed, moved, actions.reason).astype(np.uint8))


def require_points(tracks: Mapping[str, Track], stage: str) -> PointTracks:
    """The track `scene_points`.

    Raises:
        TrackError: It is not there; the stage that wants it is named.
    """
    points = tracks.get("scene_points")
    if not isinstance(points, PointTracks):
        raise TrackError(
            f"{stage} needs the track 'scene_points', got {type(points).__name__}; put the stage "
            f"`scene_points` before `{stage}` in the recipe"
        )
    return points
