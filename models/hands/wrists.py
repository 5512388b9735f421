"""Where to look for hands that are too small to be found in the whole picture: at the wrists.

A person is found where a hand is a few pixels wide; the body's wrists then say where to look
closer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.models.bodies.landmarker import BodyDetection, BodyLandmarker
from rotoscope.models.hands.landmarker import Detection
from rotoscope.models.hands.look import Look
from rotoscope.pipeline.types import Frame

_ELBOWS, _WRISTS, _KNUCKLES = (13, 14), (15, 16), ((17, 19), (18, 20))
_MIN_VISIBLE = 0.5
_SIDE = 1.6
"""Side of the square that is looked at, in forearms: a hand is two thirds of one."""
_MIN_FOREARM = 0.5
"""A forearm that points at the camera is at least this long, in trunks' breadths, for the square's
size."""
_MAX_APART = 0.5
"""Farthest that the hand's wrist lies from the body's, in sides of the square: else it is something
else, such as the other hand."""


@dataclass(frozen=True)
class WristLook:
    """A look at one wrist of a person."""

    look: Look
    """The square around the hand."""
    wrist_px: Float[np.ndarray, " 2"]
    """The body's wrist [px]."""

    def holds(self, hand: Detection) -> bool:
        """Whether a hand is the one at this wrist."""
        apart_px = float(np.linalg.norm(hand.landmarks_px[0] - self.wrist_px))
        return apart_px <= _MAX_APART * self.look.side / 2 and hand.size_px <= self.look.side


class WristLooks:
    """Follows a person, to look at their wrists."""

    def __init__(self, bodies: BodyLandmarker) -> None:
        self._bodies = bodies

    def __call__(self, frame: Frame) -> list[WristLook]:
        """Where hands may be in this frame, left first."""
        body = self._bodies(frame.rgb, frame.time_s)
        if body is None:
            return []
        return [look for i in (0, 1) if (look := _look_at(body, i)) is not None]

    def forget(self) -> None:
        """Starts anew."""
        self._bodies.forget()


def _look_at(body: BodyDetection, side: int) -> WristLook | None:
    elbow, wrist = _ELBOWS[side], _WRISTS[side]
    if body.visibility[wrist] < _MIN_VISIBLE:
        return None
    wrist_px = body.landmarks_px[wrist]
    forearm_px = float(np.linalg.norm(wrist_px - body.landmarks_px[elbow]))
    shoulders_px = float(np.linalg.norm(body.landmarks_px[11] - body.landmarks_px[12]))
    forearm_px = max(forearm_px, _MIN_FOREARM * max(shoulders_px, body.size_px / 2))
    middle = (wrist_px + body.landmarks_px[list(_KNUCKLES[side])].mean(axis=0)) / 2
    return WristLook(Look.around(middle, _SIDE * forearm_px), wrist_px)
