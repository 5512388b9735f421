"""What a reader finds in a file: named points over time, in the file's own unit and axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.motion.motion import Unit, Up

FARTHEST = 1e8
"""Numbers beyond this, which are 100 km in the smallest unit, are damage and no positions."""


@dataclass(frozen=True, eq=False)
class PointMotion:
    """Named points of a skeleton, before they are given our joints, meters and z up."""

    format: str
    """Name of the format, such as `bvh`."""
    names: tuple[str, ...]
    """Name of each point, unique."""
    points: Float[np.ndarray, "time point 3"]
    """Positions in the file's unit and axes; NaN, or beyond `FARTHEST`, where missing."""
    rate_hz: float | None
    """Frames per second; `None` where the file does not say."""
    usual_rate_hz: float = 30.0
    """Usual frame rate of files of this format [Hz], for those that state none."""
    unit: Unit = "auto"
    """Unit, where the format fixes it."""
    up: Up = "auto"
    """Upward axis, where the format fixes it."""
    usual_up: Up = "y"
    """Upward axis of most files of this format, for motions that do not show it."""
    joints: Mapping[str, tuple[int, ...]] | None = None
    """Numbers of the points around each of `BODY_JOINTS`, where the format fixes them; else they
    are found by name."""
    skeleton: str = ""
    """Name of the skeleton, for messages."""
    contact: Bool[np.ndarray, "time 2"] | None = None
    """Left and right foot contact, where the file says so."""
    assumed: tuple[str, ...] = field(default=())
    """Assumptions for what the file does not state, one sentence each."""
