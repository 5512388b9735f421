"""Points that fill a cube evenly, without randomness."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def quasi_random(count: int, dimensions: int) -> Float[np.ndarray, "count dimension"]:
    """Evenly spread points in the unit cube: Roberts' additive recurrence (R-sequence, 2018)."""
    root = 2.0
    for _ in range(32):
        root = (1.0 + root) ** (1.0 / (dimensions + 1))
    steps = root ** -np.arange(1.0, dimensions + 1)
    return np.asarray((0.5 + np.arange(1, count + 1)[:, None] * steps) % 1.0)
