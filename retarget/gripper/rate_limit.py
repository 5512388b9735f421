"""A gripper's opening over time that its fingers are fast enough for."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.retarget.optimize.feasible import SIGMA, SquaredDistance, make_feasible
from rotoscope.retarget.optimize.interior_point import Limits, SolverOptions, minimize

MAX_ITERATIONS = 30
"""Steps of the solver at most; the limits hold after any number."""


def possible_opening(
    wanted: Float[np.ndarray, " time"], time_s: Float[np.ndarray, " time"], *, max_rate: float
) -> Float[np.ndarray, " time"]:
    """The opening nearest to the wanted one, in least squares, that changes slowly enough.

    A jump becomes a ramp of full speed that starts before it and ends after it; what is slow
    enough already is left alone.

    Args:
        wanted: Opening, 0 closed to 1 open.
        time_s: Frame times [s], increasing.
        max_rate: Largest change of the opening in a second.
    """
    limits = (np.zeros(1), np.ones(1), np.full(1, max_rate))
    column = wanted[:, None]
    possible = make_feasible(column, time_s, *limits, position_margin=0.0)
    if np.abs(possible - column).max() < SIGMA:
        return possible[:, 0]
    nearest = minimize(
        SquaredDistance(column),
        Limits(time_s, *limits),
        possible,
        options=SolverOptions(max_iterations=MAX_ITERATIONS),
    )
    return make_feasible(nearest, time_s, *limits, position_margin=0.0)[:, 0]
