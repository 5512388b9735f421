"""A thing's segment carried from a start through the pictures, forward and back."""

from __future__ import annotations

import numpy as np

from rotoscope.models.objects.masks import (
    Mask,
    cut_out,
    dilated,
    eroded,
    opened,
    shifted,
    touching,
)
from rotoscope.models.objects.own_motion import (
    BAND_PX,
    BETTER_LEVELS,
    better_as_ground,
    going_parts,
)
from rotoscope.models.objects.picture_motion import sample
from rotoscope.models.objects.plate import Plate, Seen
from rotoscope.models.objects.views import Event, Start, Views

UNCOVERED_PX = 30
"""How far from it a segment grows over what a hand has just left [px of the small picture]."""
GROWS_LIKE = 0.7
"""Least likeness by color of pixels that it grows over."""
SEED_LIKE = 0.8
"""Least likeness by color of what moves with the hand too."""
CHANGED_LIKE = 0.3
"""Least likeness by color of what looks other than without the thing."""
KEPT_SHARE = 0.12
"""A segment smaller than this share of the usual one is hidden."""
STILL_LEVELS = 4.0
"""Pictures that differ by less in the median about a segment leave it as it is [gray levels]."""


def segment(views: Views, event: Event, start: Start) -> list[Mask]:
    """Masks of all frames, carried from a start."""
    masks = {start.frame: start.mask}
    seeds = dict(zip(event.frames.tolist(), event.seeds, strict=True))
    plate = Plate(views, event) if views.is_ground_known else None
    for direction in (1, -1):
        _carry(views, masks, start, direction, seeds, plate)
    return _filled_up(views, masks, 0)


def carried_on(views: Views, start: Start) -> list[Mask]:
    """Masks from a start to the last picture."""
    masks = {start.frame: start.mask}
    _carry(views, masks, start, 1, {}, None)
    return _filled_up(views, masks, start.frame)


def _filled_up(views: Views, masks: dict[int, Mask], first: int) -> list[Mask]:
    """In order; nothing where it was not carried to: beyond a cut."""
    nothing = np.zeros(views.gray[0].shape, bool)
    return [masks.get(t, nothing) for t in range(first, len(views.gray))]


def _carry(
    views: Views,
    masks: dict[int, Mask],
    start: Start,
    direction: int,
    seeds: dict[int, Mask],
    plate: Plate | None,
) -> None:
    """Takes a mask to the end of the window, frame by frame."""
    import cv2

    mask, last_good, usual, last_seen = start.mask, start.mask, start.area, start.frame
    others = dict(start.others)
    end = len(views.gray) if direction > 0 else -1
    for t in range(start.frame + direction, end, direction):
        if (t if direction > 0 else t + 1) in views.cuts:
            break
        if t in views.blind:
            masks[t] = np.zeros_like(mask)
            continue
        back = views.backward[t] if direction > 0 else views.forward[t]
        before = t - direction
        around = dilated(last_good, BAND_PX)
        change = cv2.absdiff(views.gray[t], views.gray[before])[around]
        is_lost = last_seen != before
        if not around.any() or (
            not is_lost
            and np.percentile(change, 90) < STILL_LEVELS
            and not (views.hidden[t] & around).any()
        ):
            masks[t], last_seen = mask, t
            continue
        carried = mask
        if plate is not None and is_lost:
            # Where it went while it was hidden: with the hand, or nowhere.
            carried = shifted(last_good, plate.way(last_seen, t))
        elif before not in views.blind:
            carried = sample(mask.astype(np.uint8), back.flow).astype(bool)
        uncovered = views.hidden[before] & ~views.hands[t]
        told = None if plate is None else plate.look(t, carried)
        found = _refined(views, t, carried, uncovered, start, seeds.get(t), told)
        if t in others and found.sum() < KEPT_SHARE * usual:
            found = others[t]
        if found.sum() < KEPT_SHARE * usual:
            # Hidden: the place where it was last is kept, to be grown from when it comes out.
            masks[t] = np.zeros_like(mask)
            mask = carried
            if not mask.any():
                mask = last_good
            continue
        usual = (
            max(usual, 0.5 * usual + 0.5 * float(found.sum()))
            if found.sum() < 3 * start.area
            else usual
        )
        masks[t], mask, last_good, last_seen = found, found, found, t


def _refined(
    views: Views,
    t: int,
    carried: Mask,
    uncovered: Mask,
    start: Start,
    seeds: Mask | None,
    told: Seen | None,
) -> Mask:
    """The mask of a picture from where the flow puts it, by color, motion and outline."""
    like = np.take(start.likeness, views.bins[t])
    band = dilated(carried, BAND_PX)
    free = (band | (uncovered & dilated(carried, UNCOVERED_PX))) & ~views.hands[t]
    better = better_as_ground(views, t, carried)
    free &= better <= BETTER_LEVELS
    goes = better < -BETTER_LEVELS
    anew = np.zeros_like(carried)
    if told is not None:
        around = dilated(
            carried | (views.hands[t] & dilated(carried, UNCOVERED_PX)), UNCOVERED_PX // 2
        )
        anew = told.changed & (like > CHANGED_LIKE) & around & ~views.hidden[t]
        free = (free | anew) & ~told.same
        goes |= told.changed
    first = free & (np.where(carried, like > 0.3, like > GROWS_LIKE) | (goes & (like > 0.3)))
    sure = eroded(carried, 2) & (like > 0.5) & ~views.hidden[t] & free
    known = carried | anew
    if seeds is not None:
        # What is seen to move with the hand, of its colors and next to it, is of it.
        beside = carried | (views.hands[t] & dilated(carried, UNCOVERED_PX))
        more = seeds & (like > SEED_LIKE) & dilated(beside, UNCOVERED_PX // 2)
        free, first, sure, known = free | more, first | more, sure | more, known | more
    mask = cut_out(views.rgb[t], first, sure, ~free, rounds=1)
    return going_parts(touching(opened(mask), known), better)
