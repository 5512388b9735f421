"""The nearest trajectory that keeps position, velocity and acceleration limits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.retarget.optimize.banded import empty_bands
from rotoscope.retarget.optimize.interior_point import (
    LEAST_SLACK,
    Limits,
    Linearised,
    Search,
    minimise,
)

SIGMA = 0.01
"""Distance that counts as one sigma [rad or m]: scales the cost for the solver."""
MAX_ITERATIONS = 40
"""Steps of the solver at most; the limits hold after any number."""


def nearest_calm(
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
    room = 1.5 * LEAST_SLACK * limits.range
    middle = np.clip(np.median(wanted, axis=0), limits.lower + room, limits.upper - room)
    still = np.tile(middle, (len(wanted), 1))
    search = Search(max_iterations=MAX_ITERATIONS, damping=0.0, small_step=1e-6)
    return np.asarray(minimise(_Distance(wanted), limits, still, search=search))


@dataclass(frozen=True, eq=False)
class _Distance:
    """Half the squared distance to a trajectory, in units of `SIGMA`."""

    wanted: Float[np.ndarray, "time joint"]

    def linearise(self, x: Float[np.ndarray, "time joint"]) -> Linearised:
        bands = empty_bands(x)
        bands[0] = 1.0 / SIGMA**2
        return Linearised(bands, (x - self.wanted) / SIGMA**2)
