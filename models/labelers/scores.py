"""How good labels are on episodes whose true actions are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rotoscope.models.labelers.labels import Labels
from rotoscope.models.training.action_space import CONSTANT_SPREAD, ActionSpace

LAGS = range(-5, 6)
"""Rows by which labels are moved to see whether they stand where they belong."""
LAG_TOLERANCE = 0.01
"""R2 by which another lag must be better than 0 to count: slow actions fit nearly as well a row
away."""


def score(
    labels: Sequence[Labels],
    truth: Sequence[np.ndarray],
    space: ActionSpace,
    constant: Sequence[str],
) -> dict[str, Any]:
    """JSON scores over all episodes.

    `r2`, `mae` and `coverage_90` by dimension; `constant` holds the mean absolute error of
    dimensions that do not move and therefore have no R2. Choices have an `accuracy` instead.
    `lag_scan` is the mean R2 of labels moved by -5..5 rows; `lag`, where it peaks, must be 0.
    """
    values = np.concatenate([part.values for part in labels])
    half_width = np.concatenate([part.half_width for part in labels])
    confidence = np.concatenate([part.confidence for part in labels])
    actions = np.concatenate(list(truth))
    error = np.abs(space.error(values, actions))
    names, discrete = space.contract.names, space.is_discrete
    still = (np.ptp(actions, axis=0) < CONSTANT_SPREAD) | np.isin(names, list(constant))
    moving = ~still & ~discrete
    out: dict[str, Any] = {"rows": len(values), "episodes": len(labels)}
    r2 = r_squared(values, actions, space)
    out["r2"] = _by_name(names, r2, moving)
    out["mae"] = _by_name(names, error.mean(0), moving)
    out["coverage_90"] = _by_name(names, (error <= half_width).mean(0), moving)
    out["accuracy"] = _by_name(names, 1 - error.mean(0), discrete)
    out["constant"] = _by_name(names, error.mean(0), still & ~discrete)
    if moving.any():
        out["mean_r2"] = round(float(r2[moving].mean()), 4)
        out["mean_coverage_90"] = round(float((error <= half_width)[:, moving].mean()), 4)
        scan = lag_scan([part.values for part in labels], truth, space, moving)
        out["lag_scan"] = scan
        if scan:
            best = max(scan, key=lambda lag: scan[lag])
            out["lag"] = 0 if scan["0"] + LAG_TOLERANCE >= scan[best] else int(best)
    sure = confidence >= np.quantile(confidence, 0.2)
    relative = error[:, ~still].mean(1) if not moving.any() else _relative(error, actions, moving)
    if relative.mean() > 0:
        kept = float(relative[sure].mean() / relative.mean())
        out["error_without_least_sure_20"] = round(kept, 4)
    return out


def r_squared(values: np.ndarray, actions: np.ndarray, space: ActionSpace) -> np.ndarray:
    """Explained share of the variance per dimension, errors as the action space counts them."""
    squared = (space.error(values, actions) ** 2).mean(0)
    total = space.spread(actions) ** 2
    return 1 - squared / np.maximum(total, 1e-12)


def lag_scan(
    labels: Sequence[np.ndarray],
    truth: Sequence[np.ndarray],
    space: ActionSpace,
    moving: np.ndarray,
) -> dict[str, float]:
    """Mean R2 by lag on the same rows for every lag; empty where all episodes are too short.

    +1 compares a label with the action one row after it.
    """
    reach = max(LAGS)
    pairs = [(a, b) for a, b in zip(labels, truth, strict=True) if len(b) > 2 * reach]
    if not pairs:
        return {}
    inner = np.concatenate([a[reach:-reach] for a, _ in pairs])
    out = {}
    for lag in LAGS:
        moved = np.concatenate([b[reach + lag : len(b) - reach + lag] for _, b in pairs])
        out[str(lag)] = round(float(r_squared(inner, moved, space)[moving].mean()), 4)
    return out


def _relative(error: np.ndarray, actions: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """Mean error of a row in units of each dimension's spread."""
    return (error[:, moving] / np.maximum(actions[:, moving].std(0), 1e-12)).mean(1)


def _by_name(names: Sequence[str], values: np.ndarray, used: np.ndarray) -> dict[str, float]:
    return {n: round(float(v), 4) for n, v, u in zip(names, values, used, strict=True) if u}
