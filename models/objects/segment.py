"""The segment of one thing in every small picture, from where it is seen to move with a hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from rotoscope.models.objects import colors
from rotoscope.models.objects.picture_motion import Step, sample

LIKE = 0.6
"""Pixels of more likeness by color are taken for the thing's where a start is grown."""
REACH_PALMS = 0.7
"""So much farther than where seeds are looked for a thing may reach where a start is grown."""
NUM_STARTS = 5
"""Frames whose segments vote for where to begin."""
MIN_AGREEMENT = 0.35
"""Least likeness of a frame's seeds to those of all others (`colors.overlap`)."""
BAND_PX = 5
"""How far an outline is looked for from where the flow puts it [px of the small picture]."""
UNCOVERED_PX = 30
"""How far from it a segment grows over what a hand has just left [px of the small picture]."""
GROWS_LIKE = 0.7
"""Least likeness by color of pixels that it grows over."""
SEED_LIKE = 0.8
"""Least likeness by color of what moves with the hand too."""
MOVES_CLEARLY_PX = 1.2
"""From this motion of the segment on, what stays is dropped [px of the small picture]."""
BETTER_LEVELS = 8.0
"""So much better one of two motions must explain a pixel to be its own [gray levels]."""
KEPT_SHARE = 0.12
"""A segment smaller than this share of the usual one is hidden."""
STILL_LEVELS = 4.0
"""Pictures that differ by less in the median about a segment leave it as it is [gray levels]."""

Mask = Bool[np.ndarray, "height width"]


@dataclass(frozen=True, eq=False)
class Views:
    """What is known of every small picture of a window."""

    rgb: Sequence[UInt8[np.ndarray, "height width 3"]]
    gray: Sequence[UInt8[np.ndarray, "height width"]]
    bins: Sequence[UInt8[np.ndarray, "height width 3"]]
    forward: Sequence[Step]
    """From each picture to the next; nothing moves from the last."""
    backward: Sequence[Step]
    """From each picture to the one before; nothing moves from the first."""
    moves: Sequence[Mask]
    """Pixels that the background's motion does not explain."""
    hands: Sequence[Mask]
    """Pixels of any hand."""
    hidden: Sequence[Mask]
    """Pixels of any hand and of forearms."""


@dataclass(frozen=True, eq=False)
class Event:
    """A stretch in which something moves with a hand."""

    frames: Int[np.ndarray, " seeded"]
    """Frames that have seeds."""
    seeds: list[Mask]
    """Pixels that move with the hand and are not it."""
    near: list[Mask]
    """Pixels near the hand."""
    steps: Float[np.ndarray, "seeded 2"]
    """The hand's way to the next picture against the background [px]."""
    palm: float
    """Length of the palm [px of the small picture]."""


@dataclass(frozen=True, eq=False)
class Start:
    """Where an event's segment is taken from, and the colors that it goes by."""

    frame: int
    mask: Mask
    area: float
    """Usual area of the starts [px]."""
    thing: colors.Histogram
    rest: colors.Histogram


def find_start(views: Views, event: Event) -> Start | None:
    """The start that most of an event's frames agree on; `None` where none is."""
    found = _colors_of(views, event)
    if found is None:
        return None
    thing, rest, kept = found
    starts = _starts(views, event, thing, rest, kept)
    if not starts:
        return None
    # A start that moves with the hand as a whole holds no background.
    along = np.array([share for _, _, share in starts])
    starts = [s for s in starts if s[2] >= 0.8 * along.max()]
    area = float(np.median([mask.sum() for _, mask, _ in starts]))
    frame, mask, _ = min(starts, key=lambda start: abs(np.log(start[1].sum() / area)))
    # What was taken for it at the starts is a better sample of it than seeds at its edges.
    thing = thing + np.sum([colors.histogram(views.bins[f], m) for f, m, _ in starts], axis=0)
    return Start(frame, mask, area, thing, rest)


def segment(views: Views, event: Event, start: Start) -> list[Mask]:
    """Masks of all frames, carried from a start."""
    masks = {start.frame: start.mask}
    seeds = dict(zip(event.frames.tolist(), event.seeds, strict=True))
    for direction in (1, -1):
        _carry(views, masks, start, direction, seeds)
    return [masks[t] for t in range(len(views.gray))]


def carried_on(views: Views, start: Start) -> list[Mask]:
    """Masks from a start to the last picture."""
    masks = {start.frame: start.mask}
    _carry(views, masks, start, 1, {})
    return [masks[t] for t in range(start.frame, len(views.gray))]


