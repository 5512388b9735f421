"""A closer look: the part of a picture around one hand, upright or turned or mirrored.

MediaPipe looks for palms in the whole picture, scaled down to 192 pixels, so it misses small hands;
and what it makes of a hand depends on how the hand lies in the picture. Both are mended by showing
it another picture of the same hand.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.hands.landmarker import Detection

_MIN_SIDE = 32
_SMALLEST, _LARGEST = 2.2, 5.0
"""Sides of the square, in sides of the hand's box, between which it does not change."""
_GROWTH = 1.1
"""How much it changes from frame to frame at most; the landmarker has to follow."""


@dataclass(frozen=True)
class Look:
    """A square part of a picture, as it is shown to a landmarker."""

    left: int
    """First column of the picture in the square [px]; may lie outside of it."""
    top: int
    """First row [px]."""
    side: int
    """Length of the square's sides [px]."""
    num_turns: int = 0
    """Quarter turns, counterclockwise."""
    is_mirrored: bool = False
    """Whether it is mirrored left to right, after the turns."""

    @classmethod
    def around(
        cls,
        center_px: Float[np.ndarray, " 2"],
        side_px: float,
        *,
        num_turns: int = 0,
        is_mirrored: bool = False,
    ) -> Look:
        """A look at a square about a point."""
        side = max(round(side_px), _MIN_SIDE)
        left, top = np.round(center_px - side / 2).astype(int).tolist()
        return cls(left, top, side, num_turns, is_mirrored)

    def changed(self, *, num_turns: int = 0, is_mirrored: bool = False) -> Look:
        """The same square, turned or mirrored."""
        return dataclasses.replace(self, num_turns=num_turns, is_mirrored=is_mirrored)

    def moved_to(self, hand: Detection) -> Look:
        """The same look about a hand that moves.

        A landmarker looks for a hand where it was in the picture before. As the square moves with
        the hand, that is where it will be if it keeps its velocity.
        """
        low, high = hand.landmarks_px.min(axis=0), hand.landmarks_px.max(axis=0)
        hand_px = float((high - low).max())
        side = float(self.side)
        if not _SMALLEST * hand_px <= side <= _LARGEST * hand_px:
            wanted = np.clip(side, _SMALLEST * hand_px, _LARGEST * hand_px)
            side *= float(np.clip(wanted / side, 1.0 / _GROWTH, _GROWTH))
        return Look.around(
            (low + high) / 2, side, num_turns=self.num_turns, is_mirrored=self.is_mirrored
        )

    def picture(self, rgb: UInt8[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "side side 3"]:
        """What there is to see; black outside of the picture."""
        out = np.zeros((self.side, self.side, 3), np.uint8)
        height, width = rgb.shape[:2]
        x0, x1 = np.clip([self.left, self.left + self.side], 0, width)
        y0, y1 = np.clip([self.top, self.top + self.side], 0, height)
        out[y0 - self.top : y1 - self.top, x0 - self.left : x1 - self.left] = rgb[y0:y1, x0:x1]
        turned = np.rot90(out, self.num_turns)
        return np.ascontiguousarray(turned[:, ::-1] if self.is_mirrored else turned)

    def in_picture(self, seen: Detection) -> Detection:
        """A hand that was found in this look, where it is in the whole picture."""
        middle = self.side / 2.0
        landmarks, hand = seen.landmarks_px - middle, seen.hand_m
        right = seen.right_probability
        if self.is_mirrored:
            landmarks, hand, right = landmarks * (-1, 1), hand * (-1, 1, 1), 1.0 - right
        # A quarter turn counterclockwise takes (x, y), y down, to (y, -x).
        for _ in range(self.num_turns % 4):
            landmarks = np.stack([-landmarks[:, 1], landmarks[:, 0]], axis=1)
            hand = np.stack([-hand[:, 1], hand[:, 0], hand[:, 2]], axis=1)
        return Detection(landmarks + middle + (self.left, self.top), hand, right)
