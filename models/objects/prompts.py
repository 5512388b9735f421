"""What tells a video segmenter which thing is meant, and what a segmenter gives for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, UInt8

from rotoscope.models.objects.masks import Mask


def _no_points() -> Float[np.ndarray, "point 2"]:
    return np.zeros((0, 2))


def _no_flags() -> Bool[np.ndarray, " point"]:
    return np.zeros(0, bool)


@dataclass(frozen=True, eq=False)
class Prompt:
    """One thing in one picture of a window, by points, a box, or its mask.

    Places are shares of the picture's width and height, whatever its size.
    """

    frame: int
    """Picture of the window, from 0."""
    points: Float[np.ndarray, "point 2"] = field(default_factory=_no_points)
    """Across and down [shares]."""
    is_on: Bool[np.ndarray, " point"] = field(default_factory=_no_flags)
    """Whether each point lies on the thing; else on something that is not it."""
    box: Float[np.ndarray, " 4"] | None = None
    """Left, top, right, bottom [shares]."""
    mask: Mask | None = None
    """Its pixels; then there are neither points nor a box."""


@runtime_checkable
class Segmenter(Protocol):
    """A network that follows things through pictures."""

    def masks(
        self,
        pictures: Sequence[UInt8[np.ndarray, "large_height large_width 3"]],
        things: Sequence[Sequence[Prompt]],
        shape: tuple[int, int],
    ) -> list[list[Mask]]:
        """For each thing one mask a picture, of that shape (height, width); empty where unseen.

        Every thing has one prompt at least, and one a picture at most. One that begins with its
        mask is known before: it is followed forward alone.
        """
