"""Where joints break their limits over time."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.retarget.optimize.differences import acceleration_stencil


def accelerations(
    values: Float[np.ndarray, "time joint"], time_s: Float[np.ndarray, " time"]
) -> Float[np.ndarray, "inner joint"]:
    """Accelerations at all frames but the first and the last."""
    if len(values) < 3:
        return np.zeros((0, values.shape[1]))
    s = acceleration_stencil(time_s)[:, :, None]
    return s[0] * values[:-2] + s[1] * values[1:-1] + s[2] * values[2:]


def acceleration_violations(
    values: Float[np.ndarray, "time joint"],
    time_s: Float[np.ndarray, " time"],
    max_acceleration: Float[np.ndarray, " joint"],
) -> Bool[np.ndarray, " time"]:
    """Frames at which a joint is accelerated more than it can be."""
    out = np.zeros(len(values), bool)
    out[1:-1] = (np.abs(accelerations(values, time_s)) > max_acceleration).any(axis=1)
    return out


def position_violations(
    values: Float[np.ndarray, "time joint"],
    lower: Float[np.ndarray, " joint"],
    upper: Float[np.ndarray, " joint"],
) -> Bool[np.ndarray, " time"]:
    """Frames with a joint outside its range. Unknown values (NaN) violate nothing."""
    return np.asarray(((values < lower) | (values > upper)).any(axis=1))


def velocity_violations(
    values: Float[np.ndarray, "time joint"],
    time_s: Float[np.ndarray, " time"],
    max_velocity: Float[np.ndarray, " joint"],
) -> Bool[np.ndarray, " time"]:
    """Frames that a joint reached faster than it can, from the last known frame before them."""
    known = np.flatnonzero(np.isfinite(values).all(axis=1))
    speed = np.abs(np.diff(values[known], axis=0)) / np.diff(time_s[known])[:, None]
    out = np.zeros(len(values), bool)
    out[known[1:]] = (speed > max_velocity).any(axis=1)
    return out
