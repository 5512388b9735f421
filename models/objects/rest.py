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

SETTLES_FRAMES = 5
"""From a release on, or back from a contact, a thing may still move for so many frames."""
LOOK_FRAMES = 30
"""So far from it the thing is looked for as it rests."""
MIN_SHOWN = 0.3
"""Least share of its place that must be seen to tell whether it is still there."""
GONE_SHARE = 0.5
"""It is not where more of its place looks other than with it."""
FOR_FRAMES = 3
"""So many frames in a row, or the one that does was noise."""
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
            keep[_resting(range(start, end), masks, views)] = True
        if end < num:
            keep[_resting(range(end - 1, start - 1, -1), masks, views)] = True
    return [m if kept else np.zeros_like(m) for m, kept in zip(masks, keep, strict=True)]


def _resting(frames: range, masks: Sequence[Mask], views: Views) -> list[int]:
    """Frames, in the order given, whose segment lies where the thing came to rest."""
    at = _settled(frames, masks, views)
    if at is None:
        return []
    place, out, gone = masks[frames[at]], list(frames[: at + 1]), 0
    near = dilated(place, _RIM_PX)
    for t in frames[at + 1 :]:
        share = _changed(frames[at], t, place, views)
        if share is not None:
            gone = gone + 1 if share > GONE_SHARE else 0
        if gone == FOR_FRAMES:
            break
        if gone == 0:
            out.append(t)
    return [t for t in out if (masks[t] & near).sum() >= ON_PLACE * masks[t].sum()]


def _settled(frames: range, masks: Sequence[Mask], views: Views) -> int | None:
    """Which of the frames is the first that shows the thing well at rest; `None` if none does."""
    areas = np.array([int((masks[t] & ~views.hidden[t]).sum()) for t in frames[:LOOK_FRAMES]])
    if not len(areas) or areas.max() < _MIN_PIXELS:
        return None
    good = np.flatnonzero(areas >= 0.7 * np.quantile(areas, 0.9))
    later = good[good >= SETTLES_FRAMES]
    return int(later[0] if len(later) else good[-1])


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
