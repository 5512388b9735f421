"""Rows of the bench over seeds, with intervals, as a table and as JSON.

Seeds are other labeled episodes and other random numbers, tried from the same starts (judged on the
same episodes): they are no new starts. So a start's outcome is its mean over seeds, and intervals
come from drawing starts (Efron's bootstrap by cluster); differences are of the same starts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from rotoscope.models.labeler_bench.cells import Cell, Row
from rotoscope.models.labeler_bench.entry import ALONE, TRUE
from rotoscope.pipeline.files.atomic import write_text_atomic

_NUM_DRAWS = 2000
Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Line:
    """A labeler on a task, all seeds together; NaN where a column does not apply."""

    task: str
    """What the table calls the task."""
    labeler: str
    """And the labeler."""
    seeds: int
    """How many were measured."""
    failed: tuple[str, ...] = ()
    """Why seeds have no figures."""
    r2: float = float("nan")
    """Explained share of the actions' variance, mean over the numbers that move."""
    r2_interval: Interval = (float("nan"), float("nan"))
    """Its 95 % interval over episodes."""
    coverage_90: float = float("nan")
    """Share of true values in the 90 % intervals."""
    valid: float = float("nan")
    """Share of rows that are valid."""
    success: float = float("nan")
    """Share of starts solved by policies on the labels."""
    success_interval: Interval = (float("nan"), float("nan"))
    """Its 95 % interval over starts."""
    minus_true: float = float("nan")
    """Success minus that of policies on all true actions, from the same starts."""
    minus_true_interval: Interval = (float("nan"), float("nan"))
    """Its 95 % interval."""
    minus_alone: float = float("nan")
    """Success minus that of policies on the labeled episodes alone, from the same starts."""
    minus_alone_interval: Interval = (float("nan"), float("nan"))
    """Its 95 % interval."""
    mean_return: float = float("nan")
    """Mean return of policies on the labels."""
    cpu_s: float = float("nan")
    """CPU time of a seed [s]."""


