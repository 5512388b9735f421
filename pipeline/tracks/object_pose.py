"""How things that hands move lie and turn, and the joints by which they hang on the scene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.tracks.base import Track, require_shape

POSE_REASONS: tuple[str, ...] = (
    "valid",
    "not_seen",
    "no_depth",
    "does_not_fit",
    "camera_moved",
    "uncertain",
)
"""Why a frame's pose is not valid; `ObjectPoseTrack.reason` indexes into this."""
PoseOrigin = Literal["first_view", "mesh"]


@dataclass(frozen=True, eq=False)
class ObjectPoseTrack(Track):
    """The 6-D pose of one thing over a clip."""

    number: int
    """That of its `ObjectTrack`."""
    origin: PoseOrigin
    """What the thing's frame is: `first_view`, the middle of what is seen of it over the clip with
    the axes of the camera when it is first seen, or `mesh`, that of the mesh that was given."""
    T_camera_object: Float[np.ndarray, "time 4 4"]
    """Object to the frame of the hands [m]: that of the camera, of its first picture where it
    moves. NaN where unknown."""
    valid: Bool[np.ndarray, " time"]
    """Where it is was measured in this frame."""
    rotation_valid: Bool[np.ndarray, " time"]
    """How it is turned too: of a ball it never is, of a bottle not about its own axis."""
    sigma_position_m: Float[np.ndarray, "time 3"]
    """1-sigma of the origin's place along the axes of the frame of the hands [m]."""
    sigma_rotation_rad: Float[np.ndarray, "time 3"]
    """1-sigma of turns about those axes [rad]; large about one that shape and texture do not tell
    of."""
    reason: np.ndarray
    """Why a frame is not valid, as an index into `POSE_REASONS` (uint8)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_shape("ObjectPoseTrack", "T_camera_object", self.T_camera_object, (4, 4))
        require_shape("ObjectPoseTrack", "sigma_position_m", self.sigma_position_m, (3,))
        require_shape("ObjectPoseTrack", "sigma_rotation_rad", self.sigma_rotation_rad, (3,))
        if self.reason.max(initial=0) >= len(POSE_REASONS):
            raise TrackError(
                f"ObjectPoseTrack.reason must be below {len(POSE_REASONS)}, got {self.reason.max()}"
            )
        bad = self.valid & ~np.isfinite(self.T_camera_object).all(axis=(1, 2))
        if bad.any() or (self.rotation_valid & ~self.valid).any():
            raise TrackError(
                f"ObjectPoseTrack: {int(bad.sum())} frames are valid without a pose, or valid in "
                "rotation alone; mark them invalid"
            )
