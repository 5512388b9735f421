"""Measures one labeler on one Meta-World task."""

from __future__ import annotations

import importlib
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from benchmarks.figure import Bar, Figure
from benchmarks.labelers import probes, scores
from benchmarks.labelers.cells import Cell, Row, bench_folder
from benchmarks.labelers.episodes import Demonstration, Labels
from benchmarks.labelers.labeler import Labeler
from benchmarks.labelers.policy import POLICY, clone, num_policy_successes, replay
from benchmarks.labelers.tasks.metaworld import (
    METERS_PER_ACTION,
    POSITION_DIMENSIONS,
    TASKS,
    MetaWorldSimulator,
    hidden,
    labeled,
    unseen_seeds,
)

NUM_UNSEEN = 50
"""Layouts a policy is tried on."""
LABELERS = {
    "zero": "benchmarks.labelers.trivial:zero",
    "mean": "benchmarks.labelers.trivial:mean",
    "copy": "benchmarks.labelers.trivial:copy_state_ahead",
    "clone": "benchmarks.labelers.trivial:clone_state",
    "kinematic": "benchmarks.labelers.trivial:kinematic",
    "ridge": "benchmarks.labelers.reference:ridge",
    "ensemble": "benchmarks.labelers.reference:ensemble",
    "product-default": "benchmarks.labelers.product:default",
    "product-mlp": "benchmarks.labelers.product:mlp",
    "product-ridge": "benchmarks.labelers.product:ridge",
    "product-kernel": "benchmarks.labelers.product:kernel",
}
"""Everything that labels state; one line makes another labeler part of the table. Looked up when
it runs, so that a cell depends on its own labeler's code alone."""
SEEDS = (0, 1, 2)
HEADLINE = ("push-v3", "pick-place-v3")
TELLING = ("sweep-into-v3", "handle-pull-side-v3", "peg-insert-side-v3")
"""Tasks on which policies tell labelers apart: on push a labeler with R2 0.18 scores 0.98."""
ALONE = "alone"
"""No labels at all: a policy on the labeled demonstrations, which any labeler has to beat."""
_TELLING = (("true", ""), (ALONE, "K5"), ("product-default", "K5"), ("product-ridge", "K5"),
            ("product-kernel", "K5"))  # fmt: skip
PRODUCT = ("product-default", "product-mlp", "product-ridge", "product-kernel")
"""What `rotoscope train inverse-dynamics` makes."""
HELD_TO_BARS = ("product-mlp", "ensemble")
"""The product's default, and the best of the small ones; the others are only reported."""
_STATELESS = ("true", "noise", "bias", "late", "kinematic")
_FEW_LABELS = ("zero", "mean", "copy", "clone")
_SETS = {
    "ridge": ("K5", "PLAY", "RAND"),
    "ensemble": ("K5", "PLAY", "RAND"),
    "product-mlp": ("K5", "PLAY", "RAND"),
    "product-ridge": ("K5", "PLAY"),
    "product-kernel": ("K5", "PLAY"),
}
_BUDGETS = {
    "ridge": ("K1", "K2", "K16", "K64"),
    "ensemble": ("K1", "K2", "K16", "K64"),
    "product-mlp": ("K16", "K64"),
}
"""Numbers of labeled episodes beside K5, for the curve; the product asks for three at least."""
_SANITY = (("true", ""), ("mean", "K5"), ("kinematic", ""), ("ridge", "PLAY"), ("ensemble", "K5"),
           ("product-mlp", "K5"), ("product-mlp", "PLAY"))  # fmt: skip
_SMALL = (("true", ""), ("mean", "K5"), ("kinematic", ""), ("ridge", "PLAY"),
          ("ensemble", "K5"), ("product-mlp", "K5"), ("product-mlp", "PLAY"))  # fmt: skip
_MIN_OF_TRUE = {"PLAY": 0.97, "K5": 0.9}


def cells(*, small: bool) -> list[Cell]:
    """The headline tasks with three seeds, the others with one; push-v3 with one where small."""
    if small:
        return [_cell(HEADLINE[0], *pair, 0) for pair in _SMALL]
    pairs = [(labeler, "") for labeler in _STATELESS]
    pairs += [(labeler, "K5") for labeler in _FEW_LABELS]
    pairs += [(labeler, name) for labeler, names in _SETS.items() for name in names]
    budgets = [(labeler, name) for labeler, names in _BUDGETS.items() for name in names]
    found = []
    for task in HEADLINE:
        found += [_cell(task, *pair, seed) for pair in pairs for seed in SEEDS]
        found += [_cell(task, *pair, 0) for pair in budgets]
    others = [task for task in TASKS if task not in HEADLINE]
    found += [_cell(task, *pair, 0) for task in TELLING for pair in _TELLING]
    return found + [_cell(task, *pair, 0) for task in others for pair in _SANITY]


def _cell(task: str, labeler: str, labelled_set: str, seed: int) -> Cell:
    return Cell(
        family="metaworld", task=task, labeler=labeler, labelled_set=labelled_set, seed=seed
    )


