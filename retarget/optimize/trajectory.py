"""The one solver: a whole trajectory of any robot, inside all its limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from array_api_compat import device, is_numpy_namespace
from jaxtyping import Bool, Float, Int

from rotoscope.pipeline.geometry.arrays import Array, array_namespace
from rotoscope.retarget.kinematics.frames import Kinematics
from rotoscope.retarget.optimize.cost import Objective, Regularizer
from rotoscope.retarget.optimize.feasible import make_feasible
from rotoscope.retarget.optimize.interior_point import Limits, SolverOptions, minimize
from rotoscope.retarget.optimize.quasi_random import quasi_random
from rotoscope.retarget.optimize.terms import CostTerm
from rotoscope.retarget.robots.joint_limits import JointLimits

WAYPOINT_INTERVAL_S = 0.3
"""Time between the frames that a first guess is looked for at [s]."""
FASTER_THAN_LIMIT = 20.0
"""What a guess pays for moving between waypoints at twice the speed that is allowed, in units of
its own cost."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A trajectory to be found."""

    tree: Kinematics
    """Kinematics."""
    terms: Sequence[CostTerm]
    """What each frame is asked for."""
    regularizer: Regularizer
    """Smoothness and rest."""
    limits: JointLimits
    """Limits."""
    time_s: Float[np.ndarray, " time"]
    """Frame times [s], increasing within a clip."""
    starts: tuple[int, ...] = (0,)
    """First frames of clips that are solved together."""
    R_reference: Array = None
    """Rotation of a floating base at rotation vector zero, (time, 3, 3)."""
    like: Array = field(default_factory=lambda: np.zeros(0))
    """An array whose library, type and device the computation uses."""

    def objective(self) -> Objective:
        """The cost of the whole trajectory."""
        return Objective(
            self.tree,
            self.terms,
            self.regularizer,
            self.time_s,
            starts=self.starts,
            R_reference=self.R_reference,
            like=self.like,
        )

    def on_device(self, values: np.ndarray) -> Array:
        """NumPy values on the device of the computation."""
        xp = array_namespace(self.like)
        return xp.asarray(values, dtype=self.like.dtype, device=device(self.like))


def solve(
    problem: Problem,
    start: Float[np.ndarray, "time column"],
    *,
    options: SolverOptions | None = None,
) -> Float[np.ndarray, "time column"]:
    """The trajectory that does best what is asked for without leaving any limit.

    Args:
        problem: What is asked for.
        start: Where to start from [rad or m]; see `first_guess`.
        options: How to look.
    """
    r = problem.limits
    limits = Limits(
        problem.time_s,
        r.lower,
        r.upper,
        r.max_velocity,
        r.max_acceleration,
        starts=problem.starts,
        like=problem.like,
    )
    x = minimize(problem.objective(), limits, problem.on_device(start), options=options)
    found = np.asarray(x if is_numpy_namespace(array_namespace(x)) else x.cpu(), dtype=float)
    return feasible(found, problem)


def feasible(
    x: Float[np.ndarray, "time column"], problem: Problem
) -> Float[np.ndarray, "time column"]:
    """The nearest trajectory that keeps every limit, clip by clip."""
    r = problem.limits
    ends = [*problem.starts[1:], len(x)]
    parts = [
        make_feasible(
            x[a:b],
            problem.time_s[a:b],
            r.lower,
            r.upper,
            r.max_velocity,
            max_acceleration=r.max_acceleration,
        )
        for a, b in zip(problem.starts, ends, strict=True)
    ]
    return np.concatenate(parts)


def initial_guess(
    problem: Problem,
    rest: Float[np.ndarray, "time column"],
    free: Bool[np.ndarray, " column"],
    *,
    num_seeds: int = 3,
    waypoint_interval_s: float = WAYPOINT_INTERVAL_S,
    max_iterations: int = 12,
) -> Float[np.ndarray, "time column"]:
    """A trajectory from which the solver does not end in a poor local minimum.

    Waypoints are solved alone, each from several starts; dynamic programming picks one answer of
    each so that the sum of costs and speeds is least (Viterbi; as in Descartes, de Maeyer et al.
    2017). Between waypoints it is linear in time.

    Args:
        problem: What is asked for; one clip.
        rest: Values to start from where nothing is known.
        free: Columns that the other starts spread over; the others start at `rest`.
        num_seeds: Starts of every waypoint.
        waypoint_interval_s: Time between waypoints [s].
        max_iterations: Steps of the solver at each waypoint.
    """
    keys = evenly_spread(problem.time_s, waypoint_interval_s)
    seeds = _seeds(problem.limits, rest[keys], free, num_seeds)
    flat = seeds.reshape(-1, seeds.shape[-1])
    frames = np.repeat(keys, num_seeds)
    alone = range(len(frames))
    clock = problem.time_s[frames]
    objective = Objective(
        problem.tree,
        problem.terms,
        problem.regularizer,
        clock,
        starts=alone,
        frames=frames,
        R_reference=problem.R_reference,
        like=problem.like,
    )
    r = problem.limits
    unlimited = np.full(len(r.lower), np.inf)
    limits = Limits(clock, r.lower, r.upper, unlimited, starts=alone, like=problem.like)
    options = SolverOptions(max_iterations=max_iterations, first_barrier=1.0)
    solved = minimize(objective, limits, problem.on_device(flat), options=options)
    cost = objective.errors(solved)
    if not is_numpy_namespace(array_namespace(solved)):
        solved, cost = solved.cpu().numpy(), cost.cpu().numpy()
    path = viterbi_path(
        solved.reshape(seeds.shape),
        cost.reshape(seeds.shape[:2]),
        problem.time_s[keys],
        np.where(free, r.max_velocity, np.inf),
        is_endless=free & np.isinf(r.lower) & np.isinf(r.upper),
    )
    return linear_between(problem.time_s, problem.time_s[keys], path)


