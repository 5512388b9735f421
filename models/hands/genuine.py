"""Which stretches are a real hand: of skin, not drawn, and not a picture on a wall.

Skin shows by its color, a drawing by its lack of texture (`appearance`), a picture by staying where
its surroundings take it (`surroundings`). What is told apart by none of them, such as a doll or a
wooden hand that is moved, stays.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rotoscope.models.hands.landmarker import Detection
from rotoscope.models.hands.tracklets import Tracklet

_PICTURE_S, _PICTURE_LOOKS = 2.0, 8
"""Least time and looks in which a hand has to move, to be told from a picture of one."""
_MOST = 90
"""Percentile of the looks that counts: a hand may hold still most of the time, a picture never
moves. Pictures stay below .005 there, real hands that only bend fingers have .011 and more (photos
of cup and box on walls, box.mp4; the hand of dex_retargeting before a camera that pans)."""


def appearance_gate(
    tracklet: Tracklet, *, min_redness: float, max_flatness: float, min_motion: float
) -> str:
    """Why a stretch is no real hand, of `HAND_GATES`; empty where it may be one.

    What is unknown speaks for it.

    Args:
        tracklet: Detections of one hand.
        min_redness: Least median redness of the palm.
        max_flatness: Largest median share of the palm without texture.
        min_motion: Least motion against the surroundings from look to look, a fifth of a second
            [hand sizes]; of stretches that are long enough to tell.
    """
    redness = _known(tracklet, lambda hand: hand.redness)
    flatness = _known(tracklet, lambda hand: hand.flatness)
    if redness.size and np.median(redness) < min_redness:
        return "not_skin"
    if flatness.size and np.median(flatness) > max_flatness:
        return "drawn"
    moved = _known(tracklet, lambda hand: hand.moved)
    is_long = tracklet.times_s[-1] - tracklet.times_s[0] >= _PICTURE_S
    if len(moved) >= _PICTURE_LOOKS and is_long and np.percentile(moved, _MOST) < min_motion:
        return "never_moves"
    return ""


def _known(tracklet: Tracklet, of: Callable[[Detection], float]) -> np.ndarray:
    values = np.array([of(hand) for hand in tracklet.detections])
    return values[np.isfinite(values)]
