"""What nobody holds rests: its segment stays where it was let go, or it is told no more.

A segment that a hand covers grows again over what has its colors when the hand leaves, be it the
thing or another that lies there now. Where the picture of its place has changed meanwhile the thing
was moved unseen, and where it is now is not known.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from rotoscope.models.objects.identity import Thing, take_apart
from rotoscope.models.objects.masks import Mask, dilated
from rotoscope.models.objects.plate import CHANGED_LEVELS
from rotoscope.models.objects.views import Views
from rotoscope.pipeline.tracks import runs

LOST_FRAMES = 3
"""A segment that is away for so many frames was lost, and has to be found again."""
LOOK_FRAMES = 10
"""So many frames back the best look at it is taken for how it was."""
MIN_SHOWN = 0.3
"""Least share of its place that must be seen to tell whether it is still there."""
GONE_SHARE = 0.5
"""It is not where more of its place looks other than with it."""
FOR_FRAMES = 3
"""So many frames in a row must say so, or the one that does was noise."""
ON_PLACE = 0.5
"""Least share of a segment that must lie on the thing's place."""
_RIM_PX = 3
_MIN_PIXELS = 12


def keep_in_place(things: Sequence[Thing], views: Views, first: int) -> None:
    """Takes from things the segments of a window that lie where they are not; it begins at `first`.

    After contact is known. Where the background's motion is not, nothing is taken.
    """
    if not views.is_ground_known:
        return
    frames = range(first, first + len(views.gray))
    nothing = np.zeros(views.gray[0].shape, bool)
    for thing in things:
        held_frames = set().union(*thing.held.values()) if thing.held else set()
        held = np.array([t in held_frames for t in frames])
        masks = [thing.masks.get(t, nothing) for t in frames]
        is_known = any(t < first for t in held_frames)
        kept = without_strays(masks, held, views, is_known=is_known)
        thing.masks.update(zip(frames, kept, strict=True))
    for thing, other in itertools.combinations(things, 2):
        take_apart(thing, other, frames)


def without_strays(
    masks: Sequence[Mask], held: Bool[np.ndarray, " time"], views: Views, *, is_known: bool
) -> list[Mask]:
    """The segments; none in frames in which nobody holds the thing and it is not seen to rest.

    Args:
        masks: By picture of a window.
        held: Pictures in which some hand has it.
        views: The window.
        is_known: Whether it was held before the window began.
    """
    keep, num = held.copy(), len(held)
    for start, end in runs(~held):
        if start or is_known:
            keep[_still_there(range(max(start - 1, 0), end), masks, views)] = True
        if end < num:
            keep[_still_there(range(end, start - 1, -1), masks, views)] = True
    return [m if kept else np.zeros_like(m) for m, kept in zip(masks, keep, strict=True)]


def _still_there(frames: range, masks: Sequence[Mask], views: Views) -> list[int]:
    """Frames, in the order given, up to where a segment is lost and not found as it was."""
    out: list[int] = []
    lost, gone = 0, 0
    for t in frames:
        if (masks[t] & ~views.hidden[t]).sum() < _MIN_PIXELS:
            lost += 1
            continue
        if out and lost >= LOST_FRAMES:
            looks = [int((masks[k] & ~views.hidden[k]).sum()) for k in out[-LOOK_FRAMES:]]
            best = out[-LOOK_FRAMES:][int(np.argmax(looks))]
            is_there = _is_as_it_was(best, t, masks, views)
            gone = 0 if is_there is not False else gone + 1
            if gone == FOR_FRAMES:
                break
            if not is_there:
                continue
        out.append(t)
        lost = 0
    return out


def _is_as_it_was(frame: int, t: int, masks: Sequence[Mask], views: Views) -> bool | None:
    """Whether the segment of `t` lies where that of `frame` did, and the picture looks as it did.

    `None` if too little of the place is seen.
    """
    changed = _changed(frame, t, masks[frame], views)
    if changed is None:
        return None
    near = dilated(masks[frame], _RIM_PX)
    return changed <= GONE_SHARE and bool((masks[t] & near).sum() >= ON_PLACE * masks[t].sum())


def _changed(frame: int, t: int, place: Mask, views: Views) -> float | None:
    """Share of a place that looks other in `t` than in `frame`; `None` if too little is seen."""
    import cv2

    y, x = np.nonzero(place)
    box = np.s_[max(y.min() - 2, 0) : y.max() + 3, max(x.min() - 2, 0) : x.max() + 3]
    there, hidden = views.seen_from(frame, t)
    shown = place[box] & ~views.hidden[frame][box] & ~dilated(hidden, 1)[box]
    if shown.sum() < max(_MIN_PIXELS, MIN_SHOWN * place.sum()):
        return None
    here, there = (
        cv2.blur(np.ascontiguousarray(p[box]), (3, 3)) for p in (views.rgb[frame], there)
    )
    return float((cv2.absdiff(here, there).max(axis=2) > CHANGED_LEVELS)[shown].mean())
