"""Limits of joints over time: made to hold, and counted."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.retarget.optimize.differences import acceleration_stencil

POSITION_MARGIN = 1e-6
"""Kept free at each end of a joint's range [its own unit]: survives rounding to float32."""
VELOCITY_MARGIN = 1e-4
"""Share of each velocity limit kept free: survives float32 at 120 rows per second."""
ACCELERATION_MARGIN = 1e-3
"""Share of each acceleration limit kept free: survives float32 at 120 frames per second if the
limit is 10 rad/s^2 or more."""


def make_feasible(
    values: Float[np.ndarray, "time joint"],
    time_s: Float[np.ndarray, " time"],
    lower: Float[np.ndarray, " joint"],
    upper: Float[np.ndarray, " joint"],
    max_velocity: Float[np.ndarray, " joint"],
    *,
    max_acceleration: Float[np.ndarray, " joint"] | None = None,
    position_margin: float = POSITION_MARGIN,
) -> Float[np.ndarray, "time joint"]:
    """The nearest trajectory that keeps every limit, with the margins above.

    A joint path keeps a velocity limit v if it is v-Lipschitz in time. The largest such path below
    the given one and the smallest above it (McShane 1934, Whitney 1934) are found by one pass
    forwards and one backwards; their mean is v-Lipschitz too, stays inside the range that the
    given values were clipped to, leaves alone what was feasible, and no feasible path has a
    smaller largest deviation. Linear interpolation between frames keeps both limits.

    Where an acceleration limit is given and that trajectory breaks it, the nearest one in least
    squares that keeps all three is searched from standing still, which keeps them.

    Args:
        values: Wanted joint values, finite [rad or m].
        time_s: Their times [s], increasing.
        lower: Lower position limits [rad or m].
        upper: Upper position limits [rad or m].
        max_velocity: Velocity limits [rad/s or m/s].
        max_acceleration: Acceleration limits [rad/s^2 or m/s^2]; infinite where there is none.
        position_margin: What to keep free at each end of the range; 0 where the limits are
            numbers that float32 holds exactly.
    """
    inside = np.clip(values, lower + position_margin, upper - position_margin)
    limited = np.isfinite(max_velocity)
    allowed = np.where(limited, max_velocity, 0.0) * (1.0 - VELOCITY_MARGIN)
    reach = (time_s - time_s[0])[:, None] * allowed
    below = np.minimum(
        np.minimum.accumulate(inside - reach) + reach,
        np.minimum.accumulate((inside + reach)[::-1])[::-1] - reach,
    )
    above = np.maximum(
        np.maximum.accumulate(inside + reach) - reach,
        np.maximum.accumulate((inside - reach)[::-1])[::-1] + reach,
    )
    out = np.where(limited, 0.5 * (below + above), inside)
    # What was already solved for lies just within the margin: half of it is left to rounding.
    if (
        max_acceleration is None
        or not acceleration_violations(
            out, time_s, max_acceleration * (1.0 - 0.5 * ACCELERATION_MARGIN)
        ).any()
    ):
        return out
    # Imported here because that module takes its margins from this one.
    from rotoscope.retarget.optimize.feasible import nearest_calm

    return nearest_calm(out, time_s, lower, upper, max_velocity, max_acceleration)


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
