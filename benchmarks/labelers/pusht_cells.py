"""PushT (gym-pusht): a planner's episodes labeled from states or from small pictures."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import numpy as np

from benchmarks.figure import Bar, Figure
from benchmarks.labelers import scores
from benchmarks.labelers.cells import Cell, Row, bench_folder
from benchmarks.labelers.code import code_hash
from benchmarks.labelers.episodes import Demonstration, Labels, cached
from benchmarks.labelers.labeler import Labeled, Labeler
from benchmarks.labelers.product import Seen, product
from benchmarks.labelers.trivial import clone_state, copy_state_ahead, mean
from rotoscope.models.bco.perceptron import Fit, Mlp, fit_regression
from rotoscope.models.simulators.pusht import FACTS, PushTSimulator
from rotoscope.models.simulators.pusht_physics import FIELD_PX
from rotoscope.models.simulators.rollout import Act, rollout, scripted_expert
from rotoscope.models.simulators.simulator import STATE, Simulator, Views

NUM_HIDDEN, NUM_TRIED = 40, 10
"""Episodes to label; starts that policies are tried on."""
_HIDDEN_SEED, _LABELED_SEED, _UNSEEN_SEED = 10_000, 20_000, 70_000
_SIZE = 64
_POLICY = Fit(hidden=(256, 256), num_steps=3000)


def _pictures(observed: np.ndarray) -> np.ndarray:
    """What the camera sees of states."""
    from gym_pusht.envs import PushTEnv

    table: Any = PushTEnv(observation_width=_SIZE, observation_height=_SIZE)
    table.reset(seed=0)
    pictures = []
    for x, y, block_x, block_y, cos, sin in observed.tolist():
        table.agent.position = (x, y)
        # In this order: a turn moves the block, whose center is not its origin.
        table.block.angle = math.atan2(sin, cos)
        table.block.position = (block_x, block_y)
        pictures.append(table._render())
    return np.stack(pictures)


_CONTRACT = FACTS.contract
_STATES = Seen(contract=_CONTRACT, columns=slice(0, 6))
_PIXELS = Seen(contract=_CONTRACT, pictures=_pictures)
_WINDOW = {"before_s": 0.2, "after_s": 0.2}
LABELERS: dict[tuple[str, str], Labeler] = {
    ("mean", "state"): mean,
    ("copy", "state"): copy_state_ahead,
    ("clone", "state"): clone_state,
    ("product-ridge", "state"): partial(product, seen=_STATES, kind="ridge", window=_WINDOW),
    ("product-mlp", "state"): partial(product, seen=_STATES, kind="mlp", window=_WINDOW),
    ("product-kernel", "pixels64"): partial(product, seen=_PIXELS, kind="kernel", window=_WINDOW),
}
"""By name and inputs."""


def cells(*, small: bool) -> list[Cell]:
    """True actions and every labeler, from 10 labeled episodes, one seed; two of them small."""
    learned = [(name, inputs) for name, inputs in LABELERS]
    if small:
        learned = [("copy", "state"), ("product-ridge", "state")]
    found = [Cell(family="pusht", task="pusht", labeler="true")]
    return found + [
        Cell(family="pusht", task="pusht", labeler=name, labelled_set="K10", inputs=inputs)
        for name, inputs in learned
    ]


def code(cell: Cell) -> tuple[str, ...]:
    """Nothing beside what this module imports."""
    del cell
    return ()


def figures(rows: Sequence[Row]) -> list[Figure]:
    """Whether the planner solves its episodes, how well labels fit, where they stand."""
    found = []
    for row in rows:
        if row.labeler == "true":
            bar = Bar(">=", 0.95)
            found.append(Figure("labelers.pusht.planner", row.replay_success, "1", bar))
        if row.labeler.startswith("product"):
            title = f"labelers.pusht.{row.labeler}.{row.inputs}"
            found.append(Figure(f"{title}.r2", row.r2_mean, "1"))
            found.append(Figure(f"{title}.lag", abs(row.best_lag), "1", Bar("==", 0)))
    return found


def measure(cell: Cell) -> Row:
    """Labels the hidden episodes, scores the labels, clones them, tries the policy."""
    simulator, hidden, known = _setting()
    observations = [d.observations for d in hidden]
    started = time.process_time()
    if cell.labeler == "true":
        made = Labeled(tuple(Labels(d.actions.astype(float)) for d in hidden), 0)
    else:
        made = LABELERS[cell.labeler, cell.inputs](known, observations, seed=cell.seed)
    labeled_at = time.process_time()
    policy = _clone(observations, made.labels, seed=cell.seed)
    cloned_at = time.process_time()
    tried = range(_UNSEEN_SEED, _UNSEEN_SEED + NUM_TRIED)
    covered = [_best_coverage(simulator, _acting(policy), seed) for seed in tried]
    replayed = [
        _replayed_coverage(simulator, label.values, d.seed)
        for d, label in zip(hidden, made.labels, strict=True)
    ]
    return Row.of(
        cell,
        num_labelled=0 if cell.labeler == "true" else len(known),
        **scores.columns(made.labels, hidden),
        replay_success=float(np.mean([c >= 1 for c in replayed])),
        num_successes=sum(c >= 1 for c in covered),
        num_trials=NUM_TRIED,
        score=float(np.mean(covered)),
        label_cpu_s=labeled_at - started,
        policy_cpu_s=cloned_at - labeled_at,
        num_parameters=made.num_parameters,
    )


def _clone(observations: Sequence[np.ndarray], labels: Sequence[Labels], *, seed: int) -> Mlp:
    # Where to go from where one is: places themselves differ by too little from one's own.
    inputs = np.concatenate([o[:-1] for o in observations])
    moves = np.concatenate([label.values for label in labels]) - inputs[:, :2]
    return fit_regression(inputs, moves, replace(_POLICY, seed=seed))


def _acting(policy: Mlp) -> Act:
    return lambda seen: np.clip(seen[STATE][:2] + policy(seen[STATE]), 0, FIELD_PX)


def _best_coverage(simulator: Simulator, act: Act, seed: int) -> float:
    """The most that was covered at any time, over what success asks for; at most 1."""
    return max(t.step.reward for t in rollout(simulator, act, seed=seed))


def _replayed_coverage(simulator: Simulator, values: np.ndarray, seed: int) -> float:
    simulator.reset(seed)
    return max(simulator.step(action).reward for action in values)


@lru_cache(maxsize=1)
def _setting() -> tuple[Simulator, list[Demonstration], list[Demonstration]]:
    simulator = PushTSimulator(Views())
    folder = bench_folder() / "episodes"
    code = code_hash(("rotoscope.models.simulators.pusht",))
    hidden = cached(folder, f"pusht-hidden-{code}", _episodes(simulator, _HIDDEN_SEED, NUM_HIDDEN))
    known = cached(folder, f"pusht-K10-{code}", _episodes(simulator, _LABELED_SEED, 10))
    return simulator, hidden, known


def _episodes(
    simulator: Simulator, first_seed: int, count: int
) -> Callable[[], list[Demonstration]]:
    def make() -> list[Demonstration]:
        found = []
        for seed in range(first_seed, first_seed + count):
            steps = list(rollout(simulator, scripted_expert(simulator), seed=seed))
            states = [t.observation[STATE] for t in steps] + [steps[-1].step.observation[STATE]]
            actions = np.array([t.action for t in steps])
            found.append(Demonstration(np.array(states), actions, seed))
        return found

    return make