def _colors_of(
    views: Views, event: Event
) -> tuple[colors.Histogram, colors.Histogram, list[int]] | None:
    """Colors of the thing and of all else, and the seeded frames that agree with the others."""
    own = [
        colors.histogram(views.bins[f], m) for f, m in zip(event.frames, event.seeds, strict=True)
    ]
    total = np.sum(own, axis=0)
    kept = [
        k
        for k, counts in enumerate(own)
        if len(own) == 1 or colors.overlap(counts, total - counts) >= MIN_AGREEMENT
    ]
    if len(kept) < 0.3 * len(own) or not kept:
        return None
    thing = np.sum([own[k] for k in kept], axis=0)
    rest = np.zeros_like(thing)
    for k in kept:
        frame = int(event.frames[k])
        grown = _dilated(event.seeds[k], max(3, round(0.5 * event.palm)))
        rest += colors.histogram(views.bins[frame], event.near[k] & ~grown)
        rest += colors.histogram(views.bins[frame], views.hands[frame])
    return thing, rest, kept


def _starts(
    views: Views,
    event: Event,
    thing: colors.Histogram,
    rest: colors.Histogram,
    kept: list[int],
) -> list[tuple[int, Mask, float]]:
    """Segments of the frames with most seeds, and the share of each that goes with the hand."""
    order = sorted(kept, key=lambda k: -int(event.seeds[k].sum()))
    chosen: list[int] = []
    for k in order:
        if all(abs(int(event.frames[k]) - int(event.frames[c])) >= 3 for c in chosen):
            chosen.append(k)
    out = []
    for k in chosen[:NUM_STARTS]:
        frame, seeds = int(event.frames[k]), event.seeds[k]
        like = colors.likeness(thing, rest, views.bins[frame])
        reach = _dilated(event.near[k], round(REACH_PALMS * event.palm))
        stays, _ = stays_or_goes(views, frame, seeds)
        allowed = reach & ~views.hidden[frame] & ~stays
        seeds = seeds & ~stays
        first = _touching(_opened(((like > LIKE) | seeds) & allowed), seeds)
        if first.sum() < 12:
            continue
        sure = seeds & (like > 0.5)
        first = first | _filled(views, frame, first | seeds, event.steps[k], allowed)
        mask = _cut_out(views.rgb[frame], first, sure, ~allowed, rounds=2)
        mask = _touching(mask, seeds)
        if mask.sum() >= 12:
            own = views.forward[frame].against_background[mask]
            off = np.linalg.norm(own - event.steps[k], axis=1)
            along = float((off < 0.5 * np.linalg.norm(event.steps[k])).mean())
            out.append((frame, mask, along))
    return out


def _filled(views: Views, t: int, mask: Mask, step: Float[np.ndarray, " 2"], allowed: Mask) -> Mask:
    """What lies between pixels that are seen to move with the hand, and moves so too.

    A face of one color is seen to move at its edges alone; flow is smooth between them.
    """
    import cv2

    stays, goes = stays_or_goes(views, t, mask)
    own = views.forward[t].against_background
    along = np.linalg.norm(own - step, axis=-1) < 0.5 * np.linalg.norm(step)
    y, x = np.nonzero((mask | goes) & allowed & along)
    out = np.zeros(mask.shape, np.uint8)
    if len(x) > 2:
        cv2.fillConvexPoly(out, cv2.convexHull(np.stack([x, y], axis=1).astype(np.int32)), 1)
    return out.astype(bool) & along & allowed & ~stays


def _carry(
    views: Views,
    masks: dict[int, Mask],
    start: Start,
    direction: int,
    seeds: dict[int, Mask],
) -> None:
    """Takes a mask to the end of the window, frame by frame."""
    mask, last_good, usual = start.mask, start.mask, start.area
    end = len(views.gray) if direction > 0 else -1
    for t in range(start.frame + direction, end, direction):
        back = views.backward[t] if direction > 0 else views.forward[t]
        before = t - direction
        around = _dilated(last_good, BAND_PX)
        change = np.abs(views.gray[t].astype(int) - views.gray[before])[around]
        if not around.any() or (
            np.percentile(change, 90) < STILL_LEVELS and not (views.hidden[t] & around).any()
        ):
            masks[t] = mask
            continue
        carried = sample(mask.astype(np.uint8), back.flow).astype(bool)
        uncovered = views.hidden[before] & ~views.hands[t]
        again = seeds.get(t)
        found = _refined(views, t, carried, uncovered, start, again)
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
        masks[t], mask, last_good = found, found, found


