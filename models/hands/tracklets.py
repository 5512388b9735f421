"""Runs of detections that are one hand: what can be said without knowing which hand."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from rotoscope.models.hands.landmarker import Detection

_JITTER = 0.15
"""Distance that two looks at a hand that does not move may differ by, in hand sizes."""


@dataclass(eq=False)
class Tracklet:
    """Detections of one hand without a jump, at most one a frame."""

    frames: list[int] = field(default_factory=list)
    """Frames in which it was detected, increasing."""
    times_s: list[float] = field(default_factory=list)
    """Their times [s]."""
    detections: list[Detection] = field(default_factory=list)
    """The hand in each of them."""

    def add(self, frame: int, time_s: float, detection: Detection) -> None:
        """Appends the hand in a later frame."""
        self.frames.append(frame)
        self.times_s.append(time_s)
        self.detections.append(detection)

    @property
    def landmarks_px(self) -> Float[np.ndarray, "detection 21 2"]:
        """Image landmarks of all detections [px]."""
        return np.array([detection.landmarks_px for detection in self.detections])

    @property
    def hand_m(self) -> Float[np.ndarray, "detection 21 3"]:
        """Joints of all detections as the model gave them [m]."""
        return np.array([detection.hand_m for detection in self.detections])

    @property
    def right_probability(self) -> Float[np.ndarray, " detection"]:
        """The model's own probability of a right hand in all detections."""
        return np.array([detection.right_probability for detection in self.detections])

    def expected(self, time_s: float) -> Detection:
        """The hand at a later time if it keeps its velocity."""
        last = self.detections[-1]
        if len(self.detections) < 2:
            return last
        moved_px = last.center_px - self.detections[-2].center_px
        share = (time_s - self.times_s[-1]) / (self.times_s[-1] - self.times_s[-2])
        return last.shifted(moved_px * share)


def reachable_distance(gap_s: float, *, max_speed: float) -> float:
    """How far a hand can seem to move within a time, in hand sizes.

    Args:
        gap_s: Time between two detections [s].
        max_speed: Fastest motion of a hand [hand sizes / s].
    """
    return _JITTER + max_speed * gap_s


def build_tracklets(
    detections: Sequence[Sequence[Detection]],
    time_s: Float[np.ndarray, " time"],
    *,
    max_gap_s: float,
    max_speed: float,
) -> list[Tracklet]:
    """Connects detections from frame to frame, nearest to where each hand is expected first.

    Args:
        detections: The hands in each frame.
        time_s: Time of each frame [s].
        max_gap_s: A hand that was not seen for longer starts a new tracklet [s]; neighboring
            frames are connected at any frame rate.
        max_speed: So does one that would have moved faster [hand sizes / s].

    Returns:
        Tracklets by first frame.
    """
    if len(time_s) > 1:
        max_gap_s = max(max_gap_s, 1.5 * float(np.median(np.diff(time_s))))
    out: list[Tracklet] = []
    recent: list[Tracklet] = []
    for frame, (now_s, hands) in enumerate(zip(time_s.tolist(), detections, strict=True)):
        recent = [t for t in recent if now_s - t.times_s[-1] <= max_gap_s]
        continued = _connect(recent, now_s, hands, max_speed)
        for index, hand in enumerate(hands):
            tracklet = continued.get(index)
            if tracklet is None:
                tracklet = Tracklet()
                out.append(tracklet)
                recent.append(tracklet)
            tracklet.add(frame, now_s, hand)
    return out


def _connect(
    tracklets: Sequence[Tracklet], now_s: float, hands: Sequence[Detection], max_speed: float
) -> dict[int, Tracklet]:
    """Which tracklet each hand of a frame continues, by the hand's index; nearest pairs first."""
    pairs = []
    for t, tracklet in enumerate(tracklets):
        expected = tracklet.expected(now_s)
        limit = reachable_distance(now_s - tracklet.times_s[-1], max_speed=max_speed)
        for h, hand in enumerate(hands):
            distance = expected.distance(hand)
            if distance <= limit:
                pairs.append((distance, t, h))
    out: dict[int, Tracklet] = {}
    used: set[int] = set()
    for _, t, h in sorted(pairs):
        if h not in out and t not in used:
            out[h] = tracklets[t]
            used.add(t)
    return out


def frames_at_breaks(
    tracklets: Sequence[Tracklet], *, min_break_s: float, max_speed: float
) -> list[int]:
    """Frames to give up so that what cannot be one motion is never joined into one.

    Where one tracklet follows another so soon and so far away that no hand moves like that, frames
    of the shorter one are given up until `min_break_s` lies between them.

    Args:
        tracklets: Those of one side, one after the other.
        min_break_s: Least time between two different motions [s].
        max_speed: Fastest motion of a hand [hand sizes / s].
    """
    out: list[int] = []
    for before, after in itertools.pairwise(tracklets):
        gap_s = after.times_s[0] - before.times_s[-1]
        distance = before.detections[-1].distance(after.detections[0])
        if distance <= reachable_distance(gap_s, max_speed=max_speed):
            continue
        if len(after.frames) < len(before.frames):
            near = [t - before.times_s[-1] < min_break_s for t in after.times_s]
            out.extend(itertools.compress(after.frames, near))
        else:
            near = [after.times_s[0] - t < min_break_s for t in before.times_s]
            out.extend(itertools.compress(before.frames, near))
    return out
