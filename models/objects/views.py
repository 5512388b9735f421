"""What is known of a window of small pictures, of what moves in it, and where a thing begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int, UInt8, UInt16

from rotoscope.models.objects import colors
from rotoscope.models.objects.masks import Mask
from rotoscope.models.objects.picture_motion import Step
from rotoscope.models.objects.resting import CameraPath


@dataclass(frozen=True, eq=False)
class Views:
    """What is known of every small picture of a window."""

    rgb: Sequence[UInt8[np.ndarray, "height width 3"]]
    gray: Sequence[UInt8[np.ndarray, "height width"]]
    bins: Sequence[UInt16[np.ndarray, "height width"]]
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
    is_ground_known: bool = True
    """Whether the background's motion is known throughout, not only guessed from the flow."""
    blind: frozenset[int] = frozenset()
    """Pictures that show nothing: dark, covered, of one color."""
    cuts: frozenset[int] = frozenset()
    """Pictures that follow on another scene."""
    path: CameraPath | None = None
    """Where the camera is, where it is known to move and how."""


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
    tips: Float[np.ndarray, "seeded 2"]
    """Where the hand's thumb and index tips are [px]."""
    way: Float[np.ndarray, "time 2"]
    """The same in every picture of the window; NaN where the hand is away."""
    alone: tuple[int, int]
    """From the end of the event before to the beginning of the next, in pictures of the window."""
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
    others: tuple[tuple[int, Mask], ...] = ()
    """Starts from other frames that agree with this one."""

    @cached_property
    def likeness(self) -> Float[np.ndarray, " color"]:
        """Of every color, by its number: how much it is the thing's."""
        return colors.likeness_by_bin(self.thing, self.rest)
