"""What a built-in policy plans at rows whose actions are known, and how well that fits them."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from rotoscope.models.policy.bc_policy import BcPolicy
from rotoscope.models.policy.rows import PolicyRows
from rotoscope.models.training.action_space import CONSTANT_SPREAD, ActionSpace

ASKED_ROWS = 4096
"""Rows that a policy is asked about at a time."""


def predicted(
    policy: BcPolicy, rows: PolicyRows, which: Int[np.ndarray, " some"]
) -> Float[np.ndarray, "some action"]:
    """The first action that is planned at some rows, a few pictures in memory at a time."""
    parts = [which[start : start + ASKED_ROWS] for start in range(0, len(which), ASKED_ROWS)]
    return np.concatenate(
        [policy.predict(rows.inputs[part], rows.pictures(part))[:, 0] for part in parts]
    )


def scores(
    values: Float[np.ndarray, "some action"],
    truth: Float[np.ndarray, "some action"],
    space: ActionSpace,
) -> dict[str, Any]:
    """How well actions fit those that were taken: R2 and MAE, or accuracy."""
    error = space.error(values, truth)
    names, discrete = space.contract.names, space.is_discrete
    moves = ~discrete & (np.ptp(truth, axis=0) > CONSTANT_SPREAD)
    out: dict[str, Any] = {"rows": len(truth)}
    if moves.any():
        r2 = 1 - (error**2).mean(0)[moves] / space.spread(truth)[moves] ** 2
        out["r2"] = dict(zip(np.array(names)[moves].tolist(), r2.round(4).tolist(), strict=True))
        out["mean_r2"] = round(float(r2.mean()), 4)
    mae = np.abs(error).mean(0)
    out["mae"] = {
        n: round(float(m), 6) for n, m, d in zip(names, mae, discrete, strict=True) if not d
    }
    if discrete.any():
        out["accuracy"] = {
            n: round(1 - float(m), 4) for n, m, d in zip(names, mae, discrete, strict=True) if d
        }
    return out
