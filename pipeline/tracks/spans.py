"""Stretches of frames, and values that are known in some frames only."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int


def runs(flags: Bool[np.ndarray, " time"]) -> list[tuple[int, int]]:
    """Stretches `[start, end)` on which flags are True, in order."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def scatter(
    values: np.ndarray,
    frames: Int[np.ndarray, " known"],
    num_frames: int,
    missing: bool | float | int = np.nan,
) -> np.ndarray:
    """Values at some frames of a clip, `missing` at all others; of the values' own type."""
    out = np.full((num_frames, *values.shape[1:]), missing, dtype=values.dtype)
    out[frames] = values
    return out


def median_rate_hz(time_s: Float[np.ndarray, " time"]) -> float:
    """Frames per second by the median of the steps between frames; 1 for a single frame."""
    return 1.0 / float(np.median(np.diff(time_s))) if len(time_s) > 1 else 1.0
