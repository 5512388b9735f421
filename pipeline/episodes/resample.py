"""Putting tracks on the dataset's clock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from rotoscope.pipeline.geometry import se3

MAX_AWAY_S = 0.1
"""Rows further than this from any frame are not what was seen [s]. Between two frames 0.2 s apart a
hand that reaches (some 3 m/s^2) strays up to 15 mm from the straight line; of a video of one frame
a second nobody knows what happened between two."""


@dataclass(frozen=True, eq=False)
class Resampler:
    """Linear interpolation from frame times to row times inside one span.

    Linear, because it keeps position and velocity limits that hold at the frames.
    """

    left: Int[np.ndarray, " row"]
    """Frame at or before each row."""
    right: Int[np.ndarray, " row"]
    """Frame at or after each row."""
    weight: Float[np.ndarray, " row"]
    """Weight of `right`, 0..1."""
    away_s: Float[np.ndarray, " row"]
    """Time to the nearer of both [s]."""

    @classmethod
    def between(
        cls, time_s: Float[np.ndarray, " time"], row_time_s: Float[np.ndarray, " row"]
    ) -> Resampler:
        """For rows that lie within the frame times; a microsecond of rounding is forgiven."""
        right = np.clip(np.searchsorted(time_s, row_time_s - 1e-6), 0, len(time_s) - 1)
        left = np.where(np.abs(time_s[right] - row_time_s) <= 1e-6, right, np.maximum(right - 1, 0))
        span = np.where(right > left, time_s[right] - time_s[left], 1.0)
        weight = np.where(right > left, (row_time_s - time_s[left]) / span, 0.0)
        away_s = np.minimum(np.abs(row_time_s - time_s[left]), np.abs(time_s[right] - row_time_s))
        return cls(left=left, right=right, weight=np.clip(weight, 0.0, 1.0), away_s=away_s)

    @property
    def is_near(self) -> Bool[np.ndarray, " row"]:
        """Rows near enough to a frame for a straight line to say what happened there."""
        near: np.ndarray = self.away_s <= MAX_AWAY_S + 1e-6
        return near

    @property
    def nearest(self) -> Int[np.ndarray, " row"]:
        """The frame nearest in time to each row."""
        return np.where(self.weight > 0.5, self.right, self.left)

    def linear(self, values: Float[np.ndarray, "time ..."]) -> Float[np.ndarray, "row ..."]:
        """Values between the two neighbors."""
        w = self.weight.reshape(-1, *([1] * (values.ndim - 1)))
        # Where a row falls on a frame, an unknown neighbor must not spoil it.
        mixed = values[self.left] * (1.0 - w) + values[self.right] * w
        return np.where(w == 0.0, values[self.left], mixed)

    def both(self, mask: Bool[np.ndarray, " time"]) -> Bool[np.ndarray, " row"]:
        """True where every frame that the row is made of has True, and one of them is near."""
        return mask[self.left] & mask[self.right] & self.is_near

    def either(self, mask: Bool[np.ndarray, " time"]) -> Bool[np.ndarray, " row"]:
        """True where any frame that the row is made of has True."""
        return mask[self.left] | mask[self.right]

    def rotation(self, R: Float[np.ndarray, "time 3 3"]) -> Float[np.ndarray, "row 3 3"]:
        """Rotations on the shortest arc between the two neighbors."""
        a, b = R[self.left], R[self.right]
        step = se3.log_so3(np.swapaxes(a, -1, -2) @ b)
        return a @ se3.exp_so3(step * self.weight[:, None])


def row_times(time_s: Float[np.ndarray, " time"], fps: int) -> Float[np.ndarray, " row"]:
    """Row times every `1 / fps` seconds from the first frame to the last."""
    duration_s = float(time_s[-1] - time_s[0])
    return time_s[0] + np.arange(int(np.floor(duration_s * fps + 1e-6)) + 1) / fps
