"""Where a file's frames stop belonging together: pauses of its clock, takes that were joined."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

MAX_GAP_FRAMES = 5
"""A pause counts only when it is longer than this many usual frame intervals: a slow video is not
all pauses."""


def breaks(
    time_s: Float[np.ndarray, " time"],
    *,
    max_gap_s: float,
    start: int = 0,
    joints: Sequence[int] = (),
) -> Bool[np.ndarray, " time"]:
    """True at frames that do not go on from the one before, whoever looks at them.

    Args:
        time_s: Time of each frame [s], increasing.
        max_gap_s: Nobody knows what happened in a longer pause [s].
        start: Number of the first frame in its file.
        joints: Frames of the file at which another take begins.
    """
    begins = np.zeros(len(time_s), dtype=bool)
    inside = [frame - start for frame in joints if 0 < frame - start < len(begins)]
    begins[inside] = True
    if len(time_s) > 1:
        steps_s = np.diff(time_s)
        limit_s = max(max_gap_s, MAX_GAP_FRAMES * float(np.median(steps_s)))
        begins[1:] |= steps_s > limit_s
    return begins
