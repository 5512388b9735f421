"""Measures one way of labelling on one classic-control task."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache

import numpy as np

from benchmarks.figure import Bar, Figure
from benchmarks.labelers import scores
from benchmarks.labelers.cells import Cell, Row, bench_folder
from benchmarks.labelers.code import code_hash
from benchmarks.labelers.episodes import Demonstration, all_actions, cached, locked
from benchmarks.labelers.tasks.classic import TASKS, episode, mean_return
from models.perceptron import Mlp, fit_classes
from models.simulators.rollout import teacher
from models.simulators.simulator import Simulator, open_simulator
from models.training.bco import BcoSettings, greedy, iterate_bco, random_act
from pipeline.atomic import write_text_atomic

NUM_DEMONSTRATIONS = 50
"""Of the teacher, actions hidden."""
LABELERS = ("true", "most-common", "bco0", "bco")
"""True actions; always the commonest one; plain BCO from random play; iterated BCO(alpha)."""
_TAUGHT = range(40_000, 40_000 + NUM_DEMONSTRATIONS)
_UNSEEN = range(800_000, 800_100)
"""Starts of the teacher and of the scores. Rounds and sizes of BCO were chosen on others (0 to 49
and 500,000 to 500,099, learners of seeds 0 to 2), so that these tell what they are worth."""
_FIRST_SEED = 50
"""Of the learners."""
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
    """The simulator, which is opened by name."""
    del cell
    return ("models.simulators.classic",)


def figures(rows: Sequence[Row]) -> list[Figure]:
    """Iterated BCO against the published normalised returns."""
    return [
        Figure(f"labelers.{name}.bco", float(np.mean(reached)), "1", Bar(">=", task.published_bco))
        for name, task in TASKS.items()
        if (reached := [r.score for r in rows if r.task == name and r.labeler == "bco"])
    ]


def measure(cell: Cell) -> Row:
    """Labels the teacher's episodes, scores the labels, tries the policy on unseen starts."""
    simulator, demonstrations, normal = _setting(cell.task)
    started = time.process_time()
    labels, policy = _labelled(cell, simulator, demonstrations)
    cpu_s = time.process_time() - started
    truth = all_actions(demonstrations)[:, 0]
    one_hot = np.eye(truth.max() + 1)
    lags = scores.best_lags(
        [one_hot[label] for label in labels], [one_hot[d.actions[:, 0]] for d in demonstrations]
    )
    return Row.of(
        cell,
        accuracy=scores.accuracy(np.concatenate(labels), truth),
        macro_f1=scores.macro_f1(np.concatenate(labels), truth),
        best_lag=scores.farthest_lag(lags),
        best_lags=tuple(lags.tolist()),
        score=normal(mean_return(simulator, greedy(policy, simulator), _UNSEEN)),
        label_cpu_s=cpu_s,
        num_parameters=policy.num_parameters,
    )


def _labelled(
    cell: Cell, simulator: Simulator, demonstrations: Sequence[Demonstration]
) -> tuple[list[np.ndarray], Mlp]:
    seed = _FIRST_SEED + cell.seed
    states = [d.observations for d in demonstrations]
    if cell.labeler in ("bco", "bco0"):
        num_rounds = 1 if cell.labeler == "bco0" else _SETTINGS.num_rounds
        settings = replace(_SETTINGS, num_rounds=num_rounds)
        last = iterate_bco(simulator, states, settings, seed=seed)[-1]
        return list(last.labels), last.policy
    labels = [d.actions[:, 0] for d in demonstrations]
    num_choices = int(max(label.max() for label in labels)) + 1
    if cell.labeler == "most-common":
        common = np.bincount(np.concatenate(labels)).argmax()
        labels = [np.full_like(label, common) for label in labels]
    policy = fit_classes(
        np.concatenate([s[:-1] for s in states]),
        np.concatenate(labels),
        replace(_SETTINGS.policy, seed=seed),
        num_classes=num_choices,
    )
    return labels, policy


@dataclass(frozen=True)
class _Normal:
    """Returns between random (0) and teacher (1)."""

    random: float
    teacher: float

    def __call__(self, reached: float) -> float:
        return (reached - self.random) / (self.teacher - self.random)


@lru_cache(maxsize=1)
def _setting(name: str) -> tuple[Simulator, list[Demonstration], _Normal]:
    simulator = open_simulator(TASKS[name].simulator)
    folder = bench_folder() / "episodes"
    act = teacher(simulator)

    def make() -> list[Demonstration]:
        return [episode(simulator, act, seed=seed).demonstration for seed in _TAUGHT]

    code = code_hash(("benchmarks.labelers.tasks.classic", "models.simulators.classic"))
    demonstrations = cached(folder, f"{name}-teacher-{_TAUGHT.start}-{code}", make)
    path = folder / f"{name}-returns-{_UNSEEN.start}-{code}.json"
    with locked(path.with_suffix(".lock")):
        if not path.is_file():
            chance = random_act(simulator, np.random.default_rng(0))
            found = _Normal(
                mean_return(simulator, chance, _UNSEEN), mean_return(simulator, act, _UNSEEN)
            )
            write_text_atomic(path, json.dumps(asdict(found)))
    return simulator, demonstrations, _Normal(**json.loads(path.read_text()))
