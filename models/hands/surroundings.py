"""Whether a hand moves against what is around it: a picture of a hand does not.

Points around the hand are followed from look to look (pyramidal Lucas-Kanade) and a similarity is
fitted to most of them. It takes the hand's landmarks along as if they were painted on the
background; a hand that stays where they come to lie neither moves nor bends its fingers.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.hands.landmarker import Detection

_WIDTH = 320
"""Pictures are thinned out to about this before points are followed [px]."""
_REACH = 1.0
"""How far around a hand's box points are taken, in sides of the box."""
_NUM_POINTS, _MIN_POINTS = 60, 8
_INLIER_PX = 1.0


class Surroundings:
    """Takes one hand's landmarks along with the background, from look to look."""

    def __init__(self) -> None:
        self._gray: np.ndarray | None = None
        self._hand: Detection | None = None

    def moved(self, hand: Detection, rgb: UInt8[np.ndarray, "height width 3"]) -> float:
        """How far the hand is from where the background took it [hand sizes]; NaN: unknown.

        Unknown is the first look, and any with too few points that can be followed from the last.
        """
        import cv2

        step = max(1, rgb.shape[1] // _WIDTH)
        gray = cv2.cvtColor(np.ascontiguousarray(rgb[::step, ::step]), cv2.COLOR_RGB2GRAY)
        before, last = self._gray, self._hand
        self._gray, self._hand = gray, hand
        if before is None or last is None:
            return np.nan
        motion = _motion(before, gray, last.landmarks_px / step)
        if motion is None:
            return np.nan
        carried_px = (last.landmarks_px @ motion[:, :2].T) + motion[:, 2] * step
        apart = np.linalg.norm(hand.landmarks_px - carried_px, axis=1).mean()
        return float(apart / max(hand.size_px, 1e-6))


def _motion(
    before: np.ndarray, after: np.ndarray, hand_px: Float[np.ndarray, "21 2"]
) -> Float[np.ndarray, "2 3"] | None:
    """The similarity that most points around a hand follow, if there are enough of them."""
    import cv2

    mask = np.zeros(before.shape, np.uint8)
    low, high = hand_px.min(axis=0), hand_px.max(axis=0)
    reach = _REACH * (high - low).max()
    left, top = np.maximum(low - reach, 0).astype(int)
    right, bottom = np.maximum(high + reach, 0).astype(int)
    mask[top:bottom, left:right] = 255
    cv2.fillPoly(mask, [cv2.convexHull(np.round(hand_px).astype(np.int32))], (0,))
    points = cv2.goodFeaturesToTrack(before, _NUM_POINTS, 0.02, 4, mask=mask)
    if points is None or len(points) < _MIN_POINTS:
        return None
    arrived, is_found, _ = cv2.calcOpticalFlowPyrLK(before, after, points, points.copy())
    kept = is_found.ravel() > 0
    if kept.sum() < _MIN_POINTS:
        return None
    motion, inliers = cv2.estimateAffinePartial2D(
        points[kept], arrived[kept], ransacReprojThreshold=_INLIER_PX
    )
    if motion is None or inliers.sum() < max(_MIN_POINTS, kept.sum() / 2):
        return None
    return np.asarray(motion, float)
