"""Rewards of an episode's rows from how its features align with those of a demonstration.

Every function takes the distances between the episode's rows and the demonstration's, and gives a
reward a row; the higher, the better. Nothing is learned, no action is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.alignment.dtw import align

Distances = Float[np.ndarray, "row demo"]
Rewards = Float[np.ndarray, " row"]

TEMPERATURE = 1.0
"""Distance at which a row shows a subgoal with a chance of 1/e, in standard deviations of the
demonstration's own motion. Chosen on `_reward_rollouts.CHOSEN_ON`."""
SHOWN = 0.9
"""Chance from which `threshold` goes on to the next subgoal (2502.05397, appendix)."""
WINDOW_ROWS = 10
"""Rows of the episode by which `temporal_ot` lets time differ (2410.12194)."""
_SINKHORN_STEPS, _ENTROPY = 200, 0.01


def ordered_coverage(distances: Distances) -> Float[np.ndarray, "row demo"]:
    """Logarithm of the chance that by each row the first subgoals were all shown in their order.

    ORCA's recursion (Huey et al. 2025, 2502.05397, equation 2): a subgoal is covered where it was
    before, or where the one before it is and this row shows it. In logarithms, a row at a time: a
    running maximum does what the recursion does along a row.
    """
    shows = -distances / TEMPERATURE
    out = np.empty_like(shows)
    before = np.full(shows.shape[1], -np.inf)
    for row, chances in enumerate(shows):
        ways = np.cumsum(chances)
        start = np.r_[max(before[0], chances[0]) - ways[0], before[1:] - ways[1:]]
        before = out[row] = ways + np.maximum.accumulate(start)
    return out


def orca(distances: Distances) -> Rewards:
    """Chance that all subgoals but the last were shown in order, and this row shows the last.

    Per subgoal (a geometric mean), so that it does not fall with the length of the demonstration.
    """
    covered = ordered_coverage(distances)
    before = covered[:, -2] if covered.shape[1] > 1 else np.zeros(len(covered))
    return np.exp((before - distances[:, -1] / TEMPERATURE) / covered.shape[1])


def ot(distances: Distances) -> Rewards:
    """Less what it costs to carry each row to the demonstration's, in any order (2006.04678)."""
    plan = _transport(distances, np.ones(distances.shape, bool))
    return -(plan * distances).sum(1) * len(distances)


def temporal_ot(distances: Distances) -> Rewards:
    """The same with rows carried only to those of about the same moment (2410.12194)."""
    num, num_demo = distances.shape
    when = np.arange(num)[:, None] * num_demo / num
    near = np.abs(when - np.arange(num_demo)) <= max(WINDOW_ROWS * num_demo / num, 1.0)
    return -(_transport(distances, near) * distances).sum(1) * num


def dtw(distances: Distances) -> Rewards:
    """Less the mean distance to the rows of the demonstration that time warping matches it with."""
    way = align(distances)
    costs = distances[way.first, way.second]
    return -np.bincount(way.first, costs) / np.bincount(way.first)


def threshold(distances: Distances) -> Rewards:
    """Share of subgoals that were shown one after the other, and how well the next one is."""
    chances = np.exp(-distances / TEMPERATURE)
    num_demo, goal = chances.shape[1], 0
    out = np.empty(len(chances))
    for row, shown in enumerate(chances):
        out[row] = (goal + shown[goal]) / num_demo
        goal = min(goal + int(shown[goal] > SHOWN), num_demo - 1)
    return out


def last_frame(distances: Distances) -> Rewards:
    """Less the distance to the last row of the demonstration."""
    return -distances[:, -1]


METHODS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "orca": orca,
    "ot": ot,
    "temporal_ot": temporal_ot,
    "dtw": dtw,
    "threshold": threshold,
    "last_frame": last_frame,
}
"""Rewards that need distances alone, by name; the first is the one that is used by default."""


def _transport(
    distances: Distances, allowed: Bool[np.ndarray, "row demo"]
) -> Float[np.ndarray, "row demo"]:
    """Sinkhorn's plan between two uniform sets, with entropy, along allowed pairs."""
    num, num_demo = distances.shape
    kernel = np.exp(-distances / max(float(distances.max()), 1e-12) / _ENTROPY)
    kernel = np.where(allowed, np.maximum(kernel, 1e-300), 1e-300)
    columns = np.ones(num_demo)
    for _ in range(_SINKHORN_STEPS):
        rows = 1 / num / (kernel @ columns)
        columns = 1 / num_demo / (kernel.T @ rows)
    return rows[:, None] * kernel * columns
