"""Rotations about single axes, and Euler angles in any order, for whole clips at once."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def rotation_about(axis: int, angle_rad: Float[np.ndarray, " time"]) -> np.ndarray:
    """Rotation matrices, shape (time, 3, 3), about x (0), y (1) or z (2)."""
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    out = np.zeros((len(angle_rad), 3, 3))
    out[:, axis, axis] = 1.0
    out[:, i, i], out[:, j, j], out[:, i, j], out[:, j, i] = cos, cos, -sin, sin
    return out


def chained(axes: str, angles_rad: Float[np.ndarray, "time angle"]) -> np.ndarray:
    """Product of rotations about the axes named, first factor leftmost, shape (time, 3, 3)."""
    out = np.broadcast_to(np.eye(3), (len(angles_rad), 3, 3))
    for column, axis in enumerate(axes):
        out = out @ rotation_about("xyz".index(axis), angles_rad[:, column])
    return out
