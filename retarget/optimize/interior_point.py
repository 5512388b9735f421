"""Minimizing a trajectory's cost strictly inside all position, velocity, acceleration limits."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from array_api_compat import device
from jaxtyping import Float

from rotoscope.pipeline.geometry.arrays import Array, array_namespace
from rotoscope.retarget.optimize.banded import solve_banded
from rotoscope.retarget.optimize.differences import acceleration_stencil
from rotoscope.retarget.optimize.margins import (
    ACCELERATION_MARGIN,
    POSITION_MARGIN,
    VELOCITY_MARGIN,
)
from rotoscope.retarget.optimize.threads import one_blas_thread

FIRST_BARRIER = 30.0
"""Barrier weight at the start, in units of the cost."""
LAST_BARRIER = 1e-4
"""Barrier weight at the end: what it moves a free joint by is far below a microradian."""
BARRIER_DECREASE = 0.3
"""Barrier weight as a share of the mean complementarity."""
DAMPING_PER_ERROR = 0.1
"""Further damping as a share of what a frame still costs [1/rad^2 per sigma^2]: frames whose
targets are out of reach come to rest instead of swinging (Sugihara 2011, "Solvability-unconcerned
inverse kinematics")."""
WORSE = (2.0, 50.0)
"""A frame got worse if its error is this many times what it was, plus this many sigma^2."""
FIRST_SCALING, MORE_SCALING, LESS_SCALING = 0.1, 10.0, 0.3
"""Marquardt's damping of a frame that got worse, as a share of its curvature, how many times that
it is each further time, and how many times where it did not get worse again. One step forth and one
back leave more."""
BOUNDARY_SHARE = 0.95
"""Share of the way to the nearest limit that a step may go."""
MAX_STEP_RAD = 0.7
"""Largest joint change of a step: kinematics are not linear beyond."""
SMALL_STEP_RAD = 2e-3
"""Steps smaller than this end the search once the barrier is down."""
DAMPING = 1.0
"""Levenberg-Marquardt damping of the redundant directions [1/rad^2]."""
MIN_SLACK = 0.1
"""Distance to each limit that the search starts with at least, as a share of its range."""
NO_LIMIT = 1e3
"""Stands for a position limit that is infinite, as that of a floating base is [m or rad]."""


@dataclass(frozen=True, eq=False)
class Linearized:
    """A cost around some trajectory, to second order."""

    bands: Array
    """Gauss-Newton Hessian: row k holds what couples an entry to the one k further on, where
    entries are numbered by time, then column. A cost may reach two frames, so there are
    `2 * columns + 1` rows; (row, time, column)."""
    gradient: Array
    """Gradient of the cost, (time, column)."""
    error: Array = None
    """What each frame alone costs, (time,); absent where the cost is a parabola."""


@runtime_checkable
class Cost(Protocol):
    """What is to be minimized."""

    def linearize(self, x: Array) -> Linearized:
        """The cost around this trajectory, in new arrays."""


class Limits:
    """All limits of a trajectory as `A x <= b`, each row scaled to its own range.

    Rows are: velocity up, velocity down, position up, position down, acceleration up,
    acceleration down; each `(time, column)`. The last two are absent where nothing limits
    acceleration.

    Args:
        time_s: Frame times [s], increasing within a clip.
        lower: Lower position limits; infinite where there is none.
        upper: Upper position limits.
        max_velocity: Velocity limits [1/s]; infinite where there is none.
        max_acceleration: Acceleration limits [1/s^2]; infinite where there is none.
        starts: First frames of clips that are solved together.
        like: An array whose library, type and device are used; NumPy when absent.
    """

    def __init__(
        self,
        time_s: Float[np.ndarray, " time"],
        lower: Float[np.ndarray, " column"],
        upper: Float[np.ndarray, " column"],
        max_velocity: Float[np.ndarray, " column"],
        max_acceleration: Float[np.ndarray, " column"] | None = None,
        *,
        starts: Sequence[int] = (0,),
        like: Array = None,
    ) -> None:
        like = np.zeros(0) if like is None else like
        xp = array_namespace(like)

        def moved(values: np.ndarray) -> Array:
            return xp.asarray(values, dtype=like.dtype, device=device(like))

        lower = np.maximum(lower, -NO_LIMIT) + POSITION_MARGIN
        upper = np.minimum(upper, NO_LIMIT) - POSITION_MARGIN
        is_start = np.zeros(len(time_s), bool)
        is_start[list(starts)] = True
        interval_s = np.where(is_start[1:], np.inf, np.diff(time_s))[:, None]
        faster = 1.0 / (interval_s * max_velocity * (1.0 - VELOCITY_MARGIN))
        self.num_frames, self.num_columns = len(time_s), len(lower)
        self.lower, self.upper, self.range = moved(lower), moved(upper), moved(upper - lower)
        self.per_step = moved(faster)
        self.stencil: Array = None
        bounds = [np.ones((2 * len(faster), len(lower)))]
        shape = (len(time_s), len(lower))
        bounds += [np.broadcast_to(upper / (upper - lower), shape)]
        bounds += [np.broadcast_to(-lower / (upper - lower), shape)]
        parts = [len(faster)] * 2 + [len(time_s)] * 2
        if max_acceleration is not None and np.isfinite(max_acceleration).any() and len(faster) > 1:
            allowed = max_acceleration * (1.0 - ACCELERATION_MARGIN)
            self.stencil = moved(acceleration_stencil(time_s, is_start)[:, :, None] / allowed)
            bounds += [np.ones((2 * (len(faster) - 1), len(lower)))]
            parts += [len(faster) - 1] * 2
        edges = np.concatenate([[0], np.cumsum(parts)]).tolist()
        self.parts = [slice(a, b) for a, b in itertools.pairwise(edges)]
        self.bound = moved(np.concatenate(bounds))

    def rows(self, x: Array) -> Array:
        """`A x`."""
        xp = array_namespace(x)
        step, position = (x[1:] - x[:-1]) * self.per_step, x / self.range
        parts = [step, -step, position, -position]
        if self.stencil is not None:
            s = self.stencil
            acceleration = s[0] * x[:-2] + s[1] * x[1:-1] + s[2] * x[2:]
            parts += [acceleration, -acceleration]
        return xp.concat(parts, axis=0)

    def transposed(self, y: Array) -> Array:
        """`A' y`."""
        part = [y[p] for p in self.parts]
        out = (part[2] - part[3]) / self.range
        step = (part[0] - part[1]) * self.per_step
        out[1:] += step
        out[:-1] -= step
        if self.stencil is not None:
            push = part[4] - part[5]
            for k in range(3):
                out[k : self.num_frames - 2 + k] += self.stencil[k] * push
        return out

    def add_curvature(self, bands: Array, w: Array) -> None:
        """Adds `A' diag(w) A` to a banded Hessian."""
        part = [w[p] for p in self.parts]
        step = (part[0] + part[1]) * self.per_step**2
        n = self.num_columns
        bands[0] += (part[2] + part[3]) / self.range**2
        bands[0, 1:] += step
        bands[0, :-1] += step
        bands[n, :-1] -= step
        if self.stencil is not None:
            push, inner = part[4] + part[5], self.num_frames - 2
            for a in range(3):
                for b in range(a + 1):
                    bands[(a - b) * n, b : inner + b] += push * self.stencil[a] * self.stencil[b]


@dataclass(frozen=True)
class SolverOptions:
    """How the minimum is looked for."""

    max_iterations: int = 25
    """Steps at most."""
    first_barrier: float = FIRST_BARRIER
    """Barrier weight at the start, in units of the cost."""
    small_step: float = SMALL_STEP_RAD
    """Steps smaller than this end the search once the barrier is down [rad or m]."""
    damping: float = DAMPING
    """Levenberg-Marquardt damping [1/rad^2]."""


def minimize(
    cost: Cost, limits: Limits, start: Array, *, options: SolverOptions | None = None
) -> Array:
    """The trajectory that minimizes a cost inside the limits.

    Primal-dual interior point on the Gauss-Newton model, relinearised at every step, with slack
    variables so that the start may be too fast (Nocedal and Wright 2006, section 19.3). Limits
    couple a column only to itself in the next two frames, so a step stays one banded Cholesky
    solve.

    Args:
        cost: What is to be least.
        limits: What must hold.
        start: Where to start from, (time, column) [rad or m].
        options: How to look.
    """
    with one_blas_thread():
        return _minimize(cost, limits, start, options or SolverOptions())


def _minimize(cost: Cost, limits: Limits, start: Array, options: SolverOptions) -> Array:
    xp = array_namespace(start)
    x = xp.clip(start, limits.lower, limits.upper)
    barrier = options.first_barrier
    slack = limits.bound - limits.rows(x)
    # A start outside, or all but, gets room; one well inside is never left again.
    slack = xp.where(slack < MIN_SLACK, MIN_SLACK * xp.ones_like(slack), slack)
    dual = barrier / slack
    scaling = error = None
    for _ in range(options.max_iterations):
        model = cost.linearize(x)
        if model.error is not None:
            scaling = _marquardt_scaling(scaling, error, model.error)
            error = model.error
            model.bands[0] *= 1.0 + scaling[:, None]
        # Newton's step on the perturbed optimality conditions (Nocedal and Wright 2006, equations
        # 19.2): g + A' z = 0, s z = mu, A x + s = b, with gradient g, slack s and dual z.
        missing = limits.rows(x) + slack - limits.bound
        # Eliminating ds = -missing - A dx and dz = (mu - z s - z ds) / s leaves
        # (H + A' diag(z / s) A) dx = -(g + A' (z / s * missing + mu / s)).
        stiffness = dual / slack
        limits.add_curvature(model.bands, stiffness)
        model.bands[0] += options.damping
        if model.error is not None:
            model.bands[0] += DAMPING_PER_ERROR * model.error[:, None]
        push = limits.transposed(stiffness * missing + barrier / slack)
        step = solve_banded(model.bands, -(model.gradient + push))
        slack_step = -missing - limits.rows(step)
        dual_step = (barrier - dual * slack - dual * slack_step) / slack
        longest = float(xp.max(xp.abs(step)))
        # Short of where a slack or a dual would be zero: the fraction to the boundary (19.9).
        share = min(_share_to_zero(slack, slack_step), MAX_STEP_RAD / max(longest, 1e-12))
        x = x + share * step
        slack = slack + share * slack_step
        dual = dual + _share_to_zero(dual, dual_step) * dual_step
        if share * longest < options.small_step and barrier <= LAST_BARRIER:
            break
        # The barrier follows the mean of s z, but not while a limit is in the way.
        if share > 0.1:
            complementarity = BARRIER_DECREASE * float(xp.mean(dual * slack))
            barrier = max(LAST_BARRIER, min(barrier, complementarity))
    return x


def _marquardt_scaling(scaling: Array, before: Array, now: Array) -> Array:
    """How much more each frame is damped than asked for (Marquardt 1963).

    A cost that is one-sided is seen only where it is missed: without this, a foot may enter the
    ground and leave it again for ever.
    """
    xp = array_namespace(now)
    if before is None:
        return xp.zeros_like(now)
    is_worse = now > WORSE[0] * before + WORSE[1]
    more = xp.clip(MORE_SCALING * scaling, min=FIRST_SCALING)
    return xp.where(is_worse, more, LESS_SCALING * scaling)


def _share_to_zero(value: Array, step: Array) -> float:
    """The share of a step that keeps positive values positive, at most 1."""
    xp = array_namespace(value)
    return float(min(1.0, BOUNDARY_SHARE / max(float(xp.max(-step / value)), 1e-12)))
