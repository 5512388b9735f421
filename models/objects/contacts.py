"""When a thing is taken and let go: it moves against the background while a hand is at it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.objects.hand_region import SeenHand
from rotoscope.models.objects.segment import Mask, Views
from rotoscope.pipeline.tracks import runs

MOVES_PX = 0.45
"""Median motion of a segment against the background in a frame that counts [small px]."""
MIN_RIM_SHARE = 0.12
"""Least share of a segment's outline that must be seen to move."""
MIN_MOVING_FRAMES = 3
"""So many of `MIN_MOVING_FRAMES + 1` frames must move for a beginning."""
TOUCH_PALMS = 0.35
"""A hand no farther from the segment may hold it."""
PAUSE_S = 0.5
"""A thing that rests for longer with the hand leaving is let go."""


def steps_px(masks: Sequence[Mask], views: Views) -> Float[np.ndarray, " time"]:
    """Median motion of the segment against the background to the next frame [small px].

    Zero where the background's motion explains the segment and its outline as well as the flow
    does: flow drags what rests along with a hand that passes it. NaN where it is hidden.
    """
    import cv2

    out = np.full(len(masks), np.nan)
    kernel = np.ones((3, 3), np.uint8)
    for t in range(len(masks) - 1):
        mask = masks[t] & ~views.hidden[t]
        if mask.sum() < 8:
            continue
        small = mask.astype(np.uint8)
        rim = (cv2.dilate(small, kernel) > cv2.erode(small, kernel)) & ~views.hidden[t]
        unexplained = float(views.moves[t][rim].mean()) if rim.any() else 0.0
        step = np.median(views.forward[t].against_background[mask], axis=0)
        out[t] = np.linalg.norm(step) if unexplained > MIN_RIM_SHARE else 0.0
    if len(out) > 1:
        out[-1] = out[-2]
    return out


def touches(
    masks: Sequence[Mask], hand: SeenHand, first: int
) -> Bool[np.ndarray, " time"]:
    """Frames in which a hand is at the segment, or where it is hidden."""
    out = np.zeros(len(masks), bool)
    for t, mask in enumerate(masks):
        if not hand.is_there[first + t]:
            continue
        if not mask.any():
            out[t] = out[t - 1] if t else False
            continue
        grown = hand.mask(first + t, mask.shape, margin=TOUCH_PALMS)
        out[t] = bool((grown & mask).any())
    return out


def held_frames(
    moves_px: Float[np.ndarray, " time"],
    touched: Bool[np.ndarray, " time"],
    rate_hz: float,
) -> Bool[np.ndarray, " time"]:
    """Frames from where a thing begins to move with a hand to where it comes to rest for good.

    Rests between are bridged while the hand stays at it.
    """
    known = np.isfinite(moves_px)
    if not known.any():
        return np.zeros(len(moves_px), bool)
    frames = np.arange(len(moves_px))
    speed = np.interp(frames, frames[known], moves_px[known])
    smooth = np.convolve(np.pad(speed, 1, mode="edge"), np.ones(3) / 3, "valid")
    going = (smooth > MOVES_PX) & touched
    going = _without_short(going, MIN_MOVING_FRAMES)
    found = runs(going)
    if not found:
        return going
    out = going.copy()
    for (_, end), (start, _) in zip(found, found[1:], strict=False):
        if touched[end:start].all():
            out[end:start] = True
    del rate_hz
    return out


def _without_short(flags: Bool[np.ndarray, " time"], least: int) -> Bool[np.ndarray, " time"]:
    out = flags.copy()
    for start, end in runs(flags):
        if end - start < least:
            out[start:end] = False
    return out
