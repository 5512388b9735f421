"""What a video, a frame and a clip are.

Conventions everywhere: SI units; time in seconds from presentation time stamps; camera frame
x right, y down, z forward; `T_a_b` maps coordinates of b into a; quaternions wxyz.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.pipeline.errors import TrackError

CameraSource = Literal["recipe", "notes", "metadata", "motion", "assumed", "tracks"]

SourceKind = Literal["video", "motion"]
"""What a file holds: pictures, or the motion of a person that was captured otherwise."""


@dataclass(frozen=True)
class Video:
    """Facts about one video or motion file, known before any frame is decoded.

    A motion file (BVH, AMC, npz, npy) has frames and a clock too, but no pictures: its codec is
    `motion`, width and height are 0.
    """

    path: Path
    """Path of the file."""
    sha256: str
    """Hex digest of the file's bytes, and of those of the files it cannot be read without: the
    video's identity everywhere."""
    size_bytes: int
    """Length of the file in bytes."""
    width: int
    """Pixels across, after rotation was applied."""
    height: int
    """Pixels down, after rotation was applied."""
    rotation_deg: int
    """Clockwise rotation (0, 90, 180, 270) that the file asks for; readers have applied it."""
    codec: str
    """Codec name as FFmpeg gives it, such as `h264`; `motion` for a motion file."""
    pixel_format: str
    """Pixel format as FFmpeg gives it, such as `yuv420p10le`; empty where there are no pictures."""
    num_frames: int
    """Frames that the container holds packets for; decoding may end earlier in a damaged file."""
    duration_s: float
    """Time from the first frame to the end of the last [s]."""
    rate_hz: float
    """Frame rate from presentation time stamps [Hz]: mean where constant, median where not."""
    is_variable_rate: bool
    """Whether frame intervals differ by more than half a frame."""
    focal_px: float | None = None
    """Focal length found in the file's own metadata [px of the rotated frame], if any."""
    pixel_aspect: float = 1.0
    """Width of a stored pixel over its height; width and height count square ones, as readers make
    them."""
    transfer: int = 0
    """Number of the transfer curve (ITU-T H.273); readers bring high dynamic range, 16 and 18, to
    standard."""
    is_mirrored: bool = False
    """Whether the recording is a mirror image by the notes beside it; readers turn it back."""
    joints: tuple[int, ...] = ()
    """Frames at which another take begins, in files that were joined end to end."""
    time_scale: float = 1.0
    """Time that passed while it was filmed over the time that its stamps take: 1/4 for 120 Hz slow
    motion that plays at 30. Readers have applied it to all times."""

    num_tracks: int = 1
    """Video tracks in the file, cover pictures not counted; one of them is read."""
    track: int = 0
    """Which of them is read, from 0."""
    is_interlaced: bool = False
    """Whether its first frame holds two fields that were filmed one after the other; readers leave
    them as they are."""

    bytes_left: int = 0
    """Bytes of a second movie behind the first in the file, which are not read."""

    @property
    def has_pictures(self) -> bool:
        """Whether there are frames to look at; a motion file has none."""
        return self.width > 0


@dataclass(frozen=True, eq=False)
class Frame:
    """One decoded frame, rotation applied. Color conversion happens when first asked for."""

    index: int
    """Position in the video, from 0."""
    time_s: float
    """Presentation time [s], the first frame of the video at 0."""
    to_rgb: Callable[[], np.ndarray]
    """Makes the RGB image; may be called again while the frame is kept."""
    to_gray: Callable[[int], np.ndarray] | None = None
    """Makes a luma image of the given width, of the stored picture: a turn is not applied; `None`
    where the reader has no cheap way."""
    to_scaled: Callable[[int, int], tuple[np.ndarray, np.ndarray, np.ndarray]] | None = None
    """Makes the Y, U and V planes of an upright image (8 bit, 4:2:0, BT.601, limited range) of the
    given width and height, to be read only; `None` where the reader has only RGB."""
    size: tuple[int, int] | None = None
    """Width and height [px], upright, where known before the picture is made."""
    num_bytes: int | None = None
    """Memory that it takes while it is kept, its picture aside; `None` where that is not known."""
    _cache: dict[str, np.ndarray] = field(default_factory=dict, repr=False)

    @property
    def rgb(self) -> UInt8[np.ndarray, "height width 3"]:
        """The image in RGB order."""
        if "rgb" not in self._cache:
            self._cache["rgb"] = self.to_rgb()
        return self._cache["rgb"]

    def gray(self, width: int) -> UInt8[np.ndarray, "small_height width"]:
        """A small luma image `width` pixels across, for whole-frame statistics."""
        if self.to_gray is not None:
            return self.to_gray(width)
        step = max(1, self.rgb.shape[1] // width)
        return self.rgb[::step, ::step].mean(axis=2).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class Clip:
    """A span of one video without a hard cut: frames `[start, end)` of it."""

    video: Video
    """The video that this is a part of."""
    start: int
    """First frame of the span in the video."""
    time_s: Float[np.ndarray, " time"]
    """Presentation time of each frame of the span [s], on the video's clock, increasing."""
    kept: Mapping[int, Frame] = MappingProxyType({})
    """Frames of the video that were kept when it was decoded, by their place in it: all of a short
    video, none of a long one. For `read_frames`, which then need not decode again."""

    def __post_init__(self) -> None:
        if self.time_s.ndim != 1 or len(self.time_s) == 0:
            raise TrackError(f"a clip needs at least one frame time, got shape {self.time_s.shape}")
        if len(self.time_s) > 1 and not (np.diff(self.time_s) > 0).all():
            raise TrackError("frame times of a clip must increase strictly")

    @property
    def end(self) -> int:
        """One past the last frame of the span in the video."""
        return self.start + len(self.time_s)

    @property
    def num_frames(self) -> int:
        """Frames in the span."""
        return len(self.time_s)
