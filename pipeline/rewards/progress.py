"""How far an episode has come along a demonstration, row by row, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.rewards.features import distances
from rotoscope.pipeline.rewards.subgoals import SPACING, Subgoals

# Chosen on `benchmarks._reward_rollouts.CHOSEN_ON`.
_OFF_SIGMAS = 3.0
"""A row further than this from every subgoal shows something else. 2 to 4 were tried."""
_OFF, _BACK_ON = 0.1, 0.1
"""Chance, each row, that something else begins to be shown, or ends."""
_STAY, _STRIDE, _BACK, _BACK_STRIDE = 5.0, 2.0, 0.02, 3.0
"""Weights of the next row's subgoal: the same, one of those after it, one of those before it; how
many subgoals a step goes on or back. Staying at 1 to 5 times was tried."""
_LATE_START = 0.01
_FIRST_ROWS = 5


@dataclass(frozen=True, eq=False)
class Progress:
    """How far each row of an episode is."""

    values: Float[np.ndarray, " row"]
    """Share of the demonstration's motion that is done, 0..1."""
    sigma: Float[np.ndarray, " row"]
    """Its 1-sigma."""
    off: Float[np.ndarray, " row"]
    """Chance that the row shows what the demonstration shows nowhere."""
    evidence: float
    """Logarithm of how well the demonstration explains the episode, to compare demonstrations."""


def progress_along(
    rows: Float[np.ndarray, "row number"], goals: Subgoals, sigma: float
) -> Progress:
    """The posterior of a hidden Markov model over subgoals, forward and backward.

    An episode is at a subgoal and goes on to later ones, seldom back; or it shows something else,
    and stays where it was until it shows the demonstration again: an episode that leaves the way
    makes no progress, whatever it does.

    Args:
        rows: Features of the episode, of known rows alone.
        goals: The demonstration.
        sigma: How far a row that is at a subgoal may be from it; see `start_sigma`.
    """
    near = np.exp(-0.5 * (distances(rows, goals.features, goals.scale) / sigma) ** 2)
    chances = np.c_[near, np.full_like(near, np.exp(-0.5 * _OFF_SIGMAS**2))]
    posterior, evidence = _posterior(chances, _moves(near.shape[1]))
    place = np.tile(goals.progress, 2)
    mean = posterior @ place
    spread = np.maximum(posterior @ place**2 - mean**2, 0)
    # A row that may be so far from where it is may be as far along the way.
    blur = min(sigma / max(goals.way, 1e-12), 1.0)
    return Progress(
        values=np.clip(mean, 0, 1),
        sigma=np.sqrt(spread + blur**2),
        off=posterior[:, near.shape[1] :].sum(1),
        evidence=evidence,
    )


def start_sigma(rows: Float[np.ndarray, "row number"], goals: Subgoals) -> float:
    """How far a row that is at a subgoal may be from it: as far as the episode's start is.

    Another place of things, person or light shifts all rows alike, and is seen before anything is
    done well or badly. The median of a few rows, so that one that is wrong does not count; at least
    the distance between subgoals.
    """
    nearest = distances(rows[:_FIRST_ROWS], goals.features, goals.scale).min(1)
    return max(SPACING, float(np.median(nearest)))


def _moves(num: int) -> Float[np.ndarray, "state state"]:
    """Chances from a row to the next: at `num` subgoals, then away from each."""
    ahead = np.arange(num)[None] - np.arange(num)[:, None]
    back = _BACK * np.exp(np.minimum(ahead, 0) / _BACK_STRIDE)
    weights = np.where(ahead > 0, np.exp(-np.maximum(ahead, 0) / _STRIDE), back)
    weights[ahead == 0] = _STAY
    step = weights / weights.sum(1, keepdims=True)
    still = np.eye(num)
    return np.block([[step * (1 - _OFF), still * _OFF], [step * _BACK_ON, still * (1 - _BACK_ON)]])


def _posterior(
    chances: Float[np.ndarray, "row state"], moves: Float[np.ndarray, "state state"]
) -> tuple[Float[np.ndarray, "row state"], float]:
    """Chance of every state in every row given all rows, and the logarithm of all rows' chance."""
    num, states = chances.shape
    at = np.exp(-np.arange(states // 2) / (0.05 * states)) + _LATE_START
    now = np.r_[at * (1 - _OFF), at * _OFF] / at.sum()
    forward, evidence = np.empty_like(chances), 0.0
    for row in range(num):
        now = (now @ moves if row else now) * chances[row]
        total = float(now.sum())
        now, evidence = now / total, evidence + float(np.log(total))
        forward[row] = now
    later, out = np.ones(states), np.empty_like(chances)
    for row in range(num - 1, -1, -1):
        out[row] = forward[row] * later
        out[row] /= out[row].sum()
        later = moves @ (later * chances[row])
        later /= later.sum()
    return out, evidence
