"""Levenberg-Marquardt on many small problems at once, in numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

State = dict[str, np.ndarray]
"""Unknowns of all problems by name; the first axis of every array is the problem."""


@dataclass(frozen=True, eq=False)
class Linearised:
    """A batch of problems around the current state."""

    cost: Float[np.ndarray, " problem"]
    """Sum of (robust) squared residuals."""
    normal: Float[np.ndarray, "problem parameter parameter"]
    """Gauss-Newton approximation of the second derivatives, J^T W J."""
    gradient: Float[np.ndarray, "problem parameter"]
    """J^T W r."""


Evaluate = Callable[[State, Int[np.ndarray, " row"]], Linearised]
"""Linearises the problems `rows`; the state holds only those."""
Retract = Callable[[State, Float[np.ndarray, "row parameter"]], State]
"""The state moved by a step."""

_FIRST_DAMPING = 1e-2
_DAMPING_DOWN, _DAMPING_UP = 0.2, 8.0


def minimize(
    state: State,
    evaluate: Evaluate,
    retract: Retract,
    *,
    num_iterations: int,
    relative_tolerance: float,
) -> tuple[State, Linearised]:
    """The state of least cost reached, and the problems linearised there.

    Marquardt's damping scales the diagonal, each problem has its own. A problem that improved by
    less than `relative_tolerance` of its cost is left alone from then on, so that the easy ones
    do not pay for the hard ones. A step that makes a cost worse or not finite is not taken.
    """
    rows = np.arange(len(next(iter(state.values()))))
    best = evaluate(state, rows)
    damping = np.full(len(rows), _FIRST_DAMPING)
    active = rows[np.isfinite(best.cost)]
    for _ in range(num_iterations):
        if len(active) == 0:
            break
        step = _step(best.normal[active], best.gradient[active], damping[active])
        trial = retract({name: array[active] for name, array in state.items()}, step)
        tried = evaluate(trial, active)
        # Taken if the cost falls at all; damping is lowered then and raised otherwise (Marquardt).
        gain = best.cost[active] - tried.cost
        better = gain > 0
        taken = active[better]
        for name, array in trial.items():
            state[name][taken] = array[better]
        best.normal[taken] = tried.normal[better]
        best.gradient[taken] = tried.gradient[better]
        is_done = better & (gain <= relative_tolerance * best.cost[active])
        best.cost[taken] = tried.cost[better]
        damping[active] *= np.where(better, _DAMPING_DOWN, _DAMPING_UP)
        active = active[~is_done]
    return state, best


def _step(
    normal: Float[np.ndarray, "row parameter parameter"],
    gradient: Float[np.ndarray, "row parameter"],
    damping: Float[np.ndarray, " row"],
) -> Float[np.ndarray, "row parameter"]:
    damped = normal.copy()
    diagonal = np.einsum("rpp->rp", damped)
    diagonal += damping[:, None] * diagonal + 1e-12 * diagonal.max(axis=1, keepdims=True)
    return -np.linalg.solve(damped, gradient[..., None])[..., 0]


def normal_equations(
    jacobian: Float[np.ndarray, "row residual parameter"],
    residual: Float[np.ndarray, "row residual"],
    weight: Float[np.ndarray, "row residual"],
    cost: Float[np.ndarray, " row"],
) -> Linearised:
    """Gauss-Newton's equations of weighted residuals; a cost that is not finite is infinite."""
    # Second derivatives of the residuals and of the loss's weights are left out, which keeps J^T W
    # J positive (Nocedal and Wright 2006, section 10.3; Huber 1981, chapter 7).
    weighted = np.swapaxes(jacobian * weight[..., None], 1, 2)
    return Linearised(
        cost=np.where(np.isfinite(cost), cost, np.inf),
        normal=weighted @ jacobian,
        gradient=(weighted @ residual[..., None])[..., 0],
    )


def in_blocks(
    fit: Callable[[slice], tuple[np.ndarray, ...]], num_frames: int, block: int
) -> list[np.ndarray]:
    """What `fit` gives of some frames at a time, whole; memory stays that of one block."""
    starts = range(0, max(num_frames, 1), block)
    blocks = [fit(slice(start, start + block)) for start in starts]
    return [np.concatenate(parts) for parts in zip(*blocks, strict=True)]


def huber(
    squared: Float[np.ndarray, "row residual"], threshold: float
) -> tuple[Float[np.ndarray, "row residual"], Float[np.ndarray, "row residual"]]:
    """Huber's loss of squared residual norms, and the weight each has in the normal equations."""
    norm = np.sqrt(squared)
    outside = norm > threshold
    # |r|^2 inside, 2 k |r| - k^2 beyond (Huber 1964, doubled); weight psi(r) / r = min(1, k / |r|).
    loss = np.where(outside, 2.0 * threshold * norm - threshold**2, squared)
    weight = np.where(outside, threshold / np.where(outside, norm, 1.0), 1.0)
    return loss, weight