def _refined(
    views: Views,
    t: int,
    carried: Mask,
    uncovered: Mask,
    start: Start,
    seeds: Mask | None,
) -> Mask:
    """The mask of a picture from where the flow puts it, by color, motion and outline."""
    like = colors.likeness(start.thing, start.rest, views.bins[t])
    band = _dilated(carried, BAND_PX)
    free = (band | (uncovered & _dilated(carried, UNCOVERED_PX))) & ~views.hands[t]
    stays, goes = stays_or_goes(views, t, carried)
    free &= ~stays
    first = free & (np.where(carried, like > 0.3, like > GROWS_LIKE) | (goes & (like > 0.3)))
    sure = _eroded(carried, 2) & (like > 0.5) & ~views.hidden[t] & free
    known = carried
    if seeds is not None:
        # What is seen to move with the hand, of its colors and next to it, is of it.
        more = seeds & (like > SEED_LIKE) & _dilated(carried, UNCOVERED_PX // 2)
        free, first, sure, known = free | more, first | more, sure | more, carried | more
    mask = _cut_out(views.rgb[t], first, sure, ~free, rounds=1)
    return _touching(_opened(mask), known)


def stays_or_goes(views: Views, t: int, mask: Mask) -> tuple[Mask, Mask]:
    """Pixels that the background's motion explains better than the mask's, and the other way.

    The mask's motion is one step, its median: dense flow near its outline is smeared over what
    stays. None of either where the mask hardly moves.
    """
    import cv2

    nothing = np.zeros_like(mask)
    if not mask.any():
        return nothing, nothing
    y, x = np.nonzero(_dilated(mask, 2 * BAND_PX + 20))
    box = np.s_[y.min() : y.max() + 1, x.min() : x.max() + 1]
    grid = np.stack(
        np.meshgrid(np.arange(x.min(), x.max() + 1), np.arange(y.min(), y.max() + 1)), -1
    )
    here = views.gray[t][box].astype(np.float32)
    as_ground: list[np.ndarray] = []
    as_mask: list[np.ndarray] = []
    for there, step in ((t + 1, views.forward[t]), (t - 1, views.backward[t])):
        if not 0 <= there < len(views.gray):
            continue
        ground = (step.flow - step.against_background)[box]
        own = np.median(step.flow[mask], axis=0)
        if np.linalg.norm(own - ground[mask[box]].mean(axis=0)) < MOVES_CLEARLY_PX:
            continue
        for to, out in ((grid + ground, as_ground), (grid + own, as_mask)):
            at = to.astype(np.float32)
            moved = cv2.remap(views.gray[there], at[..., 0], at[..., 1], cv2.INTER_LINEAR)
            out.append(cv2.blur(np.abs(here - moved), (3, 3)))
    if not as_ground:
        return nothing, nothing
    better = np.min(as_mask, axis=0) - np.min(as_ground, axis=0)
    stays, goes = nothing.copy(), nothing.copy()
    stays[box], goes[box] = better > BETTER_LEVELS, better < -BETTER_LEVELS
    return stays, goes


def _cut_out(
    rgb: UInt8[np.ndarray, "height width 3"], first: Mask, sure: Mask, never: Mask, *, rounds: int
) -> Mask:
    """GrabCut (Rother et al. 2004) about a first guess."""
    import cv2

    y, x = np.nonzero(first)
    if len(x) < 8:
        return np.zeros_like(first)
    pad = 12
    top, bottom = max(0, y.min() - pad), min(len(first), y.max() + pad + 1)
    left, right = max(0, x.min() - pad), min(first.shape[1], x.max() + pad + 1)
    box = np.s_[top:bottom, left:right]
    labels = np.where(first[box], cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[never[box]] = cv2.GC_BGD
    labels[sure[box]] = cv2.GC_FGD
    is_thing = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    if min(is_thing.sum(), (~is_thing).sum()) < 8:
        return first
    cv2.setRNGSeed(0)
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    image = np.ascontiguousarray(rgb[box])
    grab_cut: Any = cv2.grabCut  # its stubs leave out that there need be no rectangle
    grab_cut(image, labels, None, background, foreground, rounds, cv2.GC_INIT_WITH_MASK)
    out = np.zeros_like(first)
    out[box] = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    return out


def _touching(mask: Mask, seeds: Mask) -> Mask:
    """The connected parts of a mask that hold a good part of the seeds in it."""
    import cv2

    num, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    if num < 2:
        return mask
    counts = np.bincount(labels[seeds & mask], minlength=num)
    counts[0] = 0
    good = counts >= max(1, 0.15 * counts.max())
    good[0] = False
    return np.asarray(good[labels])


def _dilated(mask: Mask, px: int) -> Mask:
    import cv2

    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * px + 1, 2 * px + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel)).astype(bool)


def _eroded(mask: Mask, px: int) -> Mask:
    return ~_dilated(~mask, px)


def _opened(mask: Mask) -> Mask:
    """The mask without specks and hairs."""
    import cv2

    return np.asarray(
        cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    ).astype(bool)
