"""Scores of followed points as TAP-Vid defines them (Doersch et al. 2022, 2211.03726)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

THRESHOLDS = (1.0, 2.0, 4.0, 8.0, 16.0)
SIDE = 256.0
"""Scores are of pictures that were brought to 256 x 256."""


def tap_vid(
    points: Float[np.ndarray, "time point 2"],
    seen: Bool[np.ndarray, "time point"],
    true_points: Float[np.ndarray, "time point 2"],
    true_seen: Bool[np.ndarray, "time point"],
    size: tuple[int, int],
) -> tuple[float, float]:
    """Average Jaccard and average position accuracy; every point is asked for in frame 0."""
    scale = SIDE / np.array(size)
    off = np.linalg.norm((points - true_points)[1:] * scale, axis=2)
    off = np.where(np.isfinite(off), off, np.inf)
    said, true = seen[1:], true_seen[1:]
    jaccard, within = [], []
    for limit in THRESHOLDS:
        near = off < limit
        right = (near & said & true).sum()
        wrong = (said & ~(near & true)).sum()
        jaccard.append(right / (true.sum() + wrong))
        within.append((near & true).sum() / true.sum())
    return float(np.mean(jaccard)), float(np.mean(within))