def viterbi_path(
    solutions: Float[np.ndarray, "waypoint start column"],
    cost: Float[np.ndarray, "waypoint start"],
    time_s: Float[np.ndarray, " waypoint"],
    max_velocity: Float[np.ndarray, " column"],
    *,
    is_endless: Bool[np.ndarray, " column"] | None = None,
) -> Float[np.ndarray, "waypoint column"]:
    """One solution of each waypoint, such that costs and speeds together are least.

    Args:
        solutions: What there is to choose from [rad or m].
        cost: What each costs.
        time_s: Times of the waypoints [s].
        max_velocity: Velocity limits [rad/s or m/s].
        is_endless: Columns that turn without end: whole turns are added so that they go on.
    """
    turns = is_endless if is_endless is not None else np.zeros(solutions.shape[2], bool)
    total, came_from = cost[0], []
    for k in range(1, len(solutions)):
        step = solutions[k][None] - solutions[k - 1][:, None]
        step[..., turns] -= 2.0 * np.pi * np.round(step[..., turns] / (2.0 * np.pi))
        slowness = (np.abs(step) / max_velocity / (time_s[k] - time_s[k - 1])).max(axis=2)
        through = total[:, None] + slowness + FASTER_THAN_LIMIT * np.maximum(slowness - 1.0, 0.0)
        came_from.append(np.argmin(through, axis=0))
        total = through.min(axis=0) + cost[k]
    chosen = [int(np.argmin(total))]
    for back in reversed(came_from):
        chosen.append(int(back[chosen[-1]]))
    path = solutions[np.arange(len(solutions)), chosen[::-1]]
    path[:, turns] = np.unwrap(path[:, turns], axis=0)
    return path


def at_limit(
    x: Float[np.ndarray, "time column"], limits: JointLimits, *, within: float = 1e-3
) -> Bool[np.ndarray, "time column"]:
    """Which columns stand at a position limit, within a distance [rad or m]."""
    return (x - limits.lower < within) | (limits.upper - x < within)


def evenly_spread(
    time_s: Float[np.ndarray, " time"], interval_s: float
) -> Int[np.ndarray, " waypoint"]:
    """Numbers of frames about so far apart [s], the first and the last among them."""
    count = max(1, int(np.ceil((time_s[-1] - time_s[0]) / interval_s)))
    return np.unique(np.linspace(0, len(time_s) - 1, count + 1).round().astype(int))


def linear_between(
    time_s: Float[np.ndarray, " time"],
    at_s: Float[np.ndarray, " waypoint"],
    values: Float[np.ndarray, "waypoint column"],
) -> Float[np.ndarray, "time column"]:
    """Values between waypoints, linear in time."""
    return np.stack([np.interp(time_s, at_s, column) for column in values.T], axis=1)


def _seeds(
    limits: JointLimits, rest: np.ndarray, free: np.ndarray, num_seeds: int
) -> Float[np.ndarray, "waypoint start column"]:
    seeds = np.repeat(rest[:, None], num_seeds, axis=1)
    spread = quasi_random(max(num_seeds - 1, 1), int(free.sum()))
    low, high = limits.lower[free], limits.upper[free]
    # A joint that turns without end is looked for within half a turn of rest.
    low = np.where(np.isfinite(low), low, rest[:, free] - np.pi)
    high = np.where(np.isfinite(high), high, rest[:, free] + np.pi)
    # Half way to the middle: at a limit, where rest often is, the search starts badly.
    seeds[:, 0, free] = 0.5 * (seeds[:, 0, free] + 0.5 * (low + high))
    for k in range(1, num_seeds):
        seeds[:, k, free] = low + (0.1 + 0.8 * spread[k - 1]) * (high - low)
    return seeds
