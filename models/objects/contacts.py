"""When a thing is taken and let go: it moves against the background while a hand is at it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.objects import colors
from rotoscope.models.objects.hand_region import SeenHand
from rotoscope.models.objects.identity import Thing
from rotoscope.models.objects.masks import Mask
from rotoscope.models.objects.moments import refined
from rotoscope.models.objects.picture_motion import moving
from rotoscope.models.objects.resting import Resting, find_resting
from rotoscope.models.objects.views import Views
from rotoscope.pipeline.tracks import runs

MOVES_PX = 0.45
"""Median motion of a segment against the background in a frame that counts [small px]."""
MIN_SEEN_MOVING = 0.65
"""Before a camera that moves, contact in which the thing is seen to move in fewer of its frames is
doubted: on the five walking scenes that chose and give a thing it is .74 to .89."""
SAME_COLORS = 0.85
"""Before a camera that moves, least overlap of a thing's colors at rest and while it is held
(`colors.overlap`): on the same scenes .96 to 1. What has others is the ground that a mask ran over,
and the hand's sleeve."""
SURE_PX = 1.5
"""Before a camera that walks: a longer step is none of what rests, whatever its outline says."""
MIN_RIM_SHARE = 0.12
"""Least share of a segment's outline that must be seen to move."""
MIN_MOVING_FRAMES = 3
"""So many of `MIN_MOVING_FRAMES + 1` frames must move for a beginning."""
TOUCH_PALMS = 0.35
"""A hand no farther from the segment may hold it."""
MIN_HELD_S = 0.25
"""What goes with a hand for less is a touch, or an edge of the hand itself [s]."""
WITH_SHARE = 0.7
"""Most that a held thing's way may differ from the hand's, as a share of the farthest it goes."""
MIN_WAY_PX = 3.0
"""Ways count as so long at the least [small px]."""


def hold(
    things: Sequence[Thing], views: Views, hands: Sequence[SeenHand], first: int, rate_hz: float
) -> None:
    """Adds to each thing the frames of a window in which a hand has it; its first is `first`."""
    nothing = np.zeros(views.gray[0].shape, bool)
    for thing in things:
        masks = [thing.masks.get(first + t, nothing) for t in range(len(views.gray))]
        resting = _resting(masks, views, hands, first)
        if resting is None and views.path is not None and any(mask.any() for mask in masks):
            thing.is_contact_unsure = True
        moves = steps_px(masks, views, resting)
        for hand in hands:
            held = held_by(masks, moves, hand, first, rate_hz)
            if views.path is not None and is_hardly_seen_to_move(moves, held):
                thing.is_contact_unsure = True
            if views.is_ground_known or resting is not None:
                # Before and after its motion only while the hand may be at it.
                is_away = hand.is_there[first : first + len(masks)] & ~touches(masks, hand, first)
                at_it = held | ~is_away
                held = refined(held, masks, views, resting) & at_it
            held[sorted(views.blind)] = False
            if views.path is not None and not keeps_colors(masks, held, views):
                continue
            thing.hold(hand.side, first + np.flatnonzero(held))


def _resting(
    masks: Sequence[Mask], views: Views, hands: Sequence[SeenHand], first: int
) -> Resting | None:
    """Where the thing is taken to rest while the camera moves; `None` where it need not be told."""
    if views.path is None or not any(mask.any() for mask in masks):
        return None
    touched = np.any([touches(masks, hand, first) for hand in hands], axis=0)
    return find_resting(views.path, masks, views.hidden, views.gray, touched)


