"""Another look at a hand that is suddenly seen as the other hand of a pair.

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

_OTHER_VIEWS = ((2.2, 0, True), (2.2, 0, False), (2.8, 3, False), (5.0, 0, True))
"""Sides of the square, quarter turns and whether it is mirrored: of twenty such looks at frames
that contradict themselves (sam2_gallery/02_cups, pose_squats) those that mend most of what the ones
before did not; these four mend two of three."""


class SecondLook:
    """A landmarker that is not following any hand, to look with."""

    def __init__(self, landmarker: Landmarker) -> None:
        self.spare = landmarker
        self.num_looks = 0

    def __call__(
        self,
        rgb: UInt8[np.ndarray, "height width 3"],
        looks: Sequence[Look],
        is_right: Callable[[Detection], bool],
    ) -> tuple[Look, Detection] | None:
        """The first look in which a hand is found that is the right one, with that hand."""
        for look in looks:
            self.spare.forget()
            self.num_looks += 1
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


def other_views(hand: Detection) -> list[Look]:
    """Looks at a hand that contradicts what is known of it, the best first."""
    return [
        _around(hand, size).changed(num_turns=num_turns, is_mirrored=is_mirrored)
        for size, num_turns, is_mirrored in _OTHER_VIEWS
    ]


def _around(hand: Detection, size: float) -> Look:
    low, high = hand.landmarks_px.min(axis=0), hand.landmarks_px.max(axis=0)
    return Look.around((low + high) / 2, size * float((high - low).max()))
