"""Tracks of the things that were found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.objects.identity import Thing
from rotoscope.models.objects.masks import Mask
from rotoscope.models.objects.place import place
from rotoscope.pipeline.stage import Tracks, select
from rotoscope.pipeline.tracks import (
    CONTACT_DOUBTED,
    SCENE,
    SIDES,
    HandTrack,
    ObjectTrack,
    QualityTrack,
    Track,
)
from rotoscope.pipeline.types import Clip

SIGMA_EDGE_PX = 0.7
"""1-sigma of the middle of a segment that is seen as a whole [small px]."""
SIGMA_HIDDEN = 0.25
"""What each share that is hidden adds, of the root of the thing's usual area."""


def described(
    things: Sequence[Thing],
    clip: Clip,
    tracks: Mapping[str, Track],
    *,
    size: tuple[int, int],
    most: int,
    doubt: str | None,
) -> Tracks:
    """One `ObjectTrack` a thing, in the order in which they are taken, and `quality.objects`.

    `doubt` says why contacts must not be relied on, if so.
    """
    held = [thing for thing in things if thing.frames_held() and thing.is_seen_held()]
    kept = sorted(held, key=lambda thing: -thing.frames_held())[:most]
    kept = sorted(kept, key=lambda thing: min(set().union(*thing.held.values())))
    out: Tracks = {
        f"objects.{number}": _track(number, thing, clip, tracks, size)
        for number, thing in enumerate(kept, start=1)
    }
    facts: dict[str, str | float] = {"objects": float(len(kept))}
    names = {n: thing.name for n, thing in enumerate(kept, start=1) if thing.name}
    facts |= {f"objects_{number}_name": name for number, name in names.items()}
    if not kept:
        facts["objects_why"] = _why_none(tracks)
    if doubt is None and any(thing.is_contact_unsure for thing in kept):
        doubt = "the camera moves, and a thing is nowhere seen to rest, or hardly to move"
    if doubt is not None:
        facts[CONTACT_DOUBTED] = doubt
    out["quality.objects"] = QualityTrack(subject=SCENE, facts=facts)
    return out


def _why_none(tracks: Mapping[str, Track]) -> str:
    hands = [t for t in select(dict(tracks), ("hands",)).values() if isinstance(t, HandTrack)]
    # A hand whose place in the room is not known for the camera's sake is seen in the picture.
    if not any(np.isfinite(hand.landmarks_px).any() for hand in hands):
        return "no hand is seen, so nothing can be seen to be held"
    return "nothing is seen to move with a hand: empty hands, or too dark, blurred or hidden"


def _track(
    number: int, thing: Thing, clip: Clip, tracks: Mapping[str, Track], size: tuple[int, int]
) -> ObjectTrack:
    num, (width, height) = clip.num_frames, size
    to_frame = np.array([clip.video.width / width, clip.video.height / height])
    empty = np.zeros((height, width), bool)
    masks = [thing.masks.get(t, empty) for t in range(num)]
    area = np.array([mask.sum() for mask in masks], float)
    seen = area > 0
    center = np.array([_center(mask) for mask in masks])
    usual = float(np.quantile(area[seen], 0.9))
    hidden = np.clip(1 - area / usual, 0, 1)
    sigma = np.hypot(SIGMA_EDGE_PX, SIGMA_HIDDEN * hidden * np.sqrt(usual))
    held = np.zeros((num, len(SIDES)), bool)
    for column, side in enumerate(SIDES):
        held[sorted(thing.held.get(side, ())), column] = True
    center_px = center * to_frame
    sigma_px = np.where(seen, sigma * to_frame.mean(), np.nan)
    center_m, sigma_m = place(center_px, sigma_px, held, tracks)
    unknown = ~(seen | held.any(axis=1))
    center_m[unknown], sigma_m[unknown] = np.nan, np.nan
    return ObjectTrack(
        number=number,
        mask_bits=_packed(masks),
        mask_width=width,
        mask_height=height,
        valid=seen,
        center_px=center_px,
        sigma_px=sigma_px,
        held=held,
        center_m=center_m,
        sigma_m=sigma_m,
    )


def _center(mask: Mask) -> Float[np.ndarray, " 2"]:
    y, x = np.nonzero(mask)
    return np.array([x.mean() + 0.5, y.mean() + 0.5]) if len(x) else np.full(2, np.nan)


def _packed(masks: Sequence[Mask]) -> UInt8[np.ndarray, "time byte"]:
    return np.packbits(np.array(masks).reshape(len(masks), -1), axis=1)