def steps_px(
    masks: Sequence[Mask], views: Views, resting: Resting | None = None
) -> Float[np.ndarray, " time"]:
    """Median motion of the segment against the background to the next frame [small px].

    Against what it would do if it rested, where the camera moves on a path that is known.

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
        if resting is None:
            step = np.median(views.forward[t].against_background[mask], axis=0)
        else:
            step = np.median(views.forward[t].flow[mask], axis=0) - resting.step(t)
        moves = views.moves[t]
        if resting is not None and np.linalg.norm(step) < SURE_PX:
            moves = moves & _moves(t, views, resting)
        unexplained = float(moves[rim].mean()) if rim.any() else 0.0
        out[t] = np.linalg.norm(step) if unexplained > MIN_RIM_SHARE else 0.0
    if len(out) > 1:
        out[-1] = out[-2]
    return out


def _moves(t: int, views: Views, resting: Resting) -> Mask:
    """Pixels that some flow explains and a thing that rests there does not."""
    neighbors = [
        (views.gray[k], replace(steps[t], H=resting.homography(t, k)))
        for k, steps in ((t + 1, views.forward), (t - 1, views.backward))
        if k >= 0
    ]
    return moving(views.gray[t], neighbors)


def keeps_colors(masks: Sequence[Mask], held: Bool[np.ndarray, " time"], views: Views) -> bool:
    """Whether a thing has the same colors at rest and in the hand, as far as both are seen."""
    counts = [np.zeros((colors.BINS,) * 3), np.zeros((colors.BINS,) * 3)]
    for t, mask in enumerate(masks):
        counts[int(held[t])] += colors.histogram(views.bins[t], mask)
    rest, own = counts
    return not (rest.any() and own.any()) or colors.overlap(rest, own) >= SAME_COLORS


def is_hardly_seen_to_move(
    moves_px: Float[np.ndarray, " time"], held: Bool[np.ndarray, " time"]
) -> bool:
    """Whether a thing rests in most of the frames in which it is taken to be held."""
    return bool(held.any() and (moves_px[held] > MOVES_PX).mean() < MIN_SEEN_MOVING)


def touches(masks: Sequence[Mask], hand: SeenHand, first: int) -> Bool[np.ndarray, " time"]:
    """Frames in which a hand is at the segment, or hides it between frames that show it."""
    out = np.zeros(len(masks), bool)
    seen = [t for t, mask in enumerate(masks) if mask.any()]
    for t in range(seen[0], seen[-1] + 1) if seen else ():
        mask = masks[t]
        if not hand.is_there[first + t]:
            continue
        if not mask.any():
            out[t] = out[t - 1] if t else False
            continue
        grown = hand.mask(first + t, mask.shape, margin=TOUCH_PALMS)
        out[t] = bool((grown & mask).any())
    return out


def held_by(
    masks: Sequence[Mask],
    moves_px: Float[np.ndarray, " time"],
    hand: SeenHand,
    first: int,
    rate_hz: float,
) -> Bool[np.ndarray, " time"]:
    """Frames from where a thing begins to move with a hand to where it comes to rest.

    Rests between are bridged while the hand stays at it. A stretch in which the thing goes another
    way than the hand is not held: it was pushed, or the hand only passed.
    """
    touched = touches(masks, hand, first)
    known = np.flatnonzero(np.isfinite(moves_px))
    if not len(known):
        return np.zeros(len(moves_px), bool)
    speed = np.interp(np.arange(len(moves_px)), known, moves_px[known])
    smooth = np.convolve(np.pad(speed, 1, mode="edge"), np.ones(3) / 3, "valid")
    going = _without_short((smooth > MOVES_PX) & touched, MIN_MOVING_FRAMES)
    for (_, end), (start, _) in itertools.pairwise(runs(going)):
        going[end:start] = touched[end:start].all()
    going = _without_short(going, round(MIN_HELD_S * rate_hz))
    centers = np.array([_center(mask) for mask in masks])
    for start, end in runs(going):
        if not _goes_with(centers, hand, start, end, first):
            going[start:end] = False
    return going


def _goes_with(
    centers: Float[np.ndarray, "time 2"], hand: SeenHand, start: int, end: int, first: int
) -> bool:
    """Whether a thing goes where a hand goes, over a stretch."""
    seen = np.flatnonzero(np.isfinite(centers[start:end, 0])) + start
    seen = seen[hand.is_there[first + seen]]
    if len(seen) < MIN_MOVING_FRAMES:
        return False
    own = np.array([hand.tips(first + t) for t in seen.tolist()])
    own, thing = own - own[0], centers[seen] - centers[seen[0]]
    far = max(float(np.linalg.norm(thing, axis=1).max()), MIN_WAY_PX)
    return bool(np.median(np.linalg.norm(thing - own, axis=1)) < WITH_SHARE * far)


def _center(mask: Mask) -> Float[np.ndarray, " 2"]:
    y, x = np.nonzero(mask)
    return np.array([x.mean(), y.mean()]) if len(x) else np.full(2, np.nan)


def _without_short(flags: Bool[np.ndarray, " time"], least: int) -> Bool[np.ndarray, " time"]:
    out = flags.copy()
    for start, end in runs(flags):
        if end - start < least:
            out[start:end] = False
    return out
