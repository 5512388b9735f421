"""What a palm looks like: skin, or something else that has the shape of a hand.

The landmark network knows shapes; it follows a cartoon's paw, a drawn hand or a robot's as well as
a real one. Two things are cheap to see. Skin of every shade reflects more red than green light
(blood does), which gray, white, blue and green things do not. And a real palm, seen by a camera,
has shading and grain: a drawn one is filled with one color.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from jaxtyping import UInt8

from rotoscope.models.hands.landmarker import Detection

_PALM = [0, 1, 5, 9, 13, 17]
_SIDE = 96
"""Hands are scaled down to this before their texture is looked at [px]: what a codec has smoothed
away in a large picture is no sign of a drawing."""
_NO_TEXTURE = 0.5
"""Second difference of the gray values below which a pixel is flat [of 255]."""
_MIN_COLOR = 0.01
"""Least mean difference between the shares of two colors in a picture that has any: none is said
about skin in black and white."""


def with_appearance(detection: Detection, rgb: UInt8[np.ndarray, "height width 3"]) -> Detection:
    """The same hand with `redness` and `flatness` of its palm in this picture.

    Redness is the median over the palm of the red share of a pixel's light minus the green share.
    """
    import cv2

    height, width = rgb.shape[:2]
    corners = detection.landmarks_px[_PALM]
    left, top = np.maximum(np.floor(corners.min(axis=0)).astype(int) - 1, 0)
    right, bottom = np.ceil(corners.max(axis=0)).astype(int) + 2
    crop = rgb[top : min(bottom, height), left : min(right, width)]
    if min(crop.shape[:2]) < 3:
        return detection
    scale = min(1.0, _SIDE / max(crop.shape[:2]))
    small = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    mask = np.zeros(small.shape[:2], np.uint8)
    hull = cv2.convexHull(np.round((corners - (left, top)) * scale).astype(np.int32))
    cv2.fillPoly(mask, [hull], (1,))
    is_palm = mask > 0
    if not is_palm.any():
        return detection
    shares = small / np.maximum(small.sum(axis=2, keepdims=True, dtype=float), 1.0)
    gray = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    texture = np.abs(cv2.Laplacian(gray, cv2.CV_64F))[is_palm]
    has_color = np.abs(shares - 1.0 / 3.0).mean() >= _MIN_COLOR or _has_color(rgb)
    redness = np.median((shares[..., 0] - shares[..., 1])[is_palm])
    return dataclasses.replace(
        detection,
        redness=float(redness) if has_color else math.nan,
        flatness=float((texture < _NO_TEXTURE).mean()),
    )


def _has_color(rgb: UInt8[np.ndarray, "height width 3"]) -> bool:
    """Whether a picture is more than black and white; seen on a sample of its pixels."""
    some = rgb[::16, ::16].astype(float)
    shares = some / np.maximum(some.sum(axis=2, keepdims=True), 1.0)
    return bool(np.abs(shares - 1.0 / 3.0).mean() >= _MIN_COLOR)
