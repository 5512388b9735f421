"""The table as Parquet (a row a cell), Markdown (seeds together) and plots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.labelers import plots, sections
from benchmarks.labelers.cells import Row
from benchmarks.labelers.groups import grouped, mean_of, tasks_of
from rotoscope.models.policy.scores import wilson
from rotoscope.pipeline.files.atomic import atomic_path, write_text_atomic

_COLUMNS = (
    ("R2", "r2_mean"),
    ("MAE", "mae_mean"),
    ("accuracy", "accuracy"),
    ("F1", "macro_f1"),
    ("lag", "best_lag"),
    ("drift m", "drift_m"),
    ("cover 90", "coverage_90"),
    ("left 10 %", "error_left_10"),
    ("left 20 %", "error_left_20"),
    ("left 50 %", "error_left_50"),
    ("replay", "replay_success"),
    ("replay error m", "replay_error_m"),
    ("label CPU s", "label_cpu_s"),
    ("cell CPU s", "cpu_s"),
    ("parameters", "num_parameters"),
    ("memory MiB", "peak_memory_mib"),
)
_SIDE_BY_SIDE = ("mae_mean", "r2_mean", "drift_m", "replay_error_m")
_LEGEND = """\
Score: share of layouts that a policy cloned from the labels solves, with its 95 % Wilson interval;
on classic control the return between random (0) and teacher (1); on PushT the share of the mark
covered; without a policy R2. Of true: over the score on true actions. Lag: frames by which moved
labels fit best, of the dimensions that labels know (R2 of 0.5 at some lag), the farthest from 0.
Left 20 %: share of the error left once the least sure 20 % of the steps are dropped. Replay: share
of demonstrations solved by executing their labels without looking.
"""


def write(rows: Sequence[Row], figures: Sequence[Figure], folder: Path) -> None:
    """Writes the table and its plots into `folder`.

    `labelers.parquet`, `labelers.md`, `labelers.png` (scores), `lags.png`, `budget.png`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with atomic_path(folder / "labelers.parquet") as temporary:
        pq.write_table(pa.Table.from_pylist([asdict(row) for row in rows]), temporary)
    drawn = plots.write(rows, folder)
    write_text_atomic(folder / "labelers.md", markdown(rows, figures, drawn))


def markdown(rows: Sequence[Row], figures: Sequence[Figure], drawn: Sequence[str]) -> str:
    """Bars, one table a task, budgets, lags, what foretells success, failures."""
    tasks = tasks_of(rows)
    of_task = {task: [row for row in rows if row.task == task] for task in tasks}
    out = ["# Labelers", "", _LEGEND, *sections.failures(rows), *sections.bars(figures)]
    for task in tasks:
        out += [f"## {task}", "", *_table(of_task[task]), *_foretelling(of_task[task])]
    for title, name, part in (
        ("Label budget", "budget.png", sections.budget),
        ("Lags", "lags.png", sections.lags),
    ):
        lines = [text for task in tasks for text in part(task, of_task[task])]
        picture = [f"![{title}]({name})", ""] if name in drawn else []
        out += [f"## {title}", "", *picture, *lines] if lines else []
    return "\n".join(out)


def _table(rows: Sequence[Row]) -> list[str]:
    groups = grouped(rows)
    true = mean_of([row for row in rows if row.labeler == "true" and not row.failed], "score")
    used = [(head, key) for head, key in _COLUMNS if any(_is_known(row, key) for row in rows)]
    ordered = sorted(groups.items(), key=lambda item: -_or_last(mean_of(item[1], "score")))
    head = ["labeler", "score", "seeds", "of true", *[head for head, _ in used]]
    keys = [key for _, key in used]
    return sections.table(head, [_cells(name, group, true, keys) for name, group in ordered])


def _is_known(row: Row, key: str) -> bool:
    value = float(getattr(row, key))
    return not math.isnan(value) and (key != "num_parameters" or value > 0)


def _or_last(score: float) -> float:
    return -math.inf if math.isnan(score) else score


def _cells(name: str, group: Sequence[Row], true: float, keys: Sequence[str]) -> list[str]:
    values = [row.score for row in group]
    score = mean_of(group, "score")
    shown = "" if math.isnan(score) else f"{score:.3f}"
    num_trials = sum(row.num_trials for row in group)
    if num_trials and math.isclose(score, sum(r.num_successes for r in group) / num_trials):
        low, high = wilson(sum(row.num_successes for row in group), num_trials)
        shown += f" [{low:.2f}, {high:.2f}]"
    spread = f"{min(values):.3f} to {max(values):.3f}" if len(group) > 1 else "1"
    of_true = sections.number(score / true if true > 0 else math.nan)
    rest = [sections.number(mean_of(group, key)) for key in keys]
    return [name, shown, spread, of_true, *rest]


def _foretelling(rows: Sequence[Row]) -> list[str]:
    """Rank correlation of each score of labels with what the policy on them achieved."""
    from scipy.stats import spearmanr

    groups = list(grouped([row for row in rows if row.num_trials]).values())
    if len(groups) < 5:
        return []
    success = [mean_of(group, "score") for group in groups]
    parts = []
    for key in _SIDE_BY_SIDE:
        values = [mean_of(group, key) for group in groups]
        if all(not math.isnan(value) for value in values) and len(set(values)) > 1:
            parts.append(f"{key} {spearmanr(values, success).statistic:.2f}")
    return ["Rank correlation (Spearman) with the score: " + ", ".join(parts) + ".", ""]
