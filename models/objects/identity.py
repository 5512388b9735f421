"""Which segments of several events and windows are of one thing."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Int

from rotoscope.models.objects.masks import Mask
from rotoscope.models.objects.views import Start
from rotoscope.pipeline.tracks import Side

SAME = 0.4
"""Segments of one thing overlap by more of their union, in the median of common frames."""
ONE_PLACE = 0.5
"""Segments that share more of the smaller one lie in one place."""
MIN_COMMON = 5
"""Fewer common frames tell nothing."""


@dataclass
class Thing:
    """A thing over the frames that were looked at so far."""

    masks: dict[int, Mask] = field(default_factory=dict)
    """By frame of the clip; empty where it is hidden."""
    carried: set[int] = field(default_factory=set)
    """Frames that its masks were carried through."""
    start: Start | None = None
    """Where it was last carried from, its frame counted in that window."""
    seeded: set[int] = field(default_factory=set)
    """Frames in which it is seen to move with a hand."""
    held: dict[Side, set[int]] = field(default_factory=dict)
    """Frames in which each hand holds it."""
    is_contact_unsure: bool = False
    """The camera moves, and it is nowhere seen to rest, or hardly seen to move while it is held."""
    name: str = ""
    """What a person calls it, if one does."""

    def hold(self, side: Side, frames: Int[np.ndarray, " held"]) -> None:
        """Adds frames in which a hand holds it."""
        self.held.setdefault(side, set()).update(frames.tolist())

    def is_at(self, frame: int, mask: Mask) -> bool:
        """Whether a mask lies on it in a frame."""
        own = self.masks.get(frame)
        return own is not None and bool((own & mask).sum() > SAME * (own | mask).sum())

    def frames_held(self) -> int:
        """In how many frames any hand holds it."""
        return len(set().union(*self.held.values())) if self.held else 0

    def frames_to_hold(self, frame: int) -> float:
        """How far in time a frame is from one in which a hand holds it; infinite if none does."""
        held = np.array(sorted(set().union(*self.held.values())) if self.held else [])
        return float(np.abs(held - frame).min()) if len(held) else np.inf

    def is_seen_held(self) -> bool:
        """Whether it is seen in most of the frames in which it is held.

        What is always hidden by the hand that moves it is an edge of the hand.
        """
        held = set().union(*self.held.values()) if self.held else set()
        return sum(t in self.masks and bool(self.masks[t].any()) for t in held) > 0.5 * len(held)


def same_thing(a: dict[int, Mask], b: dict[int, Mask]) -> bool:
    """Whether two series of masks are of one thing."""
    common = [t for t in a.keys() & b.keys() if a[t].any() and b[t].any()]
    if len(common) < MIN_COMMON:
        return False
    overlap = [(a[t] & b[t]).sum() / (a[t] | b[t]).sum() for t in common]
    return float(np.median(overlap)) > SAME


def take_apart(a: Thing, b: Thing, frames: range) -> None:
    """Where segments of two things lie on each other, keeps that of the one held last or next.

    Two things are not in one place: that of the other has run over onto it.
    """
    for t in frames:
        one, other = a.masks.get(t), b.masks.get(t)
        if one is None or other is None or not (one.any() and other.any()):
            continue
        if (one & other).sum() > ONE_PLACE * min(one.sum(), other.sum()):
            loser = a if a.frames_to_hold(t) > b.frames_to_hold(t) else b
            loser.masks[t] = np.zeros_like(one)


def known_thing(things: list[Thing], masks: dict[int, Mask]) -> Thing:
    """The thing that a series of masks is of, which is added to it; a new one where it is of none.

    Frames that the thing has masks of keep them.
    """
    found = next((thing for thing in things if same_thing(thing.masks, masks)), None)
    if found is None:
        found = Thing()
        things.append(found)
    found.masks = masks | {t: m for t, m in found.masks.items() if m.any()}
    found.carried.update(masks)
    return found
