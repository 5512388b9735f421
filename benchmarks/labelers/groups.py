"""Rows of the table that belong together: all seeds of one labeler."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np

from benchmarks.labelers.cells import Row

EXPERT_SET = re.compile(r"K(\d+)")
"""Labeled sets that are so many expert episodes."""


def tasks_of(rows: Sequence[Row]) -> list[str]:
    """Tasks in the order of the table."""
    return list(dict.fromkeys(row.task for row in rows))


def name_of(row: Row) -> str:
    """What is the same in all seeds: labeler, labeled set, inputs, distractors."""
    return " ".join([p for p in (row.labeler, row.labelled_set) if p] + _seen(row))


def curve_name(row: Row) -> str:
    """The same without the labeled set: what a label-budget curve joins."""
    return " ".join([row.labeler, *_seen(row)])


def _seen(row: Row) -> list[str]:
    inputs = [] if row.inputs == "state" else [row.inputs]
    return inputs + ["distractors"] * row.distractors


def grouped(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows of all seeds by `name_of`; failed ones left out."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if not row.failed:
            groups.setdefault(name_of(row), []).append(row)
    return groups


def budgets(rows: Sequence[Row]) -> dict[str, dict[int, list[Row]]]:
    """By labeler, then by number of labeled expert episodes; where three numbers are known."""
    found: dict[str, dict[int, list[Row]]] = {}
    for row in rows:
        number = EXPERT_SET.fullmatch(row.labelled_set)
        if number and not row.failed:
            found.setdefault(curve_name(row), {}).setdefault(int(number[1]), []).append(row)
    return {name: dict(sorted(found[name].items())) for name in found if len(found[name]) >= 3}


def mean_of(rows: Sequence[Row], column: str) -> float:
    """Mean of a column over rows that have it; NaN where none has."""
    values = [float(getattr(row, column)) for row in rows]
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan
