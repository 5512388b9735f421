"""Pictures as networks of any kind take them: how large, and whether there is anything to see."""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8

from rotoscope.pipeline.types import Video

MIN_CONTRAST = 12
"""Pictures whose gray levels spread by less from the 2nd to the 98th percentile show nothing: noise
of 2 levels, as sensors have, spreads by 8."""


def shrunk(video: Video, side_px: int) -> tuple[int, int]:
    """Width and height of a video's pictures, the longer one `side_px` at the most."""
    scale = min(1.0, side_px / max(video.width, video.height))
    return max(1, round(video.width * scale)), max(1, round(video.height * scale))


def is_blank(picture: UInt8[np.ndarray, "height width *channels"]) -> bool:
    """Whether a picture shows nothing: covered, black, or of one color."""
    low, high = np.percentile(picture, [2, 98])
    return bool(high - low < MIN_CONTRAST)
