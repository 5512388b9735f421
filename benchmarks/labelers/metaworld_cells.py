"""Measures one labeler on one Meta-World task."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from benchmarks.labelers import probes, reference, scores, trivial
from benchmarks.labelers.cells import Cell, Row, bench_folder, peak_memory_mib
from benchmarks.labelers.episodes import Demonstration, Labels, all_actions
from benchmarks.labelers.labeler import Labeler
from benchmarks.labelers.policy import POLICY, clone, num_policy_successes, replay
from benchmarks.labelers.tasks.metaworld import (
    METRES_PER_ACTION,
    POSITION_DIMENSIONS,
    MetaWorldSimulator,
    hidden,
    labelled,
    unseen_seeds,
)

NUM_UNSEEN = 50
"""Layouts a policy is tried on."""
LABELERS: dict[str, Labeler] = {
    "zero": trivial.zero,
    "mean": trivial.mean,
    "copy": trivial.copy_state_ahead,
    "clone": trivial.clone_state,
    "kinematic": trivial.kinematic,
    "ridge": reference.ridge,
    "ensemble": reference.ensemble,
}
"""Everything that labels state; one line makes another labeler part of the table."""


def measure(cell: Cell) -> Row:
    """Labels the hidden episodes, scores the labels, clones them, tries the policy."""
    simulator = _simulator(cell.task)
    folder = bench_folder() / "episodes"
    demonstrations = hidden(simulator, folder)
    observations = [d.observations for d in demonstrations]
    known = labelled(simulator, cell.labelled_set, folder) if cell.labelled_set else []
    started = time.process_time()
    if cell.labeler in probes.PROBES:
        made = probes.probe(cell.labeler, demonstrations, seed=cell.seed)
    else:
        made = LABELERS[cell.labeler](known, observations, seed=cell.seed)
    labelled_at = time.process_time()
    policy = clone(observations, made.labels, replace(POLICY, seed=cell.seed))
    cloned_at = time.process_time()
    num_successes = num_policy_successes(simulator, policy, unseen_seeds(NUM_UNSEEN))
    replay_success, replay_error_m = replay(simulator, demonstrations, made.labels)
    return Row(
        family=cell.family,
        task=cell.task,
        labeler=cell.labeler,
        labelled_set=cell.labelled_set,
        seed=cell.seed,
        **label_scores(made.labels, demonstrations),
        replay_success=replay_success,
        replay_error_m=replay_error_m,
        num_successes=num_successes,
        num_trials=NUM_UNSEEN,
        score=num_successes / NUM_UNSEEN,
        label_cpu_s=labelled_at - started,
        policy_cpu_s=cloned_at - labelled_at,
        num_parameters=made.num_parameters,
        peak_memory_mib=peak_memory_mib(),
    )


def label_scores(
    labels: Sequence[Labels], demonstrations: Sequence[Demonstration]
) -> dict[str, Any]:
    """The columns of a row that compare labels with the true actions."""
    values = np.concatenate([label.values for label in labels])
    truth = all_actions(demonstrations)
    each = [label.values for label in labels]
    true = [d.actions for d in demonstrations]
    out: dict[str, Any] = {
        "r2": tuple(scores.r2(values, truth).tolist()),
        "mae": tuple(scores.mae(values, truth).tolist()),
        "r2_mean": scores.mean_r2(values, truth),
        "mae_mean": float(scores.mae(values, truth).mean()),
        "best_lag": float(scores.best_lag(scores.lag_scan(each, true))),
        "drift_m": scores.drift(
            each, true, dimensions=POSITION_DIMENSIONS, scale=METRES_PER_ACTION
        ),
    }
    widths = [label.half_width_90 for label in labels if label.half_width_90 is not None]
    if len(widths) == len(labels):
        width = np.concatenate(widths)
        out["coverage_90"] = scores.coverage(values, width, truth)
        for percent in (10, 20, 50):
            out[f"error_left_{percent}"] = scores.error_after_dropping(
                values, width, truth, share=percent / 100
            )
    return out


@lru_cache(maxsize=1)
def _simulator(task: str) -> MetaWorldSimulator:
    return MetaWorldSimulator(task)
