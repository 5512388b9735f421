"""The frames in which a thing leaves its place and comes to rest, told against how it rests.

Motion from one picture to the next is small where a hand takes or leaves a thing, and its noise
adds up; against a picture in which the thing rests, a way of one pixel shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.objects.masks import Mask, dilated
from rotoscope.models.objects.resting import Resting
from rotoscope.models.objects.slide import Slide
from rotoscope.models.objects.views import Views
from rotoscope.pipeline.tracks import runs

LOOK_BACK_FRAMES = 30
"""How far from a contact, as its motion tells it, the thing is looked at in its place."""
LOOK_BACK_WALKING_FRAMES = 16
"""The same where the camera moves: what is not known of the thing's depth adds up."""
AWAY_PX = 1.0
"""A thing that is so far from its place has left it [px of the small picture]."""
REACH_PX = 4
"""Farther ways are not measured: it has left."""
BETTER_LEVELS = 1.2
"""By how much the moved picture of it must be more alike to count [gray levels]."""
MIN_SEEN = 0.3
"""Least share of it that must be seen in both pictures."""
FOR_FRAMES = 3
"""So many frames in a row it is away, or the one that is was noise."""
UNLIKE = 2.0
"""It looks like nothing of it where it differs by so many times as much as while it rests."""
_RIM_PX = 3
_MAX_FRAMES_OFF, _MAX_FRAMES_OFF_WALKING = 24, 6


@dataclass(frozen=True, eq=False)
class _Place:
    """A thing as it rests in one frame."""

    frame: int
    patch: Float[np.ndarray, "height width"]
    use: Mask
    box: tuple[slice, slice]


def refined(
    held: Bool[np.ndarray, " time"],
    masks: Sequence[Mask],
    views: Views,
    resting: Resting | None = None,
) -> Bool[np.ndarray, " time"]:
    """The held frames, their ends put to where the thing is first and last away from its place."""
    out = held.copy()
    look_back, farthest = LOOK_BACK_FRAMES, _MAX_FRAMES_OFF
    if resting is not None:
        look_back, farthest = LOOK_BACK_WALKING_FRAMES, _MAX_FRAMES_OFF_WALKING
    stretches = list(runs(held))
    for k, (start, end) in enumerate(stretches):
        low = stretches[k - 1][1] if k else 0
        high = stretches[k + 1][0] if k + 1 < len(stretches) else len(held)
        middle = (start + end) // 2
        before = range(max(low, start - look_back), middle)
        after = range(min(high, end + look_back) - 1, middle, -1)
        first, last = (_leaves(frames, masks, views, resting) for frames in (before, after))
        if first is not None and abs(first - start) <= farthest:
            out[low:middle] = False
            out[first:middle] = True
            out[low:start] |= held[low:start]
        if last is not None and abs(last + 1 - end) <= farthest:
            out[middle:high] = False
            out[middle : last + 1] = True
            out[end:high] |= held[end:high]
    return out


def _leaves(
    frames: range, masks: Sequence[Mask], views: Views, resting: Resting | None
) -> int | None:
    """The first frame in which the thing is away from where it is in the first that shows it.

    `None` where it is not seen to rest there, or not well enough.
    """
    place = _resting(frames, masks, views)
    if place is None:
        return None
    slide = None if resting is None else Slide(resting, place.frame)
    run, usual = 0, np.inf
    for t in frames[frames.index(place.frame) + 1 :]:
        look = _look(place, t, views, slide)
        if look is None:
            continue
        # What was away and looks like nothing of it now has gone farther than ways are measured.
        away = look.is_away or (run > 0 and look.rms > UNLIKE * usual)
        if not away:
            usual = look.rms if usual == np.inf else max(usual, look.rms)
            if slide is not None:
                slide.rested(t, look.off)
        run = run + 1 if away else 0
        if run == 1:
            found = t
        if run == FOR_FRAMES:
            return found if abs(found - place.frame) > 1 else None
    return None


