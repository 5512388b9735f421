"""Tracks about the video itself: cuts, camera, clock, kept spans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.tracks.action import ActionSpace
from rotoscope.pipeline.tracks.base import Track, require_shape
from rotoscope.pipeline.types import CameraSource


@dataclass(frozen=True, eq=False)
class ShotTrack(Track):
    """Hard cuts of a video."""

    cut: Bool[np.ndarray, " time"]
    """True at the first frame of every shot but the first."""
    change: Float[np.ndarray, " time"]
    """Change against the frame before that the decision was made on [0..255]."""


@dataclass(frozen=True, eq=False)
class PictureTrack(Track):
    """Which part of the frames holds the picture; around it lie black bars, or nothing."""

    inner_px: Float[np.ndarray, " 4"]
    """Left, top, right and bottom edge of the picture [px of the frame after rotation]."""

    @classmethod
    def static_fields(cls) -> frozenset[str]:
        """Bars last for the whole video: those of a part alone are not looked for."""
        return frozenset({"inner_px"})


@dataclass(frozen=True, eq=False)
class FaceTrack(Track):
    """Where faces are, or may be, in every frame: published frames do not show it."""

    boxes_px: Float[np.ndarray, "time face 4"]
    """Left, top, right, bottom [px of the frame after rotation]; NaN where a frame has fewer. They
    may overlap and reach beyond the frame."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_shape("FaceTrack", "boxes_px", self.boxes_px, (*self.boxes_px.shape[1:2], 4))

    def in_frame(self, frame: int) -> Float[np.ndarray, "face 4"]:
        """The boxes of one frame, without the empty ones."""
        boxes = self.boxes_px[frame]
        return np.asarray(boxes[np.isfinite(boxes).all(axis=1)], float)


@dataclass(frozen=True, eq=False)
class Camera(Track):
    """Pinhole intrinsics of a clip."""

    K: Float[np.ndarray, "3 3"]
    """Intrinsic matrix [px], for the frame after rotation."""
    width: int
    """Pixels across."""
    height: int
    """Pixels down."""
    source: CameraSource
    """Where K came from: the recipe, notes beside the file, its metadata, how the picture moves, an
    assumed field of view, or the hands' own file."""
    sigma_focal_rel: float
    """1-sigma of the focal length as a fraction of it; scale and depth inherit it."""
    distortion: tuple[float, ...] = ()
    """OpenCV distortion coefficients (k1, k2, p1, p2[, k3]); empty for none."""
    fisheye: tuple[float, ...] = ()
    """Coefficients (k1, k2, k3, k4) of OpenCV's fisheye model instead; empty for none."""
    gravity: Float[np.ndarray, " 3"] | None = None
    """Where things fall, along the axes of the clip's first camera, of length 1, where stated."""

    @classmethod
    def static_fields(cls) -> frozenset[str]:
        """All of it: intrinsics hold for the whole clip."""
        return frozenset({"K", "gravity"})

    def __post_init__(self) -> None:
        if self.K.shape != (3, 3) or not np.isfinite(self.K).all():
            raise TrackError(f"Camera.K must be a finite 3x3 matrix, got {self.K!r}")


def require_camera(tracks: Mapping[str, Track], stage: str) -> Camera:
    """The track `camera`.

    Raises:
        TrackError: It is not there or not a camera; the stage that wants it is named.
    """
    camera = tracks.get("camera")
    if not isinstance(camera, Camera):
        raise TrackError(
            f"{stage} needs the track 'camera', got {type(camera).__name__}; "
            f"put the stage `camera` before `{stage}` in the recipe"
        )
    return camera


@dataclass(frozen=True, eq=False)
class SegmentTrack(Track):
    """Which stretches of a clip become episodes, by action track."""

    actions: str
    """Name of the action track that the spans belong to."""
    start: tuple[int, ...]
    """First frame of each kept span."""
    end: tuple[int, ...]
    """One past the last frame of each."""
    dropped: dict[str, int]
    """Frames that were not kept, by reason."""
    space: ActionSpace | None = None
    """The action space that they are for, where that needs only some groups of the actions."""
    doubted: Bool[np.ndarray, " time"] | None = None
    """Frames whose actions were valid but are too little trusted to count; they stay, marked."""
    min_valid_share: float = 0.0
    """Smallest share of valid rows of an episode, 0..1; rows are there only once a span is on the
    dataset's clock."""


@dataclass(frozen=True, eq=False)
class ClockTrack(Track):
    """When each frame of a video is shown, as decoding found it."""

    time_s: Float[np.ndarray, " time"]
    """Presentation time of each frame [s], the first at 0."""


@dataclass(frozen=True, eq=False)
class EmbeddingTrack(Track):
    """What image networks say about each frame, for labelers that look at pictures."""

    model_sha256: str
    """Hash of the trained labeler that the networks belong to."""
    values: Float[np.ndarray, "time number"]
    """Numbers of all networks, one after the other (float16)."""
