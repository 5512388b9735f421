"""The table as Parquet (a row a cell), Markdown (seeds together) and a plot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks.figure import Figure
from benchmarks.labelers.cells import Row
from benchmarks.labelers.scores import wilson
from pipeline.atomic import atomic_path, write_text_atomic

_COLUMNS = (
    ("R2", "r2_mean"),
    ("MAE", "mae_mean"),
    ("accuracy", "accuracy"),
    ("F1", "macro_f1"),
    ("lag", "best_lag"),
    ("drift m", "drift_m"),
    ("cover 90", "coverage_90"),
    ("error left 10 %", "error_left_10"),
    ("20 %", "error_left_20"),
    ("50 %", "error_left_50"),
    ("replay", "replay_success"),
    ("replay error m", "replay_error_m"),
    ("label CPU s", "label_cpu_s"),
    ("parameters", "num_parameters"),
    ("memory MiB", "peak_memory_mib"),
)
_SIDE_BY_SIDE = ("mae_mean", "r2_mean", "drift_m", "replay_error_m")


def write(rows: Sequence[Row], figures: Sequence[Figure], folder: Path) -> None:
    """Writes `labelers.parquet`, `labelers.md` and `labelers.png` into `folder`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with atomic_path(folder / "labelers.parquet") as temporary:
        pq.write_table(pa.Table.from_pylist([asdict(row) for row in rows]), temporary)
    write_text_atomic(folder / "labelers.md", markdown(rows))
    _plot(rows, folder / "labelers.png")


def markdown(rows: Sequence[Row]) -> str:
    """One table a task, a line a labeler; and what foretells success, over all of a task."""
    out = ["# Labelers", ""]
    for task in dict.fromkeys(row.task for row in rows):
        of_task = [row for row in rows if row.task == task]
        true = _mean([row.score for row in of_task if row.labeler == "true"])
        names = [name for name, _ in _COLUMNS]
        out += [f"## {task}", "", _line(["labeler", "score", "spread", "of true", *names])]
        out.append("|---" * (4 + len(names)) + "|")
        lines = _grouped(of_task)
        ordered = sorted(lines.items(), key=lambda item: -_mean([r.score for r in item[1]]))
        out += [_line(_cells(name, group, true)) for name, group in ordered]
        out += ["", *_foretelling(of_task), ""]
    return "\n".join(out) + "\n"


def name_of(row: Row) -> str:
    """What is the same in all seeds: labeler, labelled set, inputs, distractors."""
    parts = [row.labeler, row.labelled_set, "" if row.inputs == "state" else row.inputs]
    return " ".join([p for p in parts if p] + ["distractors"] * row.distractors)


def _grouped(rows: Sequence[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(name_of(row), []).append(row)
    return groups


def _cells(name: str, group: Sequence[Row], true: float) -> list[str]:
    values = [row.score for row in group]
    shown = f"{_mean(values):.3f}"
    num_trials = sum(row.num_trials for row in group)
    if num_trials:
        low, high = wilson(sum(row.num_successes for row in group), num_trials)
        shown += f" [{low:.2f}, {high:.2f}]"
    spread = f"{min(values):.3f}..{max(values):.3f}"
    of_true = _number(_mean(values) / true if true > 0 else math.nan)
    rest = [_number(_mean([float(getattr(row, key)) for row in group])) for _, key in _COLUMNS]
    return [name, shown, spread, of_true, *rest]


def _foretelling(rows: Sequence[Row]) -> list[str]:
    """Rank correlation of each score of labels with what the policy on them achieved."""
    from scipy.stats import spearmanr

    groups = list(_grouped([row for row in rows if row.num_trials]).values())
    if len(groups) < 5:
        return []
    success = [_mean([row.score for row in group]) for group in groups]
    parts = []
    for key in _SIDE_BY_SIDE:
        values = [_mean([getattr(row, key) for row in group]) for group in groups]
        parts.append(f"{key} {spearmanr(values, success).statistic:.2f}")
    return ["Spearman correlation with success over labelers: " + ", ".join(parts) + "."]


def _plot(rows: Sequence[Row], path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    tasks = list(dict.fromkeys(row.task for row in rows))
    canvas = Canvas(figsize=(4.2 * len(tasks), 5.5), layout="constrained")
    FigureCanvasAgg(canvas)
    for axes, task in zip(np.ravel(canvas.subplots(1, len(tasks))), tasks, strict=True):
        groups = _grouped([row for row in rows if row.task == task])
        names = sorted(groups, key=lambda name: _mean([row.score for row in groups[name]]))
        means = [_mean([row.score for row in groups[name]]) for name in names]
        axes.barh(names, means, color="#4477aa")
        for height, name in enumerate(names):
            seeds = [row.score for row in groups[name]]
            axes.plot(seeds, [height] * len(seeds), "k.", markersize=4)
        axes.set_title(task)
        axes.set_xlabel("share solved, or normalised return")
    with atomic_path(path) as temporary:
        canvas.savefig(temporary, format="png", dpi=110)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else math.nan


def _number(value: float) -> str:
    if math.isnan(value):
        return ""
    return f"{value:.0f}" if abs(value) >= 1000 or value == round(value) else f"{value:.3f}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
