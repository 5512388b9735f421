"""Parts of the report beside the tables of tasks: bars, label budgets, lags, failures."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from benchmarks.figure import Figure
from benchmarks.labelers.cells import Row
from benchmarks.labelers.groups import budgets, grouped, mean_of
from benchmarks.labelers.scores import LAGS


def line(cells: Sequence[str]) -> str:
    """One line of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table: the first column to the left, numbers to the right."""
    rule = "|:--" + "|--:" * (len(head) - 1) + "|"
    return [line(head), rule, *[line(cells) for cells in lines], ""]


def number(value: float) -> str:
    """Three decimals; whole and large numbers as they are; nothing for NaN."""
    if math.isnan(value):
        return ""
    return f"{value:.0f}" if abs(value) >= 1000 or value == round(value) else f"{value:.3f}"


def bars(figures: Sequence[Figure]) -> list[str]:
    """Every figure that is held against a bar, missed ones first."""
    judged = sorted(
        (f for f in figures if f.bar is not None), key=lambda f: (f.passed is True, f.name)
    )
    if not judged:
        return []
    lines = []
    for figure in judged:
        assert figure.bar is not None
        verdict = "pass" if figure.passed else "**missed**"
        bar = f"{figure.bar.relation} {figure.bar.limit:g}"
        lines.append([figure.name.removeprefix("labelers."), number(figure.value), bar, verdict])
    return ["## Bars", "", *table(["figure", "value", "bar", ""], lines)]


def budget(task: str, rows: Sequence[Row]) -> list[str]:
    """Success and R2 by the number of labeled episodes."""
    curves = budgets(rows)
    if not curves:
        return []
    counts = sorted({count for curve in curves.values() for count in curve})
    lines = []
    for name, curve in curves.items():
        lines.append([name, *[_score_and_r2(curve.get(count, [])) for count in counts]])
    head = ["labeler", *[f"{count} episodes" if count > 1 else "1 episode" for count in counts]]
    return [f"### {task}: score (R2) by labeled episodes", "", *table(head, lines)]


def _score_and_r2(rows: Sequence[Row]) -> str:
    score, r2 = mean_of(rows, "score"), mean_of(rows, "r2_mean")
    shown = [] if math.isnan(score) else [f"{score:.2f}"]
    return " ".join(shown if math.isnan(r2) else [*shown, f"({r2:.2f})"])


def lags(task: str, rows: Sequence[Row]) -> list[str]:
    """R2 of labels moved by -5 to 5 frames, where every labeler's dimensions peak."""
    found = {n: g for n, g in grouped(rows).items() if len(g[0].lag_scan) == len(LAGS)}
    lines = []
    for name, group in found.items():
        scan = np.mean([row.lag_scan for row in group], axis=0)
        if np.isfinite(scan).all() and scan.max() > 0:
            lines.append([name, *[f"{value:.2f}" for value in scan], _peaks(group)])
    if not lines:
        return []
    head = ["labeler", *[f"{lag:+d}" if lag else "0" for lag in LAGS], "peaks"]
    return [f"### {task}: R2 of labels moved by frames", "", *table(head, lines)]


def failures(rows: Sequence[Row]) -> list[str]:
    """Cells without figures, and why."""
    failed = [row for row in rows if row.failed]
    if not failed:
        return []
    lines = [
        f"- {row.task} {row.labeler} {row.labelled_set} {row.inputs} seed {row.seed}: {row.failed}"
        for row in failed
    ]
    return ["## Failed cells", "", *lines, ""]


def _peaks(group: Sequence[Row]) -> str:
    """`0 0 0 -`: the peak of each dimension farthest from 0 over seeds; `-` where not judged."""
    shown = []
    for lags_of_seeds in zip(*[row.best_lags for row in group], strict=True):
        judged = [lag for lag in lags_of_seeds if not math.isnan(lag)]
        shown.append(f"{max(judged, key=abs):.0f}" if judged else "-")
    return " ".join(shown)
