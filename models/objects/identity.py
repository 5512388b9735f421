"""Which segments of several events and windows are of one thing."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Int

from rotoscope.models.objects.segment import Mask
from rotoscope.pipeline.tracks import Side

SAME = 0.4
"""Segments that overlap by more of their union, in the median of common frames, are of one thing."""
MIN_COMMON = 5
"""Fewer common frames tell nothing."""


@dataclass
class Thing:
    """A thing over the frames that were looked at so far."""

    masks: dict[int, Mask] = field(default_factory=dict)
    """By frame of the clip; empty where it is hidden."""
    seeded: set[int] = field(default_factory=set)
    """Frames in which it is seen to move with a hand."""
    held: dict[Side, set[int]] = field(default_factory=dict)
    """Frames in which each hand holds it."""

    def hold(self, side: Side, frames: Int[np.ndarray, " held"]) -> None:
        """Adds frames in which a hand holds it."""
        self.held.setdefault(side, set()).update(frames.tolist())

    def frames_held(self) -> int:
        """In how many frames any hand holds it."""
        return len(set().union(*self.held.values())) if self.held else 0


def same_thing(a: dict[int, Mask], b: dict[int, Mask]) -> bool:
    """Whether two series of masks are of one thing."""
    common = [t for t in a.keys() & b.keys() if a[t].any() and b[t].any()]
    if len(common) < MIN_COMMON:
        return False
    overlap = [(a[t] & b[t]).sum() / (a[t] | b[t]).sum() for t in common]
    return float(np.median(overlap)) > SAME


def join(thing: Thing, masks: dict[int, Mask], seeded: Int[np.ndarray, " seeded"]) -> None:
    """Adds an event's masks; where both have one, that of the event nearer in time stays."""
    old, new = np.array(sorted(thing.seeded)), seeded
    for t, mask in masks.items():
        is_nearer = len(old) == 0 or np.abs(new - t).min() < np.abs(old - t).min()
        if t not in thing.masks or is_nearer:
            thing.masks[t] = mask
    thing.seeded |= set(new.tolist())
