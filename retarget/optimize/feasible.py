"""The nearest trajectory that keeps position, velocity and acceleration limits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.retarget.optimize.banded import empty_bands
from rotoscope.retarget.optimize.interior_point import (
    MIN_SLACK,
    Limits,
    Linearized,
    SolverOptions,
    minimize,
)
from rotoscope.retarget.optimize.margins import (
    ACCELERATION_MARGIN,
    POSITION_MARGIN,
    VELOCITY_MARGIN,
)
from rotoscope.retarget.optimize.violations import acceleration_violations

SIGMA = 0.01
"""Distance that counts as one sigma [rad or m]: scales the cost for the solver."""
MAX_ITERATIONS = 40
"""Steps of the solver at most; the limits hold after any number."""


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
    forward_kinematics = (time_s - time_s[0])[:, None] * allowed
    below = np.minimum(
        np.minimum.accumulate(inside - forward_kinematics) + forward_kinematics,
        np.minimum.accumulate((inside + forward_kinematics)[::-1])[::-1] - forward_kinematics,
    )
    above = np.maximum(
        np.maximum.accumulate(inside + forward_kinematics) - forward_kinematics,
        np.maximum.accumulate((inside - forward_kinematics)[::-1])[::-1] + forward_kinematics,
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
    return nearest_feasible(out, time_s, lower, upper, max_velocity, max_acceleration)


def nearest_feasible(
    wanted: Float[np.ndarray, "time joint"],
    time_s: Float[np.ndarray, " time"],
    lower: Float[np.ndarray, " joint"],
    upper: Float[np.ndarray, " joint"],
    max_velocity: Float[np.ndarray, " joint"],
    max_acceleration: Float[np.ndarray, " joint"],
) -> Float[np.ndarray, "time joint"]:
    """The trajectory nearest to the wanted one, in least squares, inside all limits.

    Joints that stand still keep every limit, so the search starts there, and an interior-point
    method never leaves what it is inside of.
    """
    limits = Limits(time_s, lower, upper, max_velocity, max_acceleration)
    room = 1.5 * MIN_SLACK * limits.range
    middle = np.clip(np.median(wanted, axis=0), limits.lower + room, limits.upper - room)
    still = np.tile(middle, (len(wanted), 1))
    options = SolverOptions(max_iterations=MAX_ITERATIONS, damping=0.0, small_step=1e-6)
    return np.asarray(minimize(SquaredDistance(wanted), limits, still, options=options))


@dataclass(frozen=True, eq=False)
class SquaredDistance:
    """A cost: half the squared distance to a trajectory, in units of `SIGMA`."""

    wanted: Float[np.ndarray, "time joint"]
    """The trajectory [rad or m]."""

    def linearize(self, x: Float[np.ndarray, "time joint"]) -> Linearized:
        """The cost around a trajectory: a parabola, so as it is."""
        bands = empty_bands(x)
        bands[0] = 1.0 / SIGMA**2
        return Linearized(bands, (x - self.wanted) / SIGMA**2)