def code(cell: Cell) -> tuple[str, ...]:
    """The module of the cell's labeler."""
    return (
        () if cell.labeler in (*probes.PROBES, ALONE) else (LABELERS[cell.labeler].split(":")[0],)
    )


def figures(rows: Sequence[Row]) -> list[Figure]:
    """Policies on labels over those on true actions, and calibration, on the headline tasks."""
    out = []
    for task in HEADLINE:
        of_task = [row for row in rows if row.task == task]
        true = _mean([row.score for row in of_task if row.labeler == "true"])
        learned = [r for r in of_task if r.labeler in _SETS and r.labelled_set in _MIN_OF_TRUE]
        for labeler, name in sorted({(r.labeler, r.labelled_set) for r in learned}):
            chosen = [r for r in learned if (r.labeler, r.labelled_set) == (labeler, name)]
            title = f"labelers.{task}.{labeler}.{name}"
            share = _mean([row.score for row in chosen]) / true
            limit = Bar(">=", _MIN_OF_TRUE[name])
            # Of a part of the table, the rows on true actions may not have been asked for.
            out += [] if np.isnan(true) else [_figure(f"{title}.of_true", share, labeler, limit)]
            lag = max(abs(row.best_lag) for row in chosen)
            out.append(_figure(f"{title}.lag", lag, labeler, Bar("==", 0)))
            if any(row.coverage_90 == row.coverage_90 for row in chosen):
                out += _calibration(title, chosen)
    return out


def _calibration(title: str, rows: Sequence[Row]) -> list[Figure]:
    covered, left = (_mean([getattr(r, k) for r in rows]) for k in ("coverage_90", "error_left_20"))
    labeler = rows[0].labeler
    return [
        _figure(f"{title}.coverage_error", abs(covered - 0.9), labeler, Bar("<=", 0.03)),
        _figure(f"{title}.error_left_20", left, labeler, Bar("<=", 0.85)),
    ]


def _figure(title: str, value: float, labeler: str, bar: Bar) -> Figure:
    return Figure(title, value, "1", bar if labeler in HELD_TO_BARS else None)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def measure(cell: Cell) -> Row:
    """Labels the hidden episodes, scores the labels, clones them, tries the policy."""
    simulator = _simulator(cell.task)
    folder = bench_folder() / "episodes"
    demonstrations = hidden(simulator, folder)
    observations = [d.observations for d in demonstrations]
    known = labeled(simulator, cell.labelled_set, folder) if cell.labelled_set else []
    if cell.labeler == ALONE:
        return _measure_alone(cell, simulator, known)
    started = time.process_time()
    if cell.labeler in probes.PROBES:
        made = probes.probe(cell.labeler, demonstrations, seed=cell.seed)
    else:
        made = named_labeler(cell.labeler)(known, observations, seed=cell.seed)
    labeled_at = time.process_time()
    policy = clone(observations, made.labels, replace(POLICY, seed=cell.seed))
    cloned_at = time.process_time()
    num_successes = num_policy_successes(simulator, policy, unseen_seeds(NUM_UNSEEN))
    replay_success, replay_error_m = replay(simulator, demonstrations, made.labels)
    return Row.of(
        cell,
        num_labelled=len(known),
        **label_scores(made.labels, demonstrations),
        replay_success=replay_success,
        replay_error_m=replay_error_m,
        num_successes=num_successes,
        num_trials=NUM_UNSEEN,
        score=num_successes / NUM_UNSEEN,
        label_cpu_s=labeled_at - started,
        policy_cpu_s=cloned_at - labeled_at,
        num_parameters=made.num_parameters,
    )


def _measure_alone(
    cell: Cell, simulator: MetaWorldSimulator, known: Sequence[Demonstration]
) -> Row:
    started = time.process_time()
    labels = [Labels(d.actions) for d in known]
    policy = clone([d.observations for d in known], labels, replace(POLICY, seed=cell.seed))
    cloned_at = time.process_time()
    num_successes = num_policy_successes(simulator, policy, unseen_seeds(NUM_UNSEEN))
    return Row.of(
        cell,
        num_labelled=len(known),
        num_successes=num_successes,
        num_trials=NUM_UNSEEN,
        score=num_successes / NUM_UNSEEN,
        policy_cpu_s=cloned_at - started,
    )


def named_labeler(name: str) -> Labeler:
    """A labeler by its name in `LABELERS`."""
    module, _, attribute = LABELERS[name].partition(":")
    labeler: Labeler = getattr(importlib.import_module(module), attribute)
    return labeler


def label_scores(
    labels: Sequence[Labels], demonstrations: Sequence[Demonstration]
) -> dict[str, Any]:
    """The columns of a row that compare labels with the true actions."""
    each, true = [label.values for label in labels], [d.actions for d in demonstrations]
    drift_m = scores.drift(each, true, dimensions=POSITION_DIMENSIONS, scale=METERS_PER_ACTION)
    return {"drift_m": drift_m, **scores.columns(labels, demonstrations)}


@lru_cache(maxsize=1)
def _simulator(task: str) -> MetaWorldSimulator:
    return MetaWorldSimulator(task)
