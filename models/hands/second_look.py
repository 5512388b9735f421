"""Another look at a hand that was lost, or that was seen as the other hand of a pair.

Of the frames in which a hand is suddenly seen as one of the other side nearly all are wrong by more
than 45 degrees: the network has taken palm for back. Shown the same hand closer, mirrored or turned
it mostly sees what it saw before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import UInt8

from rotoscope.models.hands.landmarker import Detection, Landmarker
from rotoscope.models.hands.look import Look

_CLOSER = 3.5
"""Side of the square that is looked at, in sides of the hand's box."""


class SecondLook:
    """A landmarker that is not following any hand, to look with."""

    def __init__(self, landmarker: Landmarker) -> None:
        self.spare = landmarker

    def __call__(
        self,
        rgb: UInt8[np.ndarray, "height width 3"],
        looks: Sequence[Look],
        is_right: Callable[[Detection], bool],
    ) -> tuple[Look, Detection] | None:
        """The first look in which a hand is found that is the right one, with that hand."""
        for look in looks:
            self.spare.forget()
            seen = self.spare(look.picture(rgb))
            if seen is None:
                continue
            detection = look.in_picture(seen)
            if is_right(detection):
                return look, detection
        return None

    def swap(self, landmarker: Landmarker) -> Landmarker:
        """Gives the landmarker that has just found a hand, and takes another for it."""
        self.spare, out = landmarker, self.spare
        return out


def closer(hand: Detection) -> Look:
    """A look at the surroundings of a hand."""
    low, high = hand.landmarks_px.min(axis=0), hand.landmarks_px.max(axis=0)
    return Look.around((low + high) / 2, _CLOSER * float((high - low).max()))


def other_views(hand: Detection) -> list[Look]:
    """The same, upright, mirrored and turned."""
    look = closer(hand)
    return [
        look,
        look.changed(is_mirrored=True),
        look.changed(num_turns=1),
    ]
