"""How a hand's distance changes from frame to frame, told by its own points and not by landmarks.

Where a thing hides part of a hand, the landmark model draws a smaller hand into what is left to
see, and the hand seems to leap away. What is left does not shrink: its points, followed by Lucas
and Kanade's flow, keep their distances from each other. Points that spread come nearer; where they
spread more one way than the other, the hand turns, or its fingers move, and little is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from rotoscope.models.hands.bridge import Read, gray_of
from rotoscope.models.hands.plausibility import size_px

HAND_PX = 160.0
"""Hands are scaled to this size before they are followed [px]."""
STEP_S = 0.1
"""Least time between frames that are compared [s]."""
SCALE_FLOOR, TURN_SHARE = 0.02, 0.8
"""1-sigma of a step in the logarithm of the distance where all points agree: the first, and this
share of the logarithm of how much more points spread one way than the other. Errors of single steps
are a third of it: those of neighboring steps are alike."""
AGREEMENT_POWER = 0.7
"""Sigma grows with the share of points that move as one, to this power, as that falls."""
_MARGIN = 0.4
_MOST_POINTS, _LEAST_POINTS = 60, 8
_QUALITY, _APART_PX = 0.01, 5
_WINDOW, _LEVELS = (15, 15), 3
_MAX_RETURN_PX, _MAX_OFF_PX = 1.0, 1.0
_LEAST_AGREEMENT = 0.2


@dataclass(frozen=True, eq=False)
class DistanceSteps:
    """Changes of one hand's distance from the frame before; NaN where it was not followed."""

    log_change: Float[np.ndarray, " time"]
    """Logarithm of the distance over that in the frame before."""
    sigma: Float[np.ndarray, " time"]
    """1-sigma of it."""


@dataclass(eq=False)
class _Followed:
    """One hand while it is followed."""

    landmarks_px: Float[np.ndarray, "time 21 2"]
    wanted: Bool[np.ndarray, " time"]
    steps: DistanceSteps
    row: int = -1
    """Frame in which it was looked at last; -1: none."""
    picture: UInt8[np.ndarray, "height width"] | None = None

    def take(self, row: int, picture: UInt8[np.ndarray, "height width"]) -> None:
        """Compares the hand with itself where it was looked at last."""
        if self.picture is not None:
            change, sigma = _step(self.picture, picture, self.landmarks_px[self.row])
            num = row - self.row
            since = slice(self.row + 1, row + 1)
            self.steps.log_change[since] = change / num
            self.steps.sigma[since] = sigma / np.sqrt(num)
        self.row, self.picture = row, picture


def distance_steps(
    hands: Mapping[str, tuple[Float[np.ndarray, "time 21 2"], Bool[np.ndarray, " time"]]],
    time_s: Float[np.ndarray, " time"],
    read: Read,
) -> dict[str, DistanceSteps]:
    """Changes of distance between frames that follow each other, by those `STEP_S` apart.

    Args:
        hands: By name, landmarks [px] and the frames in which a hand is to be followed.
        time_s: Time of each frame [s].
        read: Reads frames; those in which any hand is to be followed are asked for.
    """
    unknown = np.full(len(time_s), np.nan)
    followed = {
        name: _Followed(*of, DistanceSteps(unknown.copy(), unknown.copy()))
        for name, of in hands.items()
    }
    for start, end in _stretches([wanted for _, wanted in hands.values()]):
        for row, frame in enumerate(read(start, end), start):
            here = [hand for hand in followed.values() if _is_due(hand, row, time_s)]
            if here:
                picture = gray_of(frame)
                for hand in here:
                    hand.take(row, picture)
    return {name: hand.steps for name, hand in followed.items()}


def _is_due(hand: _Followed, row: int, time_s: Float[np.ndarray, " time"]) -> bool:
    """Whether a hand is to be looked at: after a while, and at both ends of a run of frames."""
    if not hand.wanted[row]:
        hand.picture = None
        return False
    is_last = row + 1 == len(time_s) or not hand.wanted[row + 1]
    waited_s = float(time_s[row] - time_s[hand.row])
    return hand.picture is None or is_last or waited_s > STEP_S - 1e-3


