"""How good labels are, judged from the actions that were executed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from benchmarks.labelers.episodes import Demonstration, Labels

LAGS = tuple(range(-5, 6))
"""Frames by which labels are moved to see whether they stand where they belong."""
LAG_KNOWN = 0.5
"""Share of a dimension's variance that labels must explain at some lag for their lag to be judged:
wrong labels are wrong at every lag."""
LAG_TOLERANCE = 0.01
"""Share of the variance by which another lag must be better than 0: commands that hardly change
look the same a frame later."""
CONSTANT_SPREAD = 1e-6
"""Dimensions whose true actions spread less than this have no R2."""


def varying(truth: Float[np.ndarray, "time action"]) -> Bool[np.ndarray, " action"]:
    """Which dimensions move at all; the others are scored apart, never as R2 = 1."""
    return np.ptp(truth, axis=0) > CONSTANT_SPREAD


def r2(
    labels: Float[np.ndarray, "time action"], truth: Float[np.ndarray, "time action"]
) -> Float[np.ndarray, " action"]:
    """Explained share of the variance of each dimension; NaN where the truth is constant."""
    _same_shape(labels, truth)
    residual = ((labels - truth) ** 2).sum(0)
    total = ((truth - truth.mean(0)) ** 2).sum(0)
    moves = varying(truth)
    return np.where(moves, 1 - residual / np.where(moves, total, 1), np.nan)


def mean_r2(
    labels: Float[np.ndarray, "time action"], truth: Float[np.ndarray, "time action"]
) -> float:
    """Mean of `r2` over the dimensions that vary; NaN where none does."""
    values = r2(labels, truth)[varying(truth)]
    return float(values.mean()) if len(values) else float("nan")


def mae(
    labels: Float[np.ndarray, "time action"], truth: Float[np.ndarray, "time action"]
) -> Float[np.ndarray, " action"]:
    """Mean absolute error of each dimension, in its unit."""
    _same_shape(labels, truth)
    return np.abs(labels - truth).mean(0)


def accuracy(labels: Int[np.ndarray, " time"], truth: Int[np.ndarray, " time"]) -> float:
    """Share of discrete labels that are right."""
    _same_shape(labels, truth)
    return float((labels == truth).mean())


def macro_f1(labels: Int[np.ndarray, " time"], truth: Int[np.ndarray, " time"]) -> float:
    """F1 averaged over the actions that occur in truth or labels, rare ones as much as common."""
    _same_shape(labels, truth)
    scores = []
    for action in np.union1d(labels, truth):
        right = int(((labels == action) & (truth == action)).sum())
        scores.append(2 * right / (int((labels == action).sum()) + int((truth == action).sum())))
    return float(np.mean(scores))


def lag_scans(
    labels: Sequence[Float[np.ndarray, "time action"]],
    truth: Sequence[Float[np.ndarray, "time action"]],
) -> Float[np.ndarray, "lag action"]:
    """R2 of each dimension for labels moved by -5..+5 frames; NaN where the truth is constant.

    +1 compares a label with the action after it. Every lag is judged on the same frames, those five
    away from either end of their episode, so that pauses at the ends favor none.

    Raises:
        ValueError: No episode is longer than ten frames.
    """
    reach = max(LAGS)
    pairs = [(a, b) for a, b in zip(labels, truth, strict=True) if len(b) > 2 * reach]
    if not pairs:
        raise ValueError(f"no episode is longer than {2 * reach} frames; a lag scan needs one")
    inner = np.concatenate([a[reach:-reach] for a, _ in pairs])
    moved = [
        np.concatenate([b[reach + lag : len(b) - reach + lag] for _, b in pairs]) for lag in LAGS
    ]
    return np.stack([r2(inner, true) for true in moved])


def lag_scan(
    labels: Sequence[Float[np.ndarray, "time action"]],
    truth: Sequence[Float[np.ndarray, "time action"]],
) -> dict[int, float]:
    """Mean over the dimensions of `lag_scans`, by lag; NaN where none varies."""
    scans = lag_scans(labels, truth)
    moves = ~np.isnan(scans[LAGS.index(0)])
    means = scans[:, moves].mean(1) if moves.any() else np.full(len(LAGS), np.nan)
    return {lag: float(value) for lag, value in zip(LAGS, means, strict=True)}


def best_lag(scan: dict[int, float]) -> int:
    """Where a lag scan peaks; 0 unless another lag is really better."""
    best = max(scan, key=lambda lag: (scan[lag], -abs(lag)))
    return 0 if scan[0] + LAG_TOLERANCE >= scan[best] else best


def best_lags(
    labels: Sequence[Float[np.ndarray, "time action"]],
    truth: Sequence[Float[np.ndarray, "time action"]],
) -> Float[np.ndarray, " action"]:
    """`best_lag` of every dimension; NaN where no lag explains `LAG_KNOWN` of the variance.

    Labels of what cannot be seen, such as the command of a gripper that stands open, are wrong at
    every lag, and where the least wrong one lies says nothing about the clock.
    """
    scans = lag_scans(labels, truth).T
    known = [
        scan[LAGS.index(0)] == scan[LAGS.index(0)] and scan.max() >= LAG_KNOWN for scan in scans
    ]
    return np.array(
        [
            best_lag(dict(zip(LAGS, scan.tolist(), strict=True))) if is_known else np.nan
            for scan, is_known in zip(scans, known, strict=True)
        ]
    )


def farthest_lag(lags: Float[np.ndarray, " action"]) -> float:
    """The lag farthest from 0 of the dimensions that can be judged; NaN where none can."""
    judged = lags[~np.isnan(lags)]
    return float(judged[np.argmax(np.abs(judged))]) if len(judged) else float("nan")


def coverage(
    labels: Float[np.ndarray, "time action"],
    half_width: Float[np.ndarray, "time action"],
    truth: Float[np.ndarray, "time action"],
) -> float:
    """Share of true values inside their interval, over the dimensions that vary."""
    _same_shape(labels, truth)
    inside = np.abs(labels - truth) <= half_width
    return float(inside[:, varying(truth)].mean())


def error_after_dropping(
    labels: Float[np.ndarray, "time action"],
    half_width: Float[np.ndarray, "time action"],
    truth: Float[np.ndarray, "time action"],
    *,
    share: float,
) -> float:
    """Mean absolute error once the least sure `share` of the steps is gone, over that of all.

    A step's uncertainty is the mean of its intervals over the dimensions that vary, as its error is
    the mean of theirs: the dimensions of an action share one unit here.
    0.85 means that 15 % of the error went with the dropped steps.
    """
    _same_shape(labels, truth)
    moves = varying(truth)
    error = np.abs(labels - truth)[:, moves].mean(1)
    doubt = half_width[:, moves].mean(1)
    kept = np.argsort(doubt, kind="stable")[: max(1, round(len(doubt) * (1 - share)))]
    whole = float(error.mean())
    return float(error[kept].mean()) / whole if whole > 0 else 1.0


def columns(labels: Sequence[Labels], demonstrations: Sequence[Demonstration]) -> dict[str, Any]:
    """The columns of a row that compare numeric labels with the true actions.

    Those of calibration only where every label has intervals.
    """
    each, true = [label.values for label in labels], [d.actions for d in demonstrations]
    values, truth = np.concatenate(each), np.concatenate(true)
    lags = best_lags(each, true)
    out: dict[str, Any] = {
        "r2": tuple(r2(values, truth).tolist()),
        "mae": tuple(mae(values, truth).tolist()),
        "r2_mean": mean_r2(values, truth),
        "mae_mean": float(mae(values, truth).mean()),
        "best_lag": farthest_lag(lags),
        "best_lags": tuple(lags.tolist()),
        "lag_scan": tuple(lag_scan(each, true).values()),
    }
    widths = [label.half_width_90 for label in labels if label.half_width_90 is not None]
    if len(widths) == len(labels):
        width = np.concatenate(widths)
        out["coverage_90"] = coverage(values, width, truth)
        for percent in (10, 20, 50):
            out[f"error_left_{percent}"] = error_after_dropping(
                values, width, truth, share=percent / 100
            )
    return out


def drift(
    labels: Sequence[Float[np.ndarray, "time action"]],
    truth: Sequence[Float[np.ndarray, "time action"]],
    *,
    dimensions: Sequence[int],
    scale: float = 1.0,
) -> float:
    """How far apart integrated labels and integrated truth end, root mean square over episodes.

    `dimensions` are those that add up to a position, `scale` what one unit of action moves [m].
    A constant bias grows here and zero-mean noise cancels, as they do when a policy acts.
    """
    ends = [
        scale * np.linalg.norm((a - b)[:, list(dimensions)].sum(0))
        for a, b in zip(labels, truth, strict=True)
    ]
    return float(np.sqrt(np.mean(np.square(ends))))


def _same_shape(labels: np.ndarray, truth: np.ndarray) -> None:
    if labels.shape != truth.shape:
        raise ValueError(f"labels of shape {labels.shape}, true actions of shape {truth.shape}")
