"""Things that hands move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.tracks.base import Track, require_shape

CONTACT_DOUBTED = "objects_contact_doubted"
"""Fact of `quality.objects` that says why contacts of a clip must not be relied on."""


@dataclass(frozen=True, eq=False)
class ObjectTrack(Track):
    """One thing over a clip: its segment, its path, and which hand holds it when."""

    number: int
    """Counted from 1 in the clip, in the order in which they are first taken."""
    mask_bits: UInt8[np.ndarray, "time byte"]
    """Its segment in a picture of `mask_width` by `mask_height`, eight pixels a byte, row by row;
    see `mask`. Hands before it are cut out."""
    mask_width: int
    """Pixels across of the segments."""
    mask_height: int
    """Pixels down of the segments."""
    valid: Bool[np.ndarray, " time"]
    """The thing is seen."""
    center_px: Float[np.ndarray, "time 2"]
    """Middle of its segment [px of the frame]; NaN where it is not seen."""
    sigma_px: Float[np.ndarray, " time"]
    """1-sigma of that along an axis [px of the frame]; more where a hand hides more of it."""
    held: Bool[np.ndarray, "time 2"]
    """Whether the left and the right hand hold it: from where it begins to move with the hand to
    where it comes to rest without it."""
    center_m: Float[np.ndarray, "time 3"]
    """Where it is, in the frame of the hands [m]; NaN where that is not known."""
    sigma_m: Float[np.ndarray, "time 3"]
    """1-sigma of that along the axes [m]."""

    def __post_init__(self) -> None:
        super().__post_init__()
        num_bytes = -(-self.mask_width * self.mask_height // 8)
        require_shape("ObjectTrack", "mask_bits", self.mask_bits, (num_bytes,))
        require_shape("ObjectTrack", "center_px", self.center_px, (2,))
        require_shape("ObjectTrack", "held", self.held, (2,))
        require_shape("ObjectTrack", "center_m", self.center_m, (3,))
        if self.number < 1:
            raise TrackError(f"ObjectTrack.number counts from 1, got {self.number}")

    def mask(self, frame: int) -> Bool[np.ndarray, "height width"]:
        """Its segment in a frame."""
        count = self.mask_width * self.mask_height
        bits = np.unpackbits(self.mask_bits[frame], count=count)
        return bits.astype(bool).reshape(self.mask_height, self.mask_width)

    @property
    def is_held(self) -> Bool[np.ndarray, " time"]:
        """Frames in which any hand holds it."""
        return np.asarray(self.held.any(axis=1))
