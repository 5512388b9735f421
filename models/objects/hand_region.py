"""Which pixels of a small picture a hand covers, and which lie near it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.geometry import hand_frame
from rotoscope.pipeline.stage import select
from rotoscope.pipeline.tracks import HandTrack, Side, Track

MAX_BRIDGE_FRAMES = 12
"""A hand that is not seen for up to so many frames is taken to be on the line between."""
FINGER_PALMS = 0.2
"""Width of a finger."""
MARGIN_PALMS = 0.10
"""What is nearer to the hand's outline is neither hand nor thing for sure."""
NEAR_PALMS = 2.6
"""How far from the hand what it holds begins."""
FOREARM_COSINE = 0.77
"""What lies within 40 degrees behind the wrist is forearm, sleeve, or hidden by it."""
FOREARM_PALMS = 0.75
"""Half the width of what goes on behind the wrist."""
_FINGERS = tuple((0, *range(k, k + 4)) for k in (1, 5, 9, 13, 17))
_PALM = [0, 1, 5, 9, 13, 17]


@dataclass(frozen=True, eq=False)
class SeenHand:
    """A hand in pixels of the small pictures, short gaps bridged."""

    side: Side
    marks: Float[np.ndarray, "time 21 2"]
    """Landmarks [px of the small picture]; NaN where it is away."""
    palm: Float[np.ndarray, " time"]
    """Length of the palm, never less than its width times 1.2 [px of the small picture]."""

    @property
    def is_there(self) -> Bool[np.ndarray, " time"]:
        """Frames in which it is known where it is."""
        return np.isfinite(self.palm)

    def tips(self, frame: int) -> Float[np.ndarray, " 2"]:
        """Middle between thumb tip and index tip."""
        ends = [hand_frame.THUMB_TIP, hand_frame.INDEX_TIP]
        return np.asarray(self.marks[frame, ends].mean(axis=0))

    def step(self, frame: int, other: int) -> Float[np.ndarray, " 2"]:
        """How its landmarks move from one frame to another, in the median."""
        return np.asarray(np.median(self.marks[other] - self.marks[frame], axis=0))

    def mask(
        self, frame: int, shape: tuple[int, int], *, margin: float = 0.0
    ) -> Bool[np.ndarray, "height width"]:
        """Pixels of the hand; with a margin in palms around it."""
        import cv2

        marks, palm = self.marks[frame], self.palm[frame]
        out = np.zeros(shape, np.uint8)
        wide = max(1, round((FINGER_PALMS + 2 * margin) * palm))
        at = np.round(marks).astype(np.int32)
        for finger in _FINGERS:
            cv2.polylines(out, [at[list(finger)]], False, 1, wide)
        cv2.fillConvexPoly(out, cv2.convexHull(at[_PALM]), 1)
        return out.astype(bool)

    def behind(self, frame: int, shape: tuple[int, int]) -> Bool[np.ndarray, "height width"]:
        """Pixels where forearm and sleeve are."""
        wrist, middle = self.marks[frame, 0], self.marks[frame, hand_frame.MIDDLE_MCP]
        back = (wrist - middle) / max(float(np.linalg.norm(wrist - middle)), 1e-6)
        x = np.arange(shape[1], dtype=np.float32) - np.float32(wrist[0])
        y = (np.arange(shape[0], dtype=np.float32) - np.float32(wrist[1]))[:, None]
        along = x * np.float32(back[0]) + y * np.float32(back[1])
        across = np.abs(x * np.float32(back[1]) - y * np.float32(back[0]))
        tangent = float(np.sqrt(1 / FOREARM_COSINE**2 - 1))
        near = across < FOREARM_PALMS * self.palm[frame]
        return np.asarray((along > 0) & ((across < tangent * along) | near))


def seen_hands(tracks: Mapping[str, Track], scale: float) -> list[SeenHand]:
    """The hands of a clip in pictures that are `scale` times as large, each once."""
    found, scores = [], []
    for track in select(dict(tracks), ("hands",)).values():
        if isinstance(track, HandTrack):
            hand = seen_hand(track, scale)
            if hand is not None:
                found.append(hand)
                scores.append(float(np.nansum(track.score)))
    return without_doubles(found, scores)


def seen_hand(hand: HandTrack, scale: float) -> SeenHand | None:
    """The hand in pictures that are `scale` times as large; `None` where it is never seen."""
    # A hand whose place in the room is not known for the camera's sake is seen in the picture.
    known = np.flatnonzero(np.isfinite(hand.landmarks_px).all(axis=(1, 2)))
    if len(known) < 2:
        return None
    num = len(hand.valid)
    frames, flat = np.arange(num), hand.landmarks_px.reshape(num, -1)
    between = np.stack([np.interp(frames, known, column[known]) for column in flat.T], axis=1)
    after = known[np.clip(np.searchsorted(known, frames), 0, len(known) - 1)]
    before = known[np.clip(np.searchsorted(known, frames, side="right") - 1, 0, len(known) - 1)]
    inside = (frames >= known[0]) & (frames <= known[-1])
    bridged = inside & (after - before <= MAX_BRIDGE_FRAMES)
    marks = np.where(bridged[:, None, None], between.reshape(num, -1, 2) * scale, np.nan)
    length = np.linalg.norm(marks[:, hand_frame.MIDDLE_MCP] - marks[:, 0], axis=1)
    width = np.linalg.norm(marks[:, hand_frame.INDEX_MCP] - marks[:, 17], axis=1)
    return SeenHand(hand.side, marks, np.maximum(length, 1.2 * width))


def without_doubles(hands: list[SeenHand], scores: list[float]) -> list[SeenHand]:
    """The hands, frames taken out of one that lies on the other: it is seen twice."""
    if len(hands) < 2:
        return hands
    off = np.linalg.norm(hands[0].marks - hands[1].marks, axis=2).mean(axis=1)
    with np.errstate(invalid="ignore"):  # a hand that is away is NaN
        doubled = off < 0.5 * hands[0].palm
    worse = int(np.argmin(scores))
    marks, palm = hands[worse].marks.copy(), hands[worse].palm.copy()
    marks[doubled], palm[doubled] = np.nan, np.nan
    out = list(hands)
    out[worse] = SeenHand(hands[worse].side, marks, palm)
    return out
