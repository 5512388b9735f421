"""What one camera saw of somebody: landmarks on its own clock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.models.bodies.joints import joints_of
from rotoscope.pipeline.tracks import BODY_JOINTS, BodyTrack, HandTrack, Track

_ROUNDING = 0.1
"""Share of a frame by which a moment may lie outside of the first and the last: clocks are found to
a few milliseconds."""
MAX_APART_S = 0.12
"""Two frames further apart say nothing of the moment between them [s]: a hand that reaches strays
from the straight line by 5 mm then."""
OTHER_SIDE = [
    BODY_JOINTS.index(name.replace("left", "|").replace("right", "left").replace("|", "right"))
    for name in BODY_JOINTS
]
"""The number of each joint's counterpart on the other side of the body; its own in the middle."""


@dataclass(frozen=True, eq=False)
class Seen:
    """Landmarks of one hand or person in one video."""

    time_s: Float[np.ndarray, " time"]
    """Time of each frame on the video's own clock [s]."""
    points_px: Float[np.ndarray, "time point 2"]
    """Where each landmark is seen; NaN where it is not."""

    def at(self, time_s: Float[np.ndarray, " moment"]) -> Float[np.ndarray, "moment point 2"]:
        """Where the landmarks were at other moments, on straight lines between frames; else NaN."""
        right = np.clip(np.searchsorted(self.time_s, time_s), 1, len(self.time_s) - 1)
        left = right - 1
        apart_s = self.time_s[right] - self.time_s[left]
        weight = (time_s - self.time_s[left]) / apart_s
        is_told = (np.abs(weight - 0.5) <= 0.5 + _ROUNDING) & (apart_s <= MAX_APART_S)
        w = np.clip(weight, 0.0, 1.0)[:, None, None]
        before, after = self.points_px[left], self.points_px[right]
        # A frame at the very moment tells alone, whatever its neighbor lacks.
        mixed = before * (1 - w) + after * w
        mixed = np.where(w <= 1e-6, before, np.where(w >= 1 - 1e-6, after, mixed))
        out: np.ndarray = np.where(is_told[:, None, None], mixed, np.nan)
        return out


def landmarks_of(track: Track) -> tuple[str, Float[np.ndarray, "time point 2"]]:
    """The subject of a hand's or a person's track and its valid landmarks; else none of nobody."""
    if isinstance(track, HandTrack):
        return track.side, np.where(track.valid[:, None, None], track.landmarks_px, np.nan)
    if isinstance(track, BodyTrack) and track.landmarks_px is not None:
        px = joints_of(np.where(track.valid[:, None, None], track.landmarks_px, np.nan))
        return track.subject, px
    return "", np.full((1, 1, 2), np.nan)
