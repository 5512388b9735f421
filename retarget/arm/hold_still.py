"""An arm whose hand is out of sight stands still until it must go where the hand is seen next."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.tracks import runs

EASY_SPEED = 0.5
"""Share of the speed limits that an arm moves at on its way to where its hand is seen next."""
PEAK_OF_RAMP = 1.875
"""Highest speed of a minimum-jerk ramp over its mean speed (Flash and Hogan 1985)."""
STOP_S = 0.2
"""An arm comes to rest this long after its hand went out of sight [s]."""


def hold_still(
    joints: Float[np.ndarray, "time joint"],
    is_wanted: Bool[np.ndarray, " time"],
    time_s: Float[np.ndarray, " time"],
    max_velocity: Float[np.ndarray, " joint"],
    *,
    max_bridge_s: float,
) -> Float[np.ndarray, "time joint"]:
    """The same joint values, still where there is no target for longer than is bridged.

    Args:
        joints: Joint values of one arm [rad or m].
        is_wanted: Frames that have a target.
        time_s: Frame times [s].
        max_velocity: Velocity limits [rad/s or m/s].
        max_bridge_s: Shorter stretches without a target stay as they are [s].
    """
    out = joints.copy()
    for start, end in runs(~is_wanted):
        at_s = time_s[start:end]
        if at_s[-1] - at_s[0] <= max_bridge_s:
            continue
        if start == 0:
            out[:end] = joints[end] if end < len(joints) else joints[0]
            continue
        rest = start + int(np.searchsorted(at_s, at_s[0] + min(STOP_S, max_bridge_s)))
        here, there = joints[rest - 1], joints[min(end, len(joints) - 1)]
        out[rest:end] = here
        if end == len(joints):
            continue
        needed_s = float((np.abs(there - here) / (EASY_SPEED * max_velocity)).max()) * PEAK_OF_RAMP
        share = 1.0 - (time_s[end] - time_s[rest:end]) / max(needed_s, 1e-9)
        s = np.clip(share, 0.0, 1.0)[:, None]
        out[rest:end] += (10.0 * s**3 - 15.0 * s**4 + 6.0 * s**5) * (there - here)
    return out
