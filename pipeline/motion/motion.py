"""What every reader of motion files gives back: a person's joints in one order, unit and frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.tracks import BODY_JOINTS

Unit = Literal["auto", "m", "cm", "mm", "inch", "foot", "cmu"]
"""Unit of a file's lengths; `cmu` is the one of the CMU motion-capture library, 2.54/45 m."""

Up = Literal["auto", "x", "y", "z", "-x", "-y", "-z"]
"""Axis of a file that points up."""


@dataclass(frozen=True, eq=False)
class Motion:
    """The joints of one person over time, read from a file that holds no pictures."""

    time_s: Float[np.ndarray, " time"]
    """Time of each frame [s], the first at 0, increasing."""
    joints_m: Float[np.ndarray, "time body_joint 3"]
    """`BODY_JOINTS` [m] in a frame with z up: where the ground lies is not known, the horizontal
    axes are any right-handed ones. NaN for a joint that the file does not have."""
    source: str
    """Format and skeleton that was found, such as `bvh, mixamo names`; says so where bone lengths
    are a mean person's."""
    rate_hz: float
    """Frames per second [Hz]."""
    unit: str
    """Unit that the file's lengths had: `m`, `cm`, `mm`, `inch` or `cmu`."""
    up: str
    """Axis of the file that points up."""
    contact: Bool[np.ndarray, "time 2"] | None = None
    """The left, the right foot stands on something, where the file itself says so."""
    assumed: tuple[str, ...] = ()
    """Assumptions for what the file does not state, one sentence each."""

    def __post_init__(self) -> None:
        num_frames = len(self.time_s)
        if self.joints_m.shape != (num_frames, len(BODY_JOINTS), 3):
            raise MotionError(
                f"Motion.joints_m must have shape ({num_frames}, {len(BODY_JOINTS)}, 3), got "
                f"{self.joints_m.shape}"
            )
        if self.contact is not None and self.contact.shape != (num_frames, 2):
            raise MotionError(
                f"Motion.contact must have shape ({num_frames}, 2), got {self.contact.shape}"
            )