def _stretches(wanted: list[Bool[np.ndarray, " time"]]) -> list[tuple[int, int]]:
    """Runs `[start, end)` of frames in which any hand is wanted."""
    edges = np.flatnonzero(np.diff(np.any([*wanted], axis=0), prepend=False, append=False))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _step(
    before: UInt8[np.ndarray, "height width"],
    now: UInt8[np.ndarray, "height width"],
    landmarks_px: Float[np.ndarray, "21 2"],
) -> tuple[float, float]:
    """Logarithm of how much farther the hand is now, and its sigma; NaN where it is not known."""
    import cv2

    hand_px = float(size_px(landmarks_px))
    margin = _MARGIN * hand_px
    corner = np.maximum(np.floor(landmarks_px.min(axis=0) - margin), 0).astype(int)
    end = np.ceil(landmarks_px.max(axis=0) + margin).astype(int)
    window = (slice(corner[1], max(end[1], 0)), slice(corner[0], max(end[0], 0)))
    if before[window].size == 0:
        return np.nan, np.nan
    zoom = HAND_PX / hand_px
    small, small_now = (
        cv2.resize(np.ascontiguousarray(one[window]), None, fx=zoom, fy=zoom,
                   interpolation=cv2.INTER_AREA)
        for one in (before, now)
    )  # fmt: skip
    start = _points(small, np.round((landmarks_px - corner) * zoom).astype(np.int32))
    start, there = _followed(small, small_now, start)
    if len(start) < _LEAST_POINTS:
        return np.nan, np.nan
    alike, agrees = cv2.estimateAffinePartial2D(start, there, ransacReprojThreshold=_MAX_OFF_PX)
    any_way, _ = cv2.estimateAffine2D(start, there, ransacReprojThreshold=_MAX_OFF_PX)
    if alike is None or any_way is None or agrees.sum() < _LEAST_POINTS:
        return np.nan, np.nan
    most, least = np.linalg.svd(np.asarray(any_way[:, :2], np.float64), compute_uv=False)
    uneven = abs(float(np.log(most / max(least, 1e-6))))
    share = max(float(agrees.mean()), _LEAST_AGREEMENT)
    sigma = float(np.hypot(SCALE_FLOOR, TURN_SHARE * uneven)) / share**AGREEMENT_POWER
    area = float(np.linalg.det(np.asarray(alike[:, :2], np.float64)))
    return -0.5 * float(np.log(area)), sigma


def _points(
    picture: UInt8[np.ndarray, "height width"], landmarks: Int[np.ndarray, "21 2"]
) -> Float[np.ndarray, "point 2"]:
    """Points of the hand that can be followed."""
    import cv2

    hand = np.zeros_like(picture)
    cv2.fillPoly(hand, [cv2.convexHull(landmarks)], 255)
    points = cv2.goodFeaturesToTrack(picture, _MOST_POINTS, _QUALITY, _APART_PX, mask=hand)
    return np.zeros((0, 2), np.float32) if points is None else points.reshape(-1, 2)


def _followed(
    before: UInt8[np.ndarray, "height width"],
    now: UInt8[np.ndarray, "height width"],
    start: Float[np.ndarray, "point 2"],
) -> tuple[Float[np.ndarray, "followed 2"], Float[np.ndarray, "followed 2"]]:
    """Those points that come back when they are followed there and back, and where they went."""
    if len(start) < _LEAST_POINTS:
        return start[:0], start[:0]
    there, found = _flow(before, now, start)
    back, found_back = _flow(now, before, there)
    returns = np.linalg.norm(back - start, axis=1) < _MAX_RETURN_PX
    kept = returns & found & found_back
    return start[kept], there[kept]


def _flow(
    before: UInt8[np.ndarray, "height width"],
    now: UInt8[np.ndarray, "height width"],
    points: Float[np.ndarray, "point 2"],
) -> tuple[Float[np.ndarray, "point 2"], Bool[np.ndarray, " point"]]:
    import cv2

    there, found, _ = cv2.calcOpticalFlowPyrLK(
        before, now, points, points.copy(), winSize=_WINDOW, maxLevel=_LEVELS
    )
    return np.asarray(there), np.asarray(found).ravel() == 1
