"""Which rows of a dataset a policy learns from, and how much each counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.datasets.read import Dataset
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.tracks import runs

_SHOWN = 4
ACTION, VALID, CONFIDENCE = "action", "label.valid", "label.confidence"


@dataclass(frozen=True, eq=False)
class RowWeights:
    """Which rows of one episode are learned from, and how much each counts."""

    mask: Bool[np.ndarray, " time"]
    """Rows that are learned from."""
    weight: Float[np.ndarray, " time"]
    """How much each counts; 0 outside the mask."""


def row_weights_of(
    dataset: Dataset,
    *,
    weighting: Literal["none", "confidence"] = "none",
    min_confidence: float = 0.0,
) -> list[RowWeights]:
    """Weights of the rows of every episode, in the dataset's order.

    Weights are scaled to a mean of 1 over the rows that are used.

    Raises:
        DatasetError: Confidence is asked for and the dataset has none, no row is left, or the
            action of one that is used is not finite.
    """
    asks = weighting == "confidence" or min_confidence > 0
    if asks and CONFIDENCE not in dataset.info["features"]:
        raise DatasetError(
            f"{dataset.root} has no {CONFIDENCE}: use weighting=none and min_confidence=0"
        )
    parts = [_episode(dataset, index, asks, min_confidence) for index in range(len(dataset.table))]
    used = [u for u, _ in parts]
    if not any(u.any() for u in used):
        raise DatasetError(
            f"{dataset.root}: no row has {VALID} and a confidence of at least {min_confidence:g}; "
            "lower min_confidence, or look into the dataset with 'rotoscope report'"
        )
    if weighting == "none":
        return [RowWeights(u, u.astype(float)) for u in used]
    total = sum(float(c[u].sum()) for u, c in parts)
    if total == 0:
        raise DatasetError(f"{dataset.root}: {CONFIDENCE} is 0 everywhere; use weighting=none")
    mean = total / sum(int(u.sum()) for u in used)
    return [RowWeights(u, np.where(u, c / mean, 0.0)) for u, c in parts]


def describe(row_weights: Sequence[RowWeights]) -> str:
    """How many rows are left, for people."""
    rows = sum(len(t.mask) for t in row_weights)
    used = sum(int(t.mask.sum()) for t in row_weights)
    without = sum(not t.mask.any() for t in row_weights)
    text = f"learning from {used} of {rows} rows ({rows - used} not trusted)"
    return text + (f"; {without} of {len(row_weights)} episodes have none" if without else "")


def warn_of_short(row_weights: Sequence[RowWeights], chunk: int) -> list[str]:
    """A sentence where unbroken stretches of trusted rows are shorter than a policy's chunk.

    Args:
        row_weights: For each episode, which rows are learned from.
        chunk: Actions that the policy plans at once.
    """
    lengths = [end - start for one in row_weights for start, end in runs(one.mask)]
    short = sorted(length for length in lengths if length < chunk)
    if not short:
        return []
    shown = ", ".join(map(str, short[:_SHOWN])) + (", ..." if len(short) > _SHOWN else "")
    return [
        f"{len(short)} of {len(lengths)} stretches of trusted rows are shorter ({shown} rows) than "
        f"the policy's chunk of {chunk}: the rest of every such chunk is padding, which teaches "
        "nothing; plan fewer actions at once, or label longer stretches"
    ]


def _episode(
    dataset: Dataset, index: int, asks: bool, min_confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    columns = dataset.episode(index).columns
    rows = len(columns["frame_index"])
    used: np.ndarray = np.ones(rows, bool)
    if VALID in columns:
        used = np.asarray(columns[VALID], bool).reshape(rows)
    confidence = np.ones(rows)
    if asks:
        confidence = np.nan_to_num(np.asarray(columns[CONFIDENCE], float).reshape(rows))
        used = used & (confidence >= min_confidence)
    action = np.asarray(columns[ACTION], float).reshape(rows, -1)
    bad = used & ~np.isfinite(action).all(axis=1)
    if bad.any():
        raise DatasetError(
            f"{dataset.root}: episode {index}: the action of row {int(np.argmax(bad))} is not "
            f"finite ({int(bad.sum())} such rows): it would be learned from; remove them, or mark "
            f"them in {VALID}"
        )
    return used, confidence
