"""A level frame for a camera that is not rolled."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def level_camera(pitch_rad: float) -> Float[np.ndarray, "3 3"]:
    """Axes of the level frame (x ahead and horizontal, y left, z up) in the camera frame.

    Args:
        pitch_rad: How far the camera looks down below the horizon [rad]; it is not rolled.
    """
    sin, cos = np.sin(pitch_rad), np.cos(pitch_rad)
    return np.array([[0.0, -1.0, 0.0], [-sin, 0.0, -cos], [cos, 0.0, -sin]])
