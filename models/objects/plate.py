"""What a picture shows where the thing is elsewhere in another one: ground that it uncovers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.objects.masks import Mask, dilated, shifted
from rotoscope.models.objects.views import Event, Views

NUM_LOOKS = 2
"""Other pictures that a picture is held against."""
ELSEWHERE_PALMS = 0.6
"""A thing that is so far from where it is now leaves some of its place to be seen."""
_AROUND_PX = 5
SAME_LEVELS = 12.0
"""Colors that differ by less are the same [levels of 255, the largest of three channels]."""
CHANGED_LEVELS = 24.0
"""Colors that differ by more are not."""
MAX_LIGHT_SHARE = 0.35
"""Where more of what is far from the hand has changed the light has, and nothing is told."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What is told of the pixels of a picture."""

    same: Mask
    """Looks as it does without the thing."""
    changed: Mask
    """Looks other than without the thing in all pictures that show its place."""


@dataclass(frozen=True, eq=False)
class Plate:
    """Pictures of the ground without the thing of an event, as far as the window has them."""

    views: Views
    event: Event

    def look(self, t: int, guess: Mask) -> Seen | None:
        """What picture `t` tells; `None` where no picture shows the place without the thing.

        Where the thing, which is about `guess`, lies over its own place nothing is told.
        """
        import cv2

        frames = self._without(t)
        if not frames:
            return None
        shape = self.views.gray[t].shape
        same, differs = np.zeros(shape, bool), np.ones(shape, bool)
        told = np.zeros(shape, bool)
        here = cv2.blur(self.views.rgb[t], (3, 3))
        for r in frames:
            there, hidden = self._as_at(r, t)
            red, green, blue = cv2.split(cv2.absdiff(here, cv2.blur(there, (3, 3))))
            off = cv2.max(cv2.max(red, green), blue)
            step = self._where[r] - self._where[t]
            over = dilated(shifted(guess, (step[0], step[1])), _AROUND_PX)
            shown = ~hidden & ~self.views.hidden[t] & ~over
            if float((off > CHANGED_LEVELS)[shown].mean()) > MAX_LIGHT_SHARE:
                continue
            same |= shown & (off < SAME_LEVELS)
            differs &= ~shown | (off > CHANGED_LEVELS)
            told |= shown
        return Seen(same, differs & told) if told.any() else None

    def way(self, a: int, b: int) -> tuple[float, float]:
        """How far the thing goes in the picture from `a` to `b`, across and down [px]."""
        here, there = (
            np.linalg.inv(self.views.to_first[t]) @ np.append(self._where[t], 1.0) for t in (a, b)
        )
        x, y = there[:2] / there[2] - here[:2] / here[2]
        return (float(x), float(y)) if np.isfinite(x + y) else (0.0, 0.0)

    def _without(self, t: int) -> list[int]:
        """Pictures in which the thing is elsewhere and the hand is far from where it is in `t`."""
        low, high = self.event.alone
        if not low <= t < high:
            return []
        place = self._where[t]
        thing = np.linalg.norm(self._where - place, axis=1)
        hand = np.linalg.norm(self._tips - place, axis=1)
        far = np.minimum(thing, np.where(np.isfinite(hand), hand, np.inf))
        far[:low], far[high:] = 0.0, 0.0
        far[~(far > ELSEWHERE_PALMS * self.event.palm)] = 0.0
        order = np.argsort(-far, kind="stable")[: np.count_nonzero(far)]
        chosen: list[int] = []
        for r in order:
            if all(abs(int(r) - c) >= 5 for c in chosen):
                chosen.append(int(r))
            if len(chosen) == NUM_LOOKS:
                break
        return chosen

    @cached_property
    def _tips(self) -> Float[np.ndarray, "time 2"]:
        """The hand's way in the first picture."""
        to = np.einsum(
            "tij,tj->ti",
            self.views.to_first,
            np.pad(self.event.way, ((0, 0), (0, 1)), constant_values=1.0),
        )
        return np.asarray(to[:, :2] / to[:, 2:])

    @cached_property
    def _where(self) -> Float[np.ndarray, "time 2"]:
        """The thing's way: the hand's while it moves with it, at rest before and after."""
        first, last = int(self.event.frames[0]), int(self.event.frames[-1])
        return self._tips[np.clip(np.arange(len(self._tips)), first, last)]

    def _as_at(self, r: int, t: int) -> tuple[np.ndarray, Bool[np.ndarray, "height width"]]:
        """Picture `r` and what is hidden in it, as the camera would see them in `t`."""
        import cv2

        H = self.views.background(r, t)
        if np.allclose(H, np.eye(3), atol=1e-9):
            return self.views.rgb[r], self.views.hidden[r]
        size = self.views.gray[t].shape[::-1]
        hidden = self.views.hidden[r].view(np.uint8)
        return (
            cv2.warpPerspective(self.views.rgb[r], H, size),
            np.asarray(cv2.warpPerspective(hidden, H, size, borderValue=1) > 0),
        )
