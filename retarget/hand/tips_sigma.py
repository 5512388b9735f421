"""How far fingertips may be from where a hand track has them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.tracks import HandTrack

TIPS_NOISE_M = 0.022
"""Root mean square error of the fingertips in the wrist frame where all landmarks fit [m]."""
TIPS_PER_RESIDUAL = 7.0
"""How much of it comes on top for each meter that the landmarks do not fit by (root mean square):
what a finger hides is guessed, and the guess seldom fits the hand. Both are the likeliest on the
development kinds of rendered hands, of three origins, with and without things in them."""


def tips_sigma(hand: HandTrack) -> Float[np.ndarray, " time"]:
    """Root mean square error to expect of the fingertips as seen from the wrist [m].

    It grows with how far the image landmarks lie from the fitted joints, in meters at the hand: the
    distance in pixels times the hand's size across the line of sight over its size in the image.
    Where a track does not say that, as one from elsewhere, it is `TIPS_NOISE_M`; NaN where the hand
    is unknown.
    """
    if hand.joints_m is None:
        return np.full(len(hand.valid), np.nan)
    seen = np.isfinite(hand.joints_m).all(axis=(1, 2))
    residual_m = np.zeros(len(seen))
    if hand.reprojection_px is not None:
        scale = _extent(hand.joints_m[:, :, :2]) / np.maximum(_extent(hand.landmarks_px), 1e-9)
        residual_m = np.nan_to_num(hand.reprojection_px * scale)
    return np.where(seen, np.hypot(TIPS_NOISE_M, TIPS_PER_RESIDUAL * residual_m), np.nan)


def _extent(points: Float[np.ndarray, "time joint 2"]) -> Float[np.ndarray, " time"]:
    """Root of the summed squared distances of points from their middle."""
    return np.asarray(
        np.sqrt(((points - points.mean(axis=1, keepdims=True)) ** 2).sum(axis=(1, 2)))
    )
