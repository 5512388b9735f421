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

    @cached_property
    def to_first(self) -> Float[np.ndarray, "time 3 3"]:
        """Where pixels of the background of every picture are in the first."""
        H, out = np.eye(3), [np.eye(3)]
        for step in self.forward[:-1]:
            H = np.asarray(H @ np.linalg.inv(step.H), np.float64)
            out.append(H)
        return np.array(out)

    def background(self, frame: int, t: int) -> Float[np.ndarray, "3 3"]:
        """Where pixels of the background of picture `frame` are in picture `t`."""
        return np.asarray(np.linalg.inv(self.to_first[t]) @ self.to_first[frame])

    def seen_from(self, frame: int, t: int) -> tuple[UInt8[np.ndarray, "height width 3"], Mask]:
        """Picture and hidden pixels of `t`, the background's motion since `frame` taken out."""
        import cv2

        H = self.background(frame, t)
        if np.array_equal(H, np.eye(3)):
            return self.rgb[t], self.hidden[t]
        size, back = self.gray[t].shape[::-1], cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        rgb = cv2.warpPerspective(self.rgb[t], H, size, flags=back)
        covered = self.hidden[t].view(np.uint8)
        hidden = cv2.warpPerspective(covered, H, size, flags=back, borderValue=1)
        return np.asarray(rgb), np.asarray(hidden > 0)


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
