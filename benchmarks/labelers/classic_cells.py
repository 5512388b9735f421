"""Measures one way of labelling on one classic-control task."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figure import Bar, Figure
from benchmarks.labelers import scores
from benchmarks.labelers.bco import BcoSettings, greedy, run_bco
from benchmarks.labelers.cells import Cell, Row, bench_folder
from benchmarks.labelers.episodes import Demonstration, all_actions, cached, source_hash
from benchmarks.labelers.networks import Mlp, fit_classes
from benchmarks.labelers.tasks import classic
from benchmarks.labelers.tasks.classic import TASKS, ClassicSimulator

NUM_DEMONSTRATIONS = 50
"""Of the teacher, actions hidden."""
LABELERS = ("true", "most-common", "bco0", "bco")
"""True actions; always the commonest one; plain BCO from random play; iterated BCO(alpha)."""
_UNSEEN = range(500_000, 500_100)
_SETTINGS = BcoSettings()


SEEDS = (0, 1, 2)


def cells(*, small: bool) -> list[Cell]:
    """Every classic task; one seed of plain and iterated BCO where small."""
    labelers = ("bco0", "bco") if small else LABELERS
    return [
        Cell(family="classic", task=task, labeler=labeler, seed=seed)
        for task in TASKS
        for labeler in labelers
        for seed in (SEEDS[:1] if small else SEEDS)
    ]


def code(cell: Cell) -> tuple[str, ...]:
    """Nothing beside what this module imports."""
    del cell
    return ()


def figures(rows: Sequence[Row]) -> list[Figure]:
    """Iterated BCO against the published normalised returns."""
    return [
        Figure(f"labelers.{name}.bco", float(np.mean(reached)), "1", Bar(">=", task.published_bco))
        for name, task in TASKS.items()
        if (reached := [r.score for r in rows if r.task == name and r.labeler == "bco"])
    ]


def measure(cell: Cell) -> Row:
    """Labels the teacher's episodes, scores the labels, tries the policy on unseen starts."""
    simulator, demonstrations, teacher_return, random_return = _setting(cell.task)
    started = time.process_time()
    labels, policy = _labelled(cell, simulator, demonstrations)
    cpu_s = time.process_time() - started
    truth = all_actions(demonstrations)[:, 0]
    reached = simulator.mean_return(greedy(policy), _UNSEEN)
    one_hot = np.eye(simulator.task.num_actions)
    scan = scores.lag_scan([one_hot[label] for label in labels], _one_hot(demonstrations, one_hot))
    return Row.of(
        cell,
        accuracy=scores.accuracy(np.concatenate(labels), truth),
        macro_f1=scores.macro_f1(np.concatenate(labels), truth),
        best_lag=float(scores.best_lag(scan)),
        score=(reached - random_return) / (teacher_return - random_return),
        label_cpu_s=cpu_s,
        num_parameters=policy.num_parameters,
    )


def _labelled(
    cell: Cell, simulator: ClassicSimulator, demonstrations: Sequence[Demonstration]
) -> tuple[list[np.ndarray], Mlp]:
    if cell.labeler in ("bco", "bco0"):
        num_rounds = 1 if cell.labeler == "bco0" else _SETTINGS.num_rounds
        settings = replace(_SETTINGS, num_rounds=num_rounds)
        last = run_bco(simulator, demonstrations, settings, seed=cell.seed)[-1]
        return list(last.labels), last.policy
    labels = [d.actions[:, 0] for d in demonstrations]
    if cell.labeler == "most-common":
        common = np.bincount(np.concatenate(labels)).argmax()
        labels = [np.full_like(label, common) for label in labels]
    policy = fit_classes(
        np.concatenate([d.observations[:-1] for d in demonstrations]),
        np.concatenate(labels),
        replace(_SETTINGS.policy, seed=cell.seed),
        num_classes=simulator.task.num_actions,
    )
    return labels, policy


def _one_hot(demonstrations: Sequence[Demonstration], one_hot: np.ndarray) -> list[np.ndarray]:
    return [one_hot[d.actions[:, 0]] for d in demonstrations]


@lru_cache(maxsize=1)
def _setting(name: str) -> tuple[Any, list[Demonstration], float, float]:
    task = TASKS[name]
    simulator = ClassicSimulator(task)

    def make() -> list[Demonstration]:
        return [
            simulator.episode(task.teacher, seed=seed).demonstration
            for seed in range(NUM_DEMONSTRATIONS)
        ]

    key = f"{name}-teacher-{source_hash(Path(classic.__file__))}"
    demonstrations = cached(bench_folder() / "episodes", key, make)
    teacher_return = simulator.mean_return(task.teacher, _UNSEEN)
    random_return = simulator.mean_return(simulator.random_policy(0), _UNSEEN)
    return simulator, demonstrations, teacher_return, random_return
