"""Minimising a trajectory's cost strictly inside all position and velocity limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from retarget.limits import POSITION_MARGIN, VELOCITY_MARGIN

FIRST_BARRIER = 30.0
"""Barrier weight at the start, in units of the cost."""
LAST_BARRIER = 1e-4
"""Barrier weight at the end: what it moves a free joint by is far below a microradian."""
BARRIER_DECREASE = 0.3
"""Barrier weight as a share of the mean complementarity."""
BOUNDARY_SHARE = 0.95
"""Share of the way to the nearest limit that a step may go."""
MAX_STEP_RAD = 0.7
"""Largest joint change of a step: kinematics are not linear beyond."""
SMALL_STEP_RAD = 2e-3
"""Steps smaller than this end the search once the barrier is down."""
DAMPING = 1.0
"""Levenberg-Marquardt damping of the redundant directions [1/rad^2]."""


@dataclass(frozen=True, eq=False)
class Linearised:
    """A cost around some joint values, to second order."""

    bands: Float[np.ndarray, "offset time joint"]
    """Gauss-Newton Hessian: row k holds what couples an entry to the one k further on, where
    entries are numbered by time, then joint. A cost may reach two frames, so there are
    `2 * joints + 1` rows."""
    gradient: Float[np.ndarray, "time joint"]
    """Gradient of the cost."""


@runtime_checkable
class Cost(Protocol):
    """What is to be minimised."""

    def linearise(self, joints: Float[np.ndarray, "time joint"]) -> Linearised:
        """The cost around these joint values, in new arrays."""


class Limits:
    """All limits of a trajectory as `A x <= b`, each row scaled to its own range.

    Rows are: velocity up, velocity down, position up, position down; each `(time, joint)`.

    Args:
        time_s: Frame times [s], increasing.
        lower: Lower position limits.
        upper: Upper position limits.
        max_velocity: Velocity limits [1/s].
    """

    def __init__(
        self,
        time_s: Float[np.ndarray, " time"],
        lower: Float[np.ndarray, " joint"],
        upper: Float[np.ndarray, " joint"],
        max_velocity: Float[np.ndarray, " joint"],
    ) -> None:
        lower, upper = lower + POSITION_MARGIN, upper - POSITION_MARGIN
        self.lower, self.upper, self.range = lower, upper, upper - lower
        interval_s = np.diff(time_s)[:, None]
        self.max_step = interval_s * max_velocity * (1.0 - VELOCITY_MARGIN)
        n, m = len(interval_s) + 1, len(interval_s)
        self.parts = np.cumsum([m, m, n])
        shape = (n, len(lower))
        self.bound = np.concatenate(
            [
                np.ones((2 * m, len(lower))),
                np.broadcast_to(upper / self.range, shape),
                np.broadcast_to(-lower / self.range, shape),
            ]
        )

    def rows(self, x: Float[np.ndarray, "time joint"]) -> Float[np.ndarray, "row joint"]:
        """`A x`."""
        step, position = np.diff(x, axis=0) / self.max_step, x / self.range
        return np.concatenate([step, -step, position, -position])

    def transposed(self, y: Float[np.ndarray, "row joint"]) -> Float[np.ndarray, "time joint"]:
        """`A' y`."""
        faster, slower, above, below = np.split(y, self.parts)
        out = (above - below) / self.range
        step = (faster - slower) / self.max_step
        out[1:] += step
        out[:-1] -= step
        return out

    def add_curvature(
        self, bands: Float[np.ndarray, "offset time joint"], w: Float[np.ndarray, "row joint"]
    ) -> None:
        """Adds `A' diag(w) A` to a banded Hessian."""
        faster, slower, above, below = np.split(w, self.parts)
        step = (faster + slower) / self.max_step**2
        bands[0] += (above + below) / self.range**2
        bands[0, 1:] += step
        bands[0, :-1] += step
        bands[bands.shape[2], :-1] -= step


def minimise(
    cost: Cost,
    limits: Limits,
    start: Float[np.ndarray, "time joint"],
    *,
    max_iterations: int,
) -> Float[np.ndarray, "time joint"]:
    """Joint values that minimise a cost inside the limits.

    Primal-dual interior point on the Gauss-Newton model, relinearised at every step, with slack
    variables so that the start may be too fast (Nocedal and Wright 2006, section 19.3). Limits
    couple a joint only to itself in the next frame, so a step stays one banded Cholesky solve.

    Args:
        cost: What is to be least.
        limits: What must hold.
        start: Where to start from [rad or m].
        max_iterations: Steps at most.
    """
    from scipy.linalg import solveh_banded

    joints = np.clip(start, limits.lower, limits.upper)
    barrier = FIRST_BARRIER
    slack = np.maximum(limits.bound - limits.rows(joints), 0.1)
    force = barrier / slack
    for _ in range(max_iterations):
        model = cost.linearise(joints)
        missing = limits.rows(joints) + slack - limits.bound
        stiffness = force / slack
        limits.add_curvature(model.bands, stiffness)
        model.bands[0] += DAMPING
        step = solveh_banded(
            model.bands.reshape(len(model.bands), -1),
            -(model.gradient + limits.transposed(stiffness * missing + barrier / slack)).ravel(),
            lower=True,
            overwrite_ab=True,
            check_finite=False,
        ).reshape(joints.shape)
        slack_step = -missing - limits.rows(step)
        force_step = (barrier - force * slack - force * slack_step) / slack
        share = min(_share_to_zero(slack, slack_step), MAX_STEP_RAD / np.abs(step).max())
        joints = joints + share * step
        slack = slack + share * slack_step
        force = force + _share_to_zero(force, force_step) * force_step
        if share * np.abs(step).max() < SMALL_STEP_RAD and barrier <= LAST_BARRIER:
            break
        if share > 0.1:
            complementarity = BARRIER_DECREASE * float((force * slack).mean())
            barrier = max(LAST_BARRIER, min(barrier, complementarity))
    return joints


def _share_to_zero(value: np.ndarray, step: np.ndarray) -> float:
    """The share of a step that keeps positive values positive, at most 1."""
    return float(min(1.0, BOUNDARY_SHARE / max(float((-step / value).max()), 1e-12)))
