"""The whole table: which cells there are, their rows, the bars they are held against."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.figure import Bar, Figure
from benchmarks.labelers import render
from benchmarks.labelers.cells import Cell, Row, bench_folder, measured

logger = logging.getLogger(__name__)

SEEDS = (0, 1, 2)
_STATELESS = ("true", "noise", "bias", "late", "kinematic")
_FEW_LABELS = ("zero", "mean", "copy", "clone")
_SETS = {"ridge": ("K5", "PLAY", "RAND"), "ensemble": ("K1", "K5", "K16", "PLAY", "RAND")}
_HEADLINE = ("push-v3", "pick-place-v3")
_MIN_OF_TRUE = {"PLAY": 0.97, "K5": 0.9}


def all_cells() -> list[Cell]:
    """Every cell, those of one task together."""
    from benchmarks.labelers import classic_cells
    from benchmarks.labelers.tasks import classic, metaworld

    cells = [
        Cell(family="classic", task=task, labeler=labeler, seed=seed)
        for task in classic.TASKS
        for labeler in classic_cells.LABELERS
        for seed in SEEDS
    ]
    for task in metaworld.TASKS:
        pairs = [(labeler, "") for labeler in _STATELESS]
        pairs += [(labeler, "K5") for labeler in _FEW_LABELS]
        pairs += [(labeler, name) for labeler, names in _SETS.items() for name in names]
        cells += [
            Cell(family="metaworld", task=task, labeler=labeler, labelled_set=name, seed=seed)
            for labeler, name in pairs
            for seed in SEEDS
        ]
    return cells


def small_cells() -> list[Cell]:
    """One seed of what shows most: under ten minutes on two cores."""
    shown = {("true", ""), ("mean", "K5"), ("kinematic", ""), ("ridge", "PLAY"),
             ("ensemble", "K5"), ("ensemble", "PLAY"), ("bco", ""), ("bco0", "")}  # fmt: skip
    return [
        cell
        for cell in all_cells()
        if cell.seed == 0
        and (cell.labeler, cell.labelled_set) in shown
        and (cell.family == "classic" or cell.task == "push-v3")
    ]


def rows_of(cells: Sequence[Cell]) -> list[Row]:
    """Measures what is not there yet; a killed run goes on where it stopped."""
    from benchmarks.labelers import classic_cells, metaworld_cells

    measure = {"classic": classic_cells.measure, "metaworld": metaworld_cells.measure}
    rows = []
    for number, cell in enumerate(cells, 1):
        row, is_new = measured(cell, measure[cell.family], folder=bench_folder() / "cells")
        if is_new:
            name = f"{cell.task} {cell.labeler} {cell.labelled_set} seed {cell.seed}"
            logger.info("%d/%d %s: %.3f", number, len(cells), name, row.score)
        rows.append(row)
    return rows


def figures(*, small: bool) -> list[Figure]:
    """Measures the table, writes it below `ROTOSCOPE_BENCH_OUT`, and holds it against its bars."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    rows = rows_of(small_cells() if small else all_cells())
    render.write(rows, Path(os.environ.get("ROTOSCOPE_BENCH_OUT", "outputs/labelers")))
    return [*_classic_figures(rows), *_metaworld_figures(rows)]


def _classic_figures(rows: Sequence[Row]) -> list[Figure]:
    from benchmarks.labelers.tasks.classic import TASKS

    return [
        Figure(f"labelers.{name}.bco", _mean(reached), "1", Bar(">=", task.published_bco))
        for name, task in TASKS.items()
        if (reached := [r.score for r in rows if r.task == name and r.labeler == "bco"])
    ]


def _metaworld_figures(rows: Sequence[Row]) -> list[Figure]:
    out = []
    for task in _HEADLINE:
        of_task = [row for row in rows if row.task == task]
        true = _mean([row.score for row in of_task if row.labeler == "true"])
        for name, limit in _MIN_OF_TRUE.items():
            learned = [r for r in of_task if r.labelled_set == name and r.labeler in _SETS]
            for labeler in sorted({row.labeler for row in learned}):
                share = _mean([r.score for r in learned if r.labeler == labeler]) / true
                title = f"labelers.{task}.{labeler}.{name}"
                out.append(Figure(f"{title}.of_true", share, "1", Bar(">=", limit)))
        sure = [r for r in of_task if r.labeler == "ensemble" and r.coverage_90 == r.coverage_90]
        for name in sorted({row.labelled_set for row in sure}):
            chosen = [row for row in sure if row.labelled_set == name]
            title = f"labelers.{task}.ensemble.{name}"
            covered = _mean([row.coverage_90 for row in chosen])
            left = _mean([row.error_left_20 for row in chosen])
            out.append(Figure(f"{title}.coverage_error", abs(covered - 0.9), "1", Bar("<=", 0.03)))
            out.append(Figure(f"{title}.error_left_20", left, "1", Bar("<=", 0.85)))
    return out


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def main() -> int:
    """Runs the small or the full table; exit code 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="one seed, under ten minutes")
    shown = figures(small=parser.parse_args().small)
    print("\n".join(figure.line() for figure in shown))
    return int(any(figure.passed is False for figure in shown))


if __name__ == "__main__":
    raise SystemExit(main())
