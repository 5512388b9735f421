"""Whether a trained labeler holds on labeled episodes of a user's own, that it never saw."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.models.labelers.labeler import Labeler
from rotoscope.models.labelers.labels import UNFAMILIAR
from rotoscope.models.labelers.names import open_labeler
from rotoscope.models.labelers.scores import score
from rotoscope.models.labelers.trivial import trivial_scores
from rotoscope.models.training.action_space import ActionSpace
from rotoscope.models.training.data import LabeledSet
from rotoscope.models.training.read import read_labeled
from rotoscope.pipeline.errors import DatasetError, UsageError

LEAST_COVERAGE = 0.85
"""Share of true values that 90 % intervals must hold: five episodes leave so much to chance."""
LEAST_FAMILIAR = 0.8
"""Share of rows that must be like the training episodes; of others of the same robot 0.9 are."""
MOST_LOST = 0.2
"""How far R2 may lie below what training said of held-out episodes."""


@dataclass(frozen=True)
class LabelerCheck:
    """What a labeler is worth on some labeled episodes."""

    metrics: dict[str, Any]
    """Scores as in `metrics.json`, `familiar` (share of rows) and `trivial_r2` among them."""
    faults: tuple[str, ...]
    """Why its labels should not be trusted on such data, in words; none where they may be."""


def check_labeler(name: str | os.PathLike[str], data: Path) -> LabelerCheck:
    """Asks a labeler about episodes whose actions are known.

    Args:
        name: `FOLDER` that `rotoscope train` wrote, or `NAME@FOLDER`.
        data: Folder of a LeRobot v3 dataset with true actions that the labeler was not trained on.

    Raises:
        UsageError: No trained labeler, or one that was trained on this very data.
        DatasetError: The data lack what the labeler sees, or no row of them can be labeled.
        ContractError: Its actions mean something else than the labeler's.
    """
    labeler = open_labeler(name)
    facts = labeler.trained
    known = read_labeled(
        data,
        inputs=facts.inputs,
        camera=facts.camera,
        focus=labeler.config.focus,
        image_size=labeler.config.image_size,
        contract=facts.contract,
    )
    if known.digest() == facts.data_sha256:
        raise UsageError(
            f"{name} was trained on {data}: that says nothing about data of its own; name "
            "episodes that it has not seen"
        )
    metrics = _measured(labeler, known)
    return LabelerCheck(metrics, tuple(_faults(metrics, labeler.metrics)))


def _measured(labeler: Labeler, data: LabeledSet) -> dict[str, Any]:
    facts, space = labeler.trained, ActionSpace.of(labeler.contract)
    labeler.setup()
    labels, truth, used = [], [], []
    for episode in data.episodes:
        found = labeler.labels_of(episode)
        used.append(found.known & episode.valid)
        if used[-1].any():
            labels.append(found.of(used[-1]))
            truth.append(episode.actions[used[-1]])
    if not labels:
        raise DatasetError(
            "no row of the data has both a true action and a window that the labeler knows: "
            "features are NaN there, or no row is label.valid"
        )
    metrics = score(labels, truth, space, facts.constant)
    familiarity = np.concatenate([found.familiarity for found in labels])
    sure = np.concatenate([found.confidence for found in labels])
    if np.isfinite(familiarity).all():
        metrics["familiar"] = round(float((familiarity >= UNFAMILIAR).mean()), 4)
    return metrics | {
        "mean_confidence": round(float(sure.mean()), 4),
        "trivial_r2": trivial_scores(data, used),
    }


def _faults(metrics: dict[str, Any], said: dict[str, Any]) -> list[str]:
    found = []
    if metrics.get("familiar", 1.0) < LEAST_FAMILIAR:
        found.append(
            f"{100 * (1 - metrics['familiar']):.0f} % of the rows are not like what this labeler "
            f"was trained on ({100 * (1 - LEAST_FAMILIAR):.0f} % are allowed)"
        )
    coverage = metrics.get("mean_coverage_90")
    if coverage is not None and coverage < LEAST_COVERAGE:
        found.append(
            f"90 % intervals hold {100 * coverage:.0f} % of the true values "
            f"({100 * LEAST_COVERAGE:.0f} % are asked for): do not rely on label.interval"
        )
    r2 = metrics.get("mean_r2")
    if r2 is not None:
        found += _faults_of_r2(r2, metrics["trivial_r2"], said.get("mean_r2"))
    if metrics.get("lag", 0) != 0:
        found.append(f"labels fit best {metrics['lag']} rows away: the clocks differ")
    return found


def _faults_of_r2(r2: float, trivial: dict[str, Any], said: float | None) -> list[str]:
    found = []
    if r2 <= trivial.get("mean", 0.0):
        found.append(f"R2 is {r2:.2f}: the mean action would do as well")
    if said is not None and r2 < said - MOST_LOST:
        found.append(f"R2 is {r2:.2f}, training said {said:.2f} ({MOST_LOST:g} less are allowed)")
    return found
