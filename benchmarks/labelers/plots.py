"""Plots of the table: scores by task, label budgets, lags."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.labelers.cells import Row
from benchmarks.labelers.groups import budgets, grouped, mean_of, tasks_of
from benchmarks.labelers.scores import LAGS
from rotoscope.pipeline.files.atomic import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ACROSS = 3
_MAX_LINES = 8
Draw = Callable[["Axes", Sequence[Row]], None]


def write(rows: Sequence[Row], folder: Path) -> list[str]:
    """Writes what there is to draw; names of the files."""
    of_task = {task: [r for r in rows if r.task == task] for task in tasks_of(rows)}
    parts: tuple[tuple[str, Draw, Callable[[Sequence[Row]], Sized], float], ...] = (
        ("labelers.png", _scores, grouped, 0.18),
        ("budget.png", _budget, budgets, 0.0),
        ("lags.png", _lags, _scans, 0.0),
    )
    drawn = []
    for name, draw, there, line_height in parts:
        chosen = {task: found for task, found in of_task.items() if there(found)}
        if chosen:
            heights = [1.2 + line_height * len(there(found)) for found in chosen.values()]
            _panels(chosen, draw, folder / name, heights if line_height else [3.6] * len(chosen))
            drawn.append(name)
    return drawn


def _panels(
    of_task: dict[str, list[Row]], draw: Draw, path: Path, heights: Sequence[float]
) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    across = min(_ACROSS, len(of_task))
    tallest = [max(heights[i : i + across]) for i in range(0, len(heights), across)]
    canvas = Figure(figsize=(5.2 * across, sum(tallest)), layout="constrained")
    FigureCanvasAgg(canvas)
    grid = canvas.subplots(len(tallest), across, gridspec_kw={"height_ratios": tallest})
    panels: list[Any] = list(np.ravel(grid))
    for axes, (task, rows) in zip(panels, of_task.items(), strict=False):
        axes.set_title(task)
        draw(axes, rows)
    for axes in panels[len(of_task) :]:
        axes.set_axis_off()
    with atomic_path(path) as temporary:
        canvas.savefig(temporary, format="png", dpi=110)


def _scores(axes: Axes, rows: Sequence[Row]) -> None:
    groups = {n: g for n, g in grouped(rows).items() if not np.isnan(mean_of(g, "score"))}
    names = sorted(groups, key=lambda name: mean_of(groups[name], "score"))
    colors = ["#999999" if groups[n][0].labeler == "true" else "#4477aa" for n in names]
    axes.barh(names, [mean_of(groups[name], "score") for name in names], color=colors)
    for height, name in enumerate(names):
        seeds = [row.score for row in groups[name]]
        axes.plot(seeds, [height] * len(seeds), "k.", markersize=4)
    axes.tick_params(axis="y", labelsize=7)
    axes.margins(y=0.01)
    axes.set_xlabel("score")


def _budget(axes: Axes, rows: Sequence[Row]) -> None:
    for number, (name, curve) in enumerate(budgets(rows).items()):
        counts = list(curve)
        for column, style in (("score", "o-"), ("r2_mean", "x:")):
            values = [mean_of(curve[count], column) for count in counts]
            label = name if column == "score" else None
            axes.plot(counts, np.maximum(values, -0.2), style, color=f"C{number}", label=label)
    axes.set_xscale("log", base=2)
    counts = sorted({count for curve in budgets(rows).values() for count in curve})
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.set_xlabel("labeled episodes")
    axes.set_ylabel("score (solid), R2 (dotted)")
    axes.legend(fontsize=7)


def _lags(axes: Axes, rows: Sequence[Row]) -> None:
    for name, scan in _scans(rows).items():
        axes.plot(LAGS, np.maximum(scan, -0.5), marker=".", label=name)
    axes.axvline(0, color="0.8", zorder=0)
    axes.set_xlabel("frames by which labels are moved")
    axes.set_ylabel("R2")
    axes.legend(fontsize=7)


def _scans(rows: Sequence[Row]) -> dict[str, np.ndarray]:
    """Lag scans of the labelers that fit best at some lag."""
    scans = {
        name: np.mean([row.lag_scan for row in group], axis=0)
        for name, group in grouped(rows).items()
        if len(group[0].lag_scan) == len(LAGS) and group[0].labeler != "true"
    }
    known = {name: scan for name, scan in scans.items() if np.isfinite(scan).all()}
    best = sorted(known, key=lambda name: -known[name].max())[:_MAX_LINES]
    return {name: known[name] for name in best if known[name].max() > 0}
