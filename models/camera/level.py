"""The camera's motion in a frame that gravity levels, instead of that of the first camera."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import CameraMotion

_LOOKS_ALONG_GRAVITY = 0.1
"""Sine of the angle to the vertical below which ahead is where the picture's upper edge is."""


def level_rotation(gravity: Float[np.ndarray, " 3"]) -> Float[np.ndarray, "3 3"]:
    """Rotation of a camera's frame to one with y along gravity, and z ahead as far as level allows.

    Args:
        gravity: Where things fall, along the camera's axes x right, y down, z ahead; of length 1.
    """
    ahead = np.array([0.0, 0.0, 1.0])
    if np.linalg.norm(np.cross(ahead, gravity)) < _LOOKS_ALONG_GRAVITY:
        # Looking straight down the picture's upper edge is ahead; looking up its lower one is.
        ahead = np.array([0.0, -np.sign(gravity[2]), 0.0])
    level = ahead - (ahead @ gravity) * gravity
    level /= np.linalg.norm(level)
    return np.stack([np.cross(gravity, level), gravity, level])


def leveled(motion: CameraMotion, gravity: Float[np.ndarray, " 3"]) -> CameraMotion:
    """The same motion in the level frame that begins where the first camera is."""
    R = level_rotation(gravity)
    T = se3.make(R, np.zeros(3)) @ motion.T_reference_camera
    return motion.replace(T_reference_camera=T, R_level_first=R)
