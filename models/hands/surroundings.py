"""Whether a hand moves against what is around it: a picture of a hand does not.

Points around the hand and on it are followed from look to look (pyramidal Lucas-Kanade). A
similarity is fitted to most of those around it, and takes those on the hand along as if they were
painted on the background. Pixels are followed, not landmarks, which jump about on a picture too.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.hands.landmarker import Detection

_WIDTH = 320
"""Pictures are thinned out to about this before points are followed [px]."""
_REACH = 1.0
"""How far around a hand's box points are taken, in sides of the box."""
_NUM_POINTS, _MIN_POINTS = 60, 6
_QUALITY = 0.002
"""Least corner, over the best one of the picture's part; skin has little texture."""
_INLIER_PX = 1.0


class Surroundings:
    """Watches one hand before its background, from look to look."""

    def __init__(self) -> None:
        self._gray: np.ndarray | None = None
        self._hand: Detection | None = None

    def moved(self, hand: Detection, rgb: UInt8[np.ndarray, "height width 3"]) -> float:
        """How far the hand has moved against the background [hand sizes]; NaN: unknown.

        Unknown is the first look, and any with too few points that can be followed from the last.
        """
        import cv2

        step = max(1, rgb.shape[1] // _WIDTH)
        gray = cv2.cvtColor(np.ascontiguousarray(rgb[::step, ::step]), cv2.COLOR_RGB2GRAY)
        before, last = self._gray, self._hand
        self._gray, self._hand = gray, hand
        if before is None or last is None:
            return np.nan
        apart_px = _apart_px(before, gray, last.landmarks_px / step)
        return apart_px * step / max(hand.size_px, 1e-6)


def _apart_px(before: np.ndarray, after: np.ndarray, hand_px: Float[np.ndarray, "21 2"]) -> float:
    """How far points on a hand are, at the median, from where those around it take them."""
    import cv2

    hull = cv2.convexHull(np.round(hand_px).astype(np.int32))
    low, high = hand_px.min(axis=0), hand_px.max(axis=0)
    reach = _REACH * (high - low).max()
    left, top = np.maximum(low - reach, 0).astype(int)
    right, bottom = np.maximum(high + reach, 0).astype(int)
    around = np.zeros(before.shape, np.uint8)
    around[top:bottom, left:right] = 255
    cv2.fillPoly(around, [hull], (0,))
    on_it = np.zeros(before.shape, np.uint8)
    cv2.fillPoly(on_it, [hull], (255,))
    outside, inside = (_followed(before, after, mask) for mask in (around, on_it))
    if outside is None or inside is None:
        return np.nan
    motion, inliers = cv2.estimateAffinePartial2D(*outside, ransacReprojThreshold=_INLIER_PX)
    if motion is None or inliers.sum() < max(_MIN_POINTS, len(inliers) / 2):
        return np.nan
    carried = inside[0] @ motion[:, :2].T + motion[:, 2]
    return float(np.median(np.linalg.norm(inside[1] - carried, axis=1)))


def _followed(
    before: np.ndarray, after: np.ndarray, mask: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Points of a part of the picture, before and after, if enough can be followed."""
    import cv2

    points = cv2.goodFeaturesToTrack(before, _NUM_POINTS, _QUALITY, 3, mask=mask)
    if points is None or len(points) < _MIN_POINTS:
        return None
    arrived, is_found, _ = cv2.calcOpticalFlowPyrLK(before, after, points, points.copy())
    kept = is_found.ravel() > 0
    if kept.sum() < _MIN_POINTS:
        return None
    return points[kept, 0], np.asarray(arrived)[kept, 0]