def _resting(frames: range, masks: Sequence[Mask], views: Views) -> _Place | None:
    areas = [int((masks[t] & ~views.hidden[t]).sum()) for t in frames]
    if not areas or max(areas) < 30:
        return None
    at = next(k for k, area in enumerate(areas) if area >= 0.7 * np.quantile(areas, 0.9))
    t = frames[at]
    around = dilated(masks[t], _RIM_PX) & ~dilated(views.hidden[t], 1)
    y, x = np.nonzero(around)
    height, width = around.shape
    if len(x) < 30:
        return None
    box = (
        slice(max(y.min(), REACH_PX), min(y.max() + 1, height - REACH_PX)),
        slice(max(x.min(), REACH_PX), min(x.max() + 1, width - REACH_PX)),
    )
    return _Place(t, views.gray[t][box].astype(np.float32), around[box], box)


@dataclass(frozen=True, eq=False)
class _Look:
    """A thing's place in a picture, held against how it rests."""

    off: Float[np.ndarray, " 2"]
    """Where it is found, from where it should be at rest [px of its own picture]."""
    is_away: bool
    rms: float
    """What it differs by where it is found [gray levels]."""


def _look(place: _Place, t: int, views: Views, slide: Slide | None) -> _Look | None:
    """Whether the thing has left its place; `None` where too little of it is seen."""
    gray, hidden = _as_seen_from(place.frame, t, views, slide)
    rows, columns = place.box
    use = place.use & ~dilated(hidden, 1)[place.box]
    if use.sum() < MIN_SEEN * place.use.sum() or use.sum() < 30:
        return None
    wide = gray[
        rows.start - REACH_PX : rows.stop + REACH_PX,
        columns.start - REACH_PX : columns.stop + REACH_PX,
    ].astype(np.float32)
    rms = np.sqrt(_squared(wide, place.patch, use) / use.sum())
    row, column = np.unravel_index(int(np.argmin(rms)), rms.shape)
    off, x, y = np.array([column, row], float) - REACH_PX, REACH_PX, REACH_PX
    way = float(np.linalg.norm(off))
    if slide is not None:
        off = np.array([_between(rms[row], column), _between(rms[:, column], row)]) - REACH_PX
        x, y = np.clip(np.round(slide.expected(t)).astype(int) + REACH_PX, 0, 2 * REACH_PX)
        way = slide.left_px(t, off)
    is_away = way >= AWAY_PX and float(rms[y, x] - rms.min()) > BETTER_LEVELS
    return _Look(off, is_away, float(rms.min()))


def _squared(
    wide: Float[np.ndarray, "large_height large_width"],
    patch: Float[np.ndarray, "height width"],
    use: Mask,
) -> Float[np.ndarray, "row column"]:
    """Sum of squared differences at every place, of the pixels that are used."""
    height, width = patch.shape
    rows, columns = np.nonzero(use)
    own, across = patch[use], wide.shape[1]
    flat, at = np.ascontiguousarray(wide).ravel(), rows * across + columns
    out = np.empty((wide.shape[0] - height + 1, wide.shape[1] - width + 1))
    for row, column in np.ndindex(out.shape):
        off = np.take(flat, at + (row * across + column)) - own
        out[row, column] = off @ off
    return out


def _between(cost: Float[np.ndarray, " place"], at: np.intp | int) -> float:
    """The least of a parabola through the least of some costs and its two neighbors."""
    if not 0 < at < len(cost) - 1:
        return float(at)
    before, here, after = (float(cost[at + k]) for k in (-1, 0, 1))
    bend = before - 2 * here + after
    return float(at) + (0.5 * (before - after) / bend if bend > 1e-9 else 0.0)


def _as_seen_from(frame: int, t: int, views: Views, slide: Slide | None) -> tuple[np.ndarray, Mask]:
    """Picture and hidden pixels of `t`, the camera's motion since `frame` taken out."""
    import cv2

    H = views.background(frame, t) if slide is None else slide.homography(t)
    if np.array_equal(H, np.eye(3)):
        return views.gray[t], views.hidden[t]
    size = views.gray[t].shape[::-1]
    back = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    gray = cv2.warpPerspective(views.gray[t], H, size, flags=back)
    hidden = cv2.warpPerspective(views.hidden[t].view(np.uint8), H, size, flags=back, borderValue=1)
    return gray, np.asarray(hidden > 0)
