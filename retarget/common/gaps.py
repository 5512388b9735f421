"""Short gaps in what was seen."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float


def fill_short_gaps(
    known: Bool[np.ndarray, " time"], time_s: Float[np.ndarray, " time"], max_gap_s: float
) -> Bool[np.ndarray, " time"]:
    """Known frames, and those between two known ones that are no more than `max_gap_s` apart."""
    out = known.copy()
    frames = np.flatnonzero(known)
    is_short = np.diff(time_s[frames]) <= max_gap_s
    for before, after in zip(frames[:-1][is_short], frames[1:][is_short], strict=True):
        out[before:after] = True
    return out
