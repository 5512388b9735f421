"""What a file's own metadata say about how it was taken: the turn, and the focal length."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.buffer import Buffer

FULL_FRAME_WIDTH_MM = 36.0
"""Width of the film frame that equivalent focal lengths refer to."""
FOCAL_KEYS = (
    "com.apple.quicktime.camera.focal_length.35mm_equivalent",
    "focallengthin35mmformat",
    "focallengthin35mmfilm",
)
"""Metadata keys, in lower case, that hold a 35 mm equivalent focal length [mm]. Android writes
none."""
CAPTURE_RATE_KEY = "com.android.capture.fps"
"""Metadata key of Android's frame rate while filming [Hz]; slow motion plays slower."""
PLAUSIBLE_ASPECT, MIN_ASPECT_CHANGE = (0.25, 4.0), 0.01
PLAUSIBLE_FOCAL_MM = (5.0, 2000.0)


def rotation_of(frame: av.VideoFrame) -> int:
    """Clockwise turn (0, 90, 180, 270) that makes a decoded frame upright [deg].

    It comes from the display matrix, which FFmpeg states as a counter-clockwise angle; a turn
    that is no multiple of 90 is taken to the nearest.
    """
    return round(-frame.rotation / 90) % 4 * 90


def pixel_aspect_of(stated: Fraction | None) -> float:
    """Width of a stored pixel over its height; 1 where nothing that can be meant is stated.

    Also 1 where it would change the picture by less than a percent.
    """
    aspect = float(stated or 1)
    low, high = PLAUSIBLE_ASPECT
    is_square = abs(aspect - 1.0) < MIN_ASPECT_CHANGE
    return 1.0 if is_square or not low <= aspect <= high else aspect


def is_mirrored(frame: av.VideoFrame) -> bool:
    """Whether the display matrix asks for a mirror image, which would swap left and right hands."""
    try:
        data = cast("Mapping[str, Buffer]", frame.side_data)["DISPLAYMATRIX"]
    except KeyError:
        return False
    matrix = np.frombuffer(data, np.int32).astype(float)
    return bool(matrix[0] * matrix[4] - matrix[1] * matrix[3] < 0)


def focal_px_of(metadata: Mapping[str, str], *, width: int, height: int) -> float | None:
    """Focal length [px] by a 35 mm equivalent in the metadata, or `None`.

    Convention: the long side of the picture stands for the 36 mm of the film frame, so that
    `focal_px = equivalent_mm / 36 * max(width, height)`, also for a picture taken upright.
    """
    by_key = {key.lower(): value for key, value in metadata.items()}
    for key in FOCAL_KEYS:
        try:
            equivalent_mm = float(by_key[key])
        except (KeyError, ValueError):
            continue
        low, high = PLAUSIBLE_FOCAL_MM
        if math.isfinite(equivalent_mm) and low <= equivalent_mm <= high:
            return equivalent_mm / FULL_FRAME_WIDTH_MM * max(width, height)
    return None


def capture_rate_of(metadata: Mapping[str, str]) -> float | None:
    """Frame rate while it was filmed [Hz] by the metadata, or `None`."""
    by_key = {key.lower(): value for key, value in metadata.items()}
    try:
        rate_hz = float(by_key[CAPTURE_RATE_KEY])
    except (KeyError, ValueError):
        return None
    return rate_hz if math.isfinite(rate_hz) and rate_hz > 0 else None


def unlike_a_pinhole(frame: av.VideoFrame) -> str:
    """What a file says that no flat picture of one eye is; empty where it says nothing.

    From the side data of spherical (Google's spherical video, V1 and V2) and stereoscopic files.
    """
    said = cast("Mapping[str, Buffer]", frame.side_data)
    found = []
    if "SPHERICAL" in said:
        found.append("a spherical picture")
    # AVStereo3D begins with its layout; 0 is a single picture.
    if "STEREO3D" in said and np.frombuffer(said["STEREO3D"], np.int32, 1)[0] != 0:
        found.append("the pictures of two eyes")
    return " with ".join(found)
