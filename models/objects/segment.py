"""Where the segment of a thing begins: frames whose guesses of it agree, and its colors."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.models.objects import colors
from rotoscope.models.objects.masks import (
    Mask,
    cut_out,
    dilated,
    opened,
    overlap,
    shifted,
    touching,
)
from rotoscope.models.objects.own_motion import BETTER_LEVELS, better_as_ground, going_parts
from rotoscope.models.objects.plate import Plate
from rotoscope.models.objects.views import Event, Start, Views

__all__ = ["Event", "Mask", "Start", "Views", "find_start"]

LIKE = 0.6
"""Pixels of more likeness by color are taken for the thing's where a start is grown."""
REACH_PALMS = 0.7
"""So much farther than where seeds are looked for a thing may reach where a start is grown."""
NUM_STARTS = 6
"""Frames whose segments vote for where to begin."""
MIN_AGREEMENT = 0.35
"""Least likeness of a frame's seeds to those of all others (`colors.overlap`)."""
CHANGED_LIKE = 0.2
"""Least likeness by color of what looks other than without the thing."""
AGREES = 0.3
"""Two starts, one moved as the hand is, that overlap by more of their union agree."""


def find_start(views: Views, event: Event) -> Start | None:
    """The start that most of an event's frames agree on; `None` where none is."""
    found = _colors_of(views, event)
    if found is None:
        return None
    thing, rest, kept = found
    starts = _starts(views, event, thing, rest, kept)
    if not starts:
        return None
    best, agreeing = _elected(starts, event)
    if len(starts) > 2 and len(agreeing) < 2:
        return None  # several looks, and no two saw the same
    area = float(np.median([mask.sum() for _, mask, _ in agreeing]))
    # What was taken for it at the starts is a better sample of it than seeds at its edges.
    thing = thing + np.sum([colors.histogram(views.bins[f], m) for f, m, _ in agreeing], axis=0)
    others = tuple((f, m) for f, m, _ in agreeing if f != best[0])
    return Start(best[0], best[1], area, thing, rest, others)


def _elected(
    starts: list[tuple[int, Mask, float]], event: Event
) -> tuple[tuple[int, Mask, float], list[tuple[int, Mask, float]]]:
    """The start that others agree with most and that goes with the hand, and those that agree.

    A thing in the hand goes where the fingertips go: what lies elsewhere on the ground does not.
    """
    tips = dict(zip(event.frames.tolist(), event.tips, strict=True))
    share = np.eye(len(starts))
    for i, (f, mask, _) in enumerate(starts):
        for j, (g, other, _) in enumerate(starts):
            if i < j:
                step = tips[g] - tips[f]
                share[i, j] = share[j, i] = overlap(shifted(mask, (step[0], step[1])), other)
    along = np.array([start[2] for start in starts])
    best = int(np.argmax(share.sum(axis=1) * along))
    return starts[best], [s for k, s in enumerate(starts) if share[best, k] > AGREES]


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
        grown = dilated(event.seeds[k], max(3, round(0.5 * event.palm)))
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
    plate = Plate(views, event) if views.is_ground_known else None
    for k in chosen[:NUM_STARTS]:
        frame, seeds = int(event.frames[k]), event.seeds[k]
        like = colors.likeness(thing, rest, views.bins[frame])
        reach = dilated(event.near[k], round(REACH_PALMS * event.palm))
        stays = better_as_ground(views, frame, seeds) > BETTER_LEVELS
        told = (
            plate.look(frame, dilated(seeds, round(0.4 * event.palm)))
            if plate is not None
            else None
        )
        stays = stays if told is None else stays | told.same
        allowed = reach & ~views.hidden[frame] & ~stays
        seeds = seeds & ~stays
        own = (like > LIKE) | seeds
        if told is not None:
            own |= told.changed & (like > CHANGED_LIKE)
        first = touching(opened(own & allowed), seeds)
        if first.sum() < 12:
            continue
        sure = seeds & (like > 0.5)
        first = first | _filled(views, frame, first | seeds, event.steps[k], allowed)
        mask = cut_out(views.rgb[frame], first, sure, ~allowed, rounds=2)
        mask = touching(mask, seeds)
        mask = going_parts(mask, better_as_ground(views, frame, mask))
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

    better = better_as_ground(views, t, mask)
    stays, goes = better > BETTER_LEVELS, better < -BETTER_LEVELS
    own = views.forward[t].against_background
    along = np.linalg.norm(own - step, axis=-1) < 0.5 * np.linalg.norm(step)
    y, x = np.nonzero((mask | goes) & allowed & along)
    out = np.zeros(mask.shape, np.uint8)
    if len(x) > 2:
        cv2.fillConvexPoly(out, cv2.convexHull(np.stack([x, y], axis=1).astype(np.int32)), 1)
    return out.astype(bool) & along & allowed & ~stays
