"""Measures one way of labeling on one classic-control task."""

from __future__ import annotations

import importlib
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
from rotoscope.models.bco.perceptron import Mlp, fit_classes
from rotoscope.models.bco.rounds import BcoSettings
from rotoscope.models.bco.train import greedy, iterate_bco, random_act
from rotoscope.models.simulators.rollout import scripted_expert
from rotoscope.models.simulators.simulator import Simulator, open_simulator
from rotoscope.pipeline.files.atomic import write_text_atomic

NUM_DEMONSTRATIONS = 50
"""Of the teacher, actions hidden."""
LABELERS = ("true", "most-common", "bco0", "bco")
"""True actions; always the commonest one; plain BCO from random play; iterated BCO(alpha)."""
PRODUCT = "product-mlp"
"""What `rotoscope train inverse-dynamics` makes of five of the teacher's episodes."""
_PRODUCT_MODULE = "benchmarks.labelers.product"
_TAUGHT = range(40_000, 40_000 + NUM_DEMONSTRATIONS)
_LABELED = range(45_000, 45_005)
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
    found = []
    for task in TASKS:
        found += [
            Cell(family="classic", task=task, labeler=labeler, seed=seed)
            for labeler in labelers
            for seed in (SEEDS[:1] if small else SEEDS)
        ]
        if not small:
            found.append(Cell(family="classic", task=task, labeler=PRODUCT, labelled_set="K5"))
    return found


def code(cell: Cell) -> tuple[str, ...]:
    """The simulator, which is opened by name, and the product where it is asked."""
    simulator = "rotoscope.models.simulators.classic"
    return (simulator, _PRODUCT_MODULE) if cell.labeler == PRODUCT else (simulator,)


def figures(rows: Sequence[Row]) -> list[Figure]:
    """Iterated BCO against the published normalized returns."""
    return [
        Figure(f"labelers.{name}.bco", float(np.mean(reached)), "1", Bar(">=", task.published_bco))
        for name, task in TASKS.items()
        if (reached := [r.score for r in rows if r.task == name and r.labeler == "bco"])
    ]


def measure(cell: Cell) -> Row:
    """Labels the teacher's episodes, scores the labels, tries the policy on unseen starts."""
    simulator, demonstrations, known, normal = _setting(cell.task)
    started = time.process_time()
    labels, policy = _labeled(cell, simulator, demonstrations, known)
    cpu_s = time.process_time() - started
    truth = all_actions(demonstrations)[:, 0]
    one_hot = np.eye(truth.max() + 1)
    lags = scores.best_lags(
        [one_hot[label] for label in labels], [one_hot[d.actions[:, 0]] for d in demonstrations]
    )
    return Row.of(
        cell,
        num_labelled=len(known) if cell.labeler == PRODUCT else 0,
        accuracy=scores.accuracy(np.concatenate(labels), truth),
        macro_f1=scores.macro_f1(np.concatenate(labels), truth),
        best_lag=scores.farthest_lag(lags),
        best_lags=tuple(lags.tolist()),
        score=normal(mean_return(simulator, greedy(policy, simulator), _UNSEEN)),
        label_cpu_s=cpu_s,
        num_parameters=policy.num_parameters,
    )


def _labeled(
    cell: Cell,
    simulator: Simulator,
    demonstrations: Sequence[Demonstration],
    known: Sequence[Demonstration],
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
    elif cell.labeler == PRODUCT:
        labels = _product_labels(simulator, states, known, seed=seed)
    policy = fit_classes(
        np.concatenate([s[:-1] for s in states]),
        np.concatenate(labels),
        replace(_SETTINGS.policy, seed=seed),
        num_classes=num_choices,
    )
    return labels, policy


def _product_labels(
    simulator: Simulator,
    states: Sequence[np.ndarray],
    known: Sequence[Demonstration],
    *,
    seed: int,
) -> list[np.ndarray]:
    """Choices that lie between a state and the next."""
    # By name: cells of BCO shall not depend on the product's code.
    module = importlib.import_module(_PRODUCT_MODULE)
    contract = simulator.facts.contract
    seen = module.Seen(contract=contract, columns=slice(0, len(simulator.facts.state_names)))
    window = {"before_s": 0, "after_s": 1 / contract.rate_hz}
    made = module.product(known, states, seed=seed, seen=seen, kind="mlp", window=window)
    return [np.round(label.values[:, 0]).astype(int) for label in made.labels]


@dataclass(frozen=True)
class _Normal:
    """Returns between random (0) and teacher (1)."""

    random: float
    teacher: float

    def __call__(self, reached: float) -> float:
        return (reached - self.random) / (self.teacher - self.random)


@lru_cache(maxsize=1)
def _setting(
    name: str,
) -> tuple[Simulator, list[Demonstration], list[Demonstration], _Normal]:
    """Simulator, demonstrations to label, labeled ones, and what returns are worth."""
    simulator = open_simulator(TASKS[name].simulator)
    folder = bench_folder() / "episodes"
    act = scripted_expert(simulator)

    code = code_hash(("benchmarks.labelers.tasks.classic", "rotoscope.models.simulators.classic"))

    def taught(seeds: range) -> list[Demonstration]:
        return cached(
            folder,
            f"{name}-teacher-{seeds.start}-{code}",
            lambda: [episode(simulator, act, seed=seed).demonstration for seed in seeds],
        )

    demonstrations, known = taught(_TAUGHT), taught(_LABELED)
    path = folder / f"{name}-returns-{_UNSEEN.start}-{code}.json"
    with locked(path.with_suffix(".lock")):
        if not path.is_file():
            chance = random_act(simulator, np.random.default_rng(0))
            found = _Normal(
                mean_return(simulator, chance, _UNSEEN), mean_return(simulator, act, _UNSEEN)
            )
            write_text_atomic(path, json.dumps(asdict(found)))
    return simulator, demonstrations, known, _Normal(**json.loads(path.read_text()))
