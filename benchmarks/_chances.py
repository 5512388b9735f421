"""Stated chances against what came true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from benchmarks.figure import Bar, Figure

NUM_BINS = 5
_CALIBRATION, _RANK = Bar("<=", 0.1), Bar(">=", 0.5)


@dataclass(frozen=True, eq=False)
class Chances:
    """Rows of one kind."""

    stated: Float[np.ndarray, " row"]
    """Chance that the error is within its tolerance."""
    error: Float[np.ndarray, " row"]
    """The error, in units of the tolerance: the event is that it is below 1."""


def together(kinds: Mapping[str, Chances]) -> Chances:
    """The rows of all kinds, each kind counting alike: of each as many as the smallest has."""
    num = min(len(rows.stated) for rows in kinds.values())
    chosen = {k: np.linspace(0, len(r.stated) - 1, num).astype(int) for k, r in kinds.items()}
    return Chances(
        np.concatenate([rows.stated[chosen[kind]] for kind, rows in kinds.items()]),
        np.concatenate([rows.error[chosen[kind]] for kind, rows in kinds.items()]),
    )


def calibration_error(rows: Chances) -> float:
    """Mean distance of stated and observed over bins of the stated chance, by their rows.

    Naeini, Cooper and Hauskrecht 2015 (expected calibration error).
    """
    bins = np.minimum((rows.stated * NUM_BINS).astype(int), NUM_BINS - 1)
    came_true = rows.error < 1.0
    gaps = [
        abs(float((rows.stated[bins == k] - came_true[bins == k]).sum())) for k in range(NUM_BINS)
    ]
    return sum(gaps) / len(rows.stated)


def rank_correlation(rows: Chances) -> float:
    """Spearman's, of the chance that an error is large with the error."""
    from scipy.stats import spearmanr

    return float(spearmanr(1.0 - rows.stated, rows.error).statistic)


def figures(name: str, kinds: Mapping[str, Chances]) -> list[Figure]:
    """Calibration and rank over all kinds, then what was stated and observed by kind."""
    rows = together(kinds)
    low, middle, high = np.quantile(rows.stated, (0.05, 0.5, 0.95))
    out = [
        Figure(f"{name}.calibration_error", calibration_error(rows), "1", _CALIBRATION),
        Figure(f"{name}.rank_correlation", rank_correlation(rows), "1", _RANK),
        Figure(f"{name}.stated_p05", float(low), "1"),
        Figure(f"{name}.stated_median", float(middle), "1"),
        Figure(f"{name}.stated_p95", float(high), "1"),
    ]
    for kind, one in kinds.items():
        out.append(Figure(f"{name}.{kind}.rows", len(one.stated), "1"))
        out.append(Figure(f"{name}.{kind}.stated", float(one.stated.mean()), "1"))
        out.append(Figure(f"{name}.{kind}.observed", float((one.error < 1.0).mean()), "1"))
    return out
