"""How far landmarks of a hand are off in the picture, and the chance that they are near."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr

from rotoscope.pipeline.geometry import hand_frame
from rotoscope.pipeline.tracks import Camera

TOLERANCE = 0.15
"""Root mean square distance of a row's points from the truth that its confidence is about, as a
share of the palm's length as it would be seen from the front: some 13 mm at the hand."""
_LEVEL, _SLOPE, _TOWARD, _SPREAD = 0.021, 0.630, -0.225, 0.536
"""The logarithm of that distance is normal about `_LEVEL + _SLOPE log r + _TOWARD q`, r being the
distance of the landmarks from a fitted hand's (root mean square, same unit), q how far fingertips
of thumb and index point at the camera from their knuckles, -1 to 1. Least squares over the 624
frames of the kinds `development` of `benchmarks._hand_kinds`, each kind counting as much; of
thirteen sets of inputs this one told best of kinds that were left out. The spread is what such
kinds had, since hands of another origin are another kind."""
_PALM = [0, 5, 9, 17]
_LEAST_RESIDUAL, _USUAL_RESIDUAL = 0.005, 0.027
"""A limit against zero; and the median over those frames."""


def chance_near(
    joints_m: Float[np.ndarray, "time 21 3"],
    reprojection_px: Float[np.ndarray, " time"] | None,
    camera: Camera,
) -> Float[np.ndarray, " time"]:
    """Chance that landmarks of a lifted hand are within `TOLERANCE`, frame by frame.

    Args:
        joints_m: The hand in the frame of the camera that saw it; NaN where unknown.
        reprojection_px: Distance of the lifted joints from the landmarks, root mean square; where
            hands come from elsewhere and have none, the median of the fit is assumed.
        camera: That camera.

    Returns:
        0..1; 0 where no hand is known.
    """
    wrist, middle = joints_m[:, hand_frame.WRIST], joints_m[:, hand_frame.MIDDLE_MCP]
    palm_px = camera.K[0, 0] * np.linalg.norm(middle - wrist, axis=1) / wrist[:, 2]
    away_px = palm_px * _USUAL_RESIDUAL if reprojection_px is None else reprojection_px
    with np.errstate(invalid="ignore"):
        expected = _LEVEL + _SLOPE * np.log(np.maximum(away_px / palm_px, _LEAST_RESIDUAL))
        expected = expected + _TOWARD * _toward_camera(joints_m)
    chance: np.ndarray = ndtr((np.log(TOLERANCE) - expected) / _SPREAD)
    return np.nan_to_num(chance)


def _toward_camera(joints_m: Float[np.ndarray, "time 21 3"]) -> Float[np.ndarray, " time"]:
    """Cosine between the way from the knuckles to both fingertips and that to the camera."""
    knuckles = joints_m[:, [hand_frame.INDEX_MCP, hand_frame.MIDDLE_MCP]].mean(axis=1)
    fingers = joints_m[:, [hand_frame.THUMB_TIP, hand_frame.INDEX_TIP]].mean(axis=1) - knuckles
    sight = joints_m[:, _PALM].mean(axis=1)
    size = np.linalg.norm(fingers, axis=1) * np.linalg.norm(sight, axis=1)
    return np.asarray(-(fingers * sight).sum(axis=1) / np.maximum(size, 1e-9))
