"""What an arm is to follow, and how strictly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float


@dataclass(frozen=True)
class TrajectoryWeights:
    """1-sigma of each cost; smaller is stricter."""

    position_m: float = 1e-3
    """Distance to the wanted position [m]."""
    rotation_rad: float = 0.01
    """Angle to the wanted rotation [rad]."""
    acceleration: float = 30.0
    """Joint acceleration [rad/s^2]: it settles what a redundant arm may choose freely."""
    home: float = 3.0
    """Distance of each joint to its home value [rad]."""
    robust: float = 5.0
    """Errors beyond this many sigma pull with constant force."""
    far_m: float = 0.1
    """Distance beyond which a target's pull fades [m]: coming a little nearer to one that is out of
    reach must not cost a neighbor that is within."""
    far_rad: float = 1.0
    """The same for the angle to the wanted rotation [rad]."""


@dataclass(frozen=True, eq=False)
class Targets:
    """End-effector poses in the robot's base frame, on the clip's clock."""

    R: Float[np.ndarray, "time 3 3"]
    """Wanted rotations; any rotation where there is no target."""
    p_m: Float[np.ndarray, "time 3"]
    """Wanted positions [m]; any where there is no target."""
    time_s: Float[np.ndarray, " time"]
    """Frame times [s], increasing."""
    is_wanted: Bool[np.ndarray, " time"]
    """Frames that have a target; the others are bridged smoothly."""
