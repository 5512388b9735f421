"""Distances between rows of numbers."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def squared_distances(
    a: Float[np.ndarray, "row number"], b: Float[np.ndarray, "other number"]
) -> Float[np.ndarray, "row other"]:
    """Between all rows, single precision."""
    a, b = a.astype(np.float32), b.astype(np.float32)
    # |a - b|^2 = |a|^2 + |b|^2 - 2 a b, one product of matrices; rounding may fall below 0.
    squared = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * (a @ b.T)
    return np.maximum(squared, 0, out=squared)
