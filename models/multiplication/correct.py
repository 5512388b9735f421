"""Rows beside demonstrations, and actions that lead back to them.

L. Ke et al., "CCIL: continuity-based data augmentation for corrective imitation learning", 2024
(2310.12972), section 4.2, its disturbed actions: of a demonstrated row, another action, and the
state from which that action leads to the demonstrated next state. Rows of which the dynamics are
not sure are not valid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.multiplication.dynamics import Dynamics, Transitions
from rotoscope.pipeline.contract import ActionContract

DISTURBANCE = 0.5
"""Standard deviation of what is added to an action, in those of the demonstrated actions."""
SURE = 0.5
"""The dynamics are sure where they are wrong by less than this share of how far the state is beside
the demonstrated one."""
_ROUNDS, _CLOSE = 30, 1e-3
"""Rounds in which the state is looked for, and how near it must come, in standard deviations."""


@dataclass(frozen=True, eq=False)
class Corrected:
    """A demonstration once more, each row beside its own."""

    source: int
    """Which of the demonstrations."""
    state: Float[np.ndarray, "row state"]
    """As demonstrated where not valid."""
    action: Float[np.ndarray, "row action"]
    """As demonstrated where not valid."""
    valid: Bool[np.ndarray, " row"]
    """Where the dynamics are sure."""


def correct(
    episodes: Sequence[tuple[Float[np.ndarray, "_ state"], Float[np.ndarray, "_ action"]]],
    contract: ActionContract,
    num: int,
    *,
    seed: int,
) -> list[Corrected]:
    """Demonstrations once more, in turns, with rows beside them and actions that lead back.

    Args:
        episodes: States and actions of each demonstration.
        contract: Limits of actions; numbers that are choices are left as they are.
        num: How many are made.
        seed: Of everything random.
    """
    dynamics = Dynamics(shown := Transitions.of(episodes))
    draw = np.random.default_rng(seed)
    low, high = contract.bounds()
    spread = DISTURBANCE * shown.action.std(0)
    spread[[d.quantity == "discrete" for d in contract.dimensions]] = 0.0
    first = np.flatnonzero(np.diff(shown.episode, prepend=-1))
    out = []
    for number in range(num):
        source = number % len(episodes)
        state, action = (values.copy() for values in episodes[source])
        rows = first[source] + np.arange(len(state) - 1)
        other = np.clip(action[:-1] + spread * draw.normal(size=action[:-1].shape), low, high)
        beside, valid = _beside(dynamics, shown, rows, other)
        state[:-1][valid], action[:-1][valid] = beside[valid], other[valid]
        out.append(Corrected(source, state, action, np.append(valid, False)))
    return out


def _beside(
    dynamics: Dynamics, shown: Transitions, rows: np.ndarray, action: np.ndarray
) -> tuple[Float[np.ndarray, "row state"], Bool[np.ndarray, " row"]]:
    """From where actions lead to the demonstrated next states, and where that is sure."""
    was, target = shown.state[rows], shown.state[rows] + shown.change[rows]
    state = was
    for _ in range(_ROUNDS):
        state, before = target - dynamics.change(state, action), state
    still = np.abs((state - before) / dynamics.change_scale).max(axis=1) < _CLOSE
    beside = np.linalg.norm((state - was) / dynamics.change_scale, axis=1)
    return state, still & (dynamics.error_bound(state, action) < SURE * beside)
