"""Measures labelers that see rendered video: states are read off it, actions off the states."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from benchmarks.figure import Bar, Figure
from benchmarks.labelers import metaworld_cells, reference
from benchmarks.labelers.cells import Cell, Row, cell_key, cells_folder, measured
from benchmarks.labelers.episodes import Demonstration
from benchmarks.labelers.labeler import Labeled
from benchmarks.labelers.policy import POLICY, clone, num_policy_successes
from benchmarks.labelers.tasks.metaworld import MetaWorldSimulator, unseen_seeds
from benchmarks.labelers.track_video import INPUTS, read_states

SEEDS = (0, 1, 2)
TASKS = ("push-v3", "pick-place-v3")
NUM_UNSEEN = 50
"""Layouts a policy is tried on."""
MIN_OF_TRUE = {"tracks2": 0.95, "tracks1": 0.6, "pixels64": 0.5, "pixels64x2": 0.5}
"""Success of policies on labels, over that of policies on true actions."""
_LABELED_BY = "through-states"


def cells(*, small: bool) -> list[Cell]:
    """Both tasks with three seeds, one seed with distractors on the first of them.

    None in the small table, since rendering takes long.
    """
    if small:
        return []
    judged = [("true", "", "state"), *((_LABELED_BY, "PLAY", inputs) for inputs in INPUTS)]
    found = [_cell(task, *names, seed) for task in TASKS for names in judged for seed in SEEDS]
    hard = [(_LABELED_BY, "PLAY", inputs) for inputs in INPUTS if inputs != "pixels64x2"]
    return found + [replace(_cell(TASKS[0], *names, 0), distractors=True) for names in hard]


def _cell(task: str, labeler: str, labelled_set: str, inputs: str, seed: int) -> Cell:
    return Cell(
        family="video",
        task=task,
        labeler=labeler,
        labelled_set=labelled_set,
        inputs=inputs,
        seed=seed,
    )


def code(cell: Cell) -> tuple[str, ...]:
    """Nothing beyond what this module imports."""
    del cell
    return ()


def figures(rows: Sequence[Row]) -> list[Figure]:
    """Policies on labels over those on true actions."""
    out = []
    for task in TASKS:
        of_task = [row for row in rows if row.task == task]
        true = [row.score for row in of_task if row.labeler == "true"]
        for inputs in INPUTS:
            of_input = [row for row in of_task if row.inputs == inputs]
            reached = [row.score for row in of_input if not row.distractors]
            if true and reached:
                share = float(np.mean(reached) / np.mean(true))
                bar = Bar(">=", MIN_OF_TRUE[inputs])
                out.append(Figure(f"labelers.{task}.video.{inputs}.of_true", share, "1", bar))
    return out


def measure(cell: Cell) -> Row:
    """Labels the hidden episodes from video, scores the labels, clones them, tries the policy."""
    if cell.labeler == "true":
        return _measure_true(cell)
    started = time.process_time()
    hidden, made = _label(cell)
    labeled_at = time.process_time()
    policy = clone([d.observations for d in hidden], made.labels, replace(POLICY, seed=cell.seed))
    cloned_at = time.process_time()
    num_successes = num_policy_successes(_simulator(cell.task), policy, unseen_seeds(NUM_UNSEEN))
    return Row.of(
        cell,
        **metaworld_cells.label_scores(made.labels, hidden),
        num_successes=num_successes,
        num_trials=NUM_UNSEEN,
        score=num_successes / NUM_UNSEEN,
        label_cpu_s=labeled_at - started,
        policy_cpu_s=cloned_at - labeled_at,
        num_parameters=made.num_parameters,
    )


def _label(cell: Cell) -> tuple[Sequence[Demonstration], Labeled]:
    """The hidden episodes and their labels.

    Inverse dynamics learns from states that were read off by a map without the episode at hand, so
    that it knows their errors.
    """
    read = read_states(
        _simulator(cell.task), cell.labelled_set, cell.inputs, has_distractors=cell.distractors
    )
    seen = [
        Demonstration(states, known.actions, known.seed)
        for states, known in zip(read.known_states, read.known, strict=True)
    ]
    made = reference.ensemble(seen, read.hidden_states, seed=cell.seed)
    return read.hidden, Labeled(made.labels, made.num_parameters + read.num_parameters)


def _measure_true(cell: Cell) -> Row:
    """What a policy on true actions does, from the family that measures it anyway."""
    same = replace(cell, family="metaworld")
    key = cell_key(same, (metaworld_cells.__name__, *metaworld_cells.code(same)))
    row, _ = measured(same, metaworld_cells.measure, key=key, folder=cells_folder())
    return replace(row, family=cell.family)


@lru_cache(maxsize=1)
def _simulator(task: str) -> MetaWorldSimulator:
    return MetaWorldSimulator(task)