def lines(measured: Sequence[tuple[Cell, Row]]) -> list[Line]:
    """One line for each labeler on each task, in their order."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for cell, row in measured:
        groups.setdefault((cell.place, cell.title), []).append(row)
    return [
        _line(task, labeler, rows, {k[1]: v for k, v in groups.items() if k[0] == task})
        for (task, labeler), rows in groups.items()
    ]


def _line(
    task: str, labeler: str, rows: Sequence[Row], beside: Mapping[str, Sequence[Row]]
) -> Line:
    good = [row for row in rows if not row.failed]
    failed = tuple(dict.fromkeys(row.failed for row in rows if row.failed))
    columns: dict[str, Any] = {}
    if good:
        columns["cpu_s"] = round(float(np.mean([row.cpu_s for row in good])), 1)
    judged = [row for row in good if row.squared]
    if judged:
        columns |= _label_columns(judged)
    tried = [row for row in good if row.solved]
    if tried:
        columns |= _policy_columns(tried, {k: v for k, v in beside.items() if k != labeler})
    return Line(task=task, labeler=labeler, seeds=len(good), failed=failed, **columns)


def _label_columns(rows: Sequence[Row]) -> dict[str, Any]:
    units = sorted({unit for row in rows for unit in row.units})
    squared, total = _by_unit(rows, units, "squared"), _by_unit(rows, units, "total")

    def r2(drawn: Int[np.ndarray, " unit"]) -> float:
        return float((1 - squared[drawn].sum(0) / np.maximum(total[drawn].sum(0), 1e-12)).mean())

    covered = [r.scores["mean_coverage_90"] for r in rows if "mean_coverage_90" in r.scores]
    return {
        "r2": round(r2(np.arange(len(units))), 4),
        "r2_interval": _interval(r2, len(units)),
        "coverage_90": round(float(np.mean(covered)), 4) if covered else float("nan"),
        "valid": round(float(np.mean([row.valid_share for row in rows])), 4),
    }


def _by_unit(rows: Sequence[Row], units: Sequence[int], name: str) -> Float[np.ndarray, "unit n"]:
    """Sums over seeds of what each episode adds."""
    out = np.zeros((len(units), len(getattr(rows[0], name)[0])))
    for row in rows:
        for unit, values in zip(row.units, getattr(row, name), strict=True):
            out[units.index(unit)] += values
    return out


def _policy_columns(rows: Sequence[Row], beside: Mapping[str, Sequence[Row]]) -> dict[str, Any]:
    solved = _solved(rows)
    out: dict[str, Any] = {
        "success": round(float(solved.mean()), 4),
        "success_interval": _mean_interval(solved),
        "mean_return": round(float(np.mean([row.returns for row in rows])), 4),
    }
    for name, column in ((TRUE, "minus_true"), (ALONE, "minus_alone")):
        others = [row for row in beside.get(name, ()) if row.solved]
        if others:
            off = solved - _solved(others)
            out[column] = round(float(off.mean()), 4)
            out[f"{column}_interval"] = _mean_interval(off)
    return out


def _solved(rows: Sequence[Row]) -> Float[np.ndarray, " start"]:
    return np.mean([row.solved for row in rows], axis=0)


def _mean_interval(values: Float[np.ndarray, " start"]) -> Interval:
    return _interval(lambda drawn: float(values[drawn].mean()), len(values))


def _interval(of: Callable[[Int[np.ndarray, " unit"]], float], num: int) -> Interval:
    """Interval of a figure of drawn starts or episodes that holds 95 % of the draws."""
    generator = np.random.default_rng(0)
    drawn = [of(generator.integers(num, size=num)) for _ in range(_NUM_DRAWS)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return round(float(low), 4), round(float(high), 4)


def write(found: Sequence[Line], measured: Sequence[tuple[Cell, Row]], out: Path) -> None:
    """`labelers.md` for people and `labelers.json` with everything."""
    said = [asdict(line) for line in found]
    rows = [asdict(cell) | {"title": cell.title} | asdict(row) for cell, row in measured]
    text = json.dumps({"lines": said, "rows": rows})
    plain = json.loads(text, parse_constant=lambda _: None)  # JSON itself knows no NaN
    write_text_atomic(out / "labelers.json", json.dumps(plain, indent=1) + "\n")
    write_text_atomic(out / "labelers.md", table(found))


HEADER = (
    *("task", "labeler", "R2", "intervals hold", "valid"),
    *("success", "minus true", "minus alone", "return", "CPU s"),
)


def cells_of(line: Line) -> tuple[str, ...]:
    """The columns of a line as text; a dash where one does not apply."""
    if line.failed and not line.seeds:
        return line.task, line.labeler, f"failed: {line.failed[0]}", *[""] * (len(HEADER) - 3)
    return (
        line.task,
        line.labeler,
        _with(line.r2, line.r2_interval),
        _text(line.coverage_90),
        _text(line.valid),
        _with(line.success, line.success_interval),
        _with(line.minus_true, line.minus_true_interval, sign="+"),
        _with(line.minus_alone, line.minus_alone_interval, sign="+"),
        _text(line.mean_return),
        _text(line.cpu_s, digits=0),
    )


def table(found: Sequence[Line]) -> str:
    """The lines as a page of Markdown."""
    rows = [HEADER, tuple("---" for _ in HEADER), *map(cells_of, found)]
    seeds = sorted({line.seeds for line in found if line.seeds})
    return "\n".join(
        [
            "# Labelers against true actions",
            "",
            *(f"| {' | '.join(row)} |" for row in rows),
            "",
            f"Seeds: {', '.join(map(str, seeds)) or 'none'}, other labeled episodes each; they "
            "share starts (of a dataset: episodes), so that intervals, which hold 95 %, are over "
            "starts. Differences of success are of the same starts. `true` is all true actions, "
            "`alone` the labeled episodes alone, `previous` sees the true action of the row "
            "before.",
            "",
        ]
    )


def _text(value: float, *, digits: int = 2, sign: str = "") -> str:
    return "-" if np.isnan(value) else f"{value:{sign}.{digits}f}"


def _with(value: float, interval: Interval, *, sign: str = "") -> str:
    if np.isnan(value):
        return "-"
    low, high = interval
    return f"{_text(value, sign=sign)} ({_text(low, sign=sign)} to {_text(high, sign=sign)})"
