"""Latent actions from video: what a decoder makes of them from 16 labeled episodes.

    python -m benchmarks.labelers.table --family latent

Fifty expert episodes are to be labeled, sixteen more are labeled; all are seen by one camera at
64 px, with or without things that move by themselves. Latent action models see the pictures of all
sixty-six and no action. The decoder of their latents, and the inverse dynamics that sees pixels
alone, are the same product on the same sixteen.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figure import Bar, Figure
from benchmarks.labelers.cells import Cell, Row
from benchmarks.labelers.episodes import Labels
from benchmarks.labelers.latent_video import Filmed, filmed, point_names, unlabelled
from benchmarks.labelers.metaworld_cells import label_scores
from benchmarks.labelers.tasks.metaworld import MetaWorldSimulator
from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.inverse_dynamics.infer import infer_episode
from rotoscope.models.inverse_dynamics.labeler import Labeler
from rotoscope.models.inverse_dynamics.train import train_inverse_dynamics
from rotoscope.models.latent_actions.config import LatentActionConfig
from rotoscope.models.latent_actions.train import train_latent_action
from rotoscope.models.training.windows import nearest_frames

TASK, LABELED = "push-v3", "K16"
ALONE = "idm"
"""Inverse dynamics from the pixels of the labeled episodes alone."""
_PLAIN = {"shift_px": 0, "brightness": 0}
_TAUGHT = {"tracks": {"targets": point_names(), "points": point_names(), "weight": 2}}
LATENTS: dict[str, dict[str, Any]] = {
    "lapo": {"objective": "lapo", **_PLAIN},
    "lapo-vq": {"objective": "lapo", "latent": "vq", **_PLAIN},
    "laom": {"objective": "laom"},
    "dynamo": {"objective": "dynamo"},
    "laom-tracks": {"objective": "laom", **_TAUGHT},
    "laom-tracks-vq": {"objective": "laom", "latent": "vq", **_TAUGHT},
}
"""Settings of each model; what is not named has its default."""
_HELD_TO_BARS = "laom-tracks"
_COMPARED = (ALONE, "lapo", _HELD_TO_BARS)
"""What bars are about: three seeds of these."""
LOOP = {"num_steps": 300, "eval_every": 100, "learning_rate": 5e-3}
_DECODER = {"kind": "kernel"}
"""Of all alike, inverse dynamics from pixels among them."""


def cells(*, small: bool) -> list[Cell]:
    """Every model, with and without distractors; none where small: films take minutes."""
    if small:
        return []
    return [
        Cell(
            family="latent",
            task=TASK,
            labeler=name,
            labelled_set=LABELED,
            inputs="pixels64",
            distractors=distractors,
            seed=seed,
        )
        for name in (ALONE, *LATENTS)
        for distractors in (False, True)
        for seed in (range(3) if name in _COMPARED else range(1))
    ]


def code(cell: Cell) -> tuple[str, ...]:
    """Nothing beside what this module imports."""
    del cell
    return ()


def figures(rows: Sequence[Row]) -> list[Figure]:
    """Latents against inverse dynamics alone, and what distractors cost."""
    found: dict[tuple[str, bool], list[float]] = {}
    for row in rows:
        found.setdefault((row.labeler, row.distractors), []).append(row.r2_mean)
    r2 = {key: float(np.mean(values)) for key, values in found.items()}
    out = [
        Figure(f"labelers.latent.{name}.{_look(distractors)}.r2", value, "1")
        for (name, distractors), value in r2.items()
    ]
    for name in ("laom-tracks", "laom-tracks-vq"):
        for distractors in (False, True):
            gain = r2.get((name, distractors), np.nan) - r2.get((ALONE, distractors), np.nan)
            title = f"labelers.latent.{name}.{_look(distractors)}.over_idm"
            out.append(Figure(title, gain, "1", Bar(">=", 0) if name == _HELD_TO_BARS else None))
        lost = _lost(r2, name) / _lost(r2, "lapo")
        title = f"labelers.latent.{name}.lost_of_lapo"
        out.append(Figure(title, lost, "1", Bar("<=", 0.5) if name == _HELD_TO_BARS else None))
    return [figure for figure in out if not np.isnan(figure.value)]


def _lost(r2: dict[tuple[str, bool], float], name: str) -> float:
    return r2.get((name, False), np.nan) - r2.get((name, True), np.nan)


def _look(distractors: bool) -> str:
    return "distractors" if distractors else "plain"


def measure(cell: Cell) -> Row:
    """Trains model and decoder, labels the hidden episodes, scores the labels."""
    simulator = _simulator()
    hidden = filmed(simulator, "hidden", has_distractors=cell.distractors)
    known = filmed(simulator, LABELED, has_distractors=cell.distractors)
    started = time.process_time()
    with tempfile.TemporaryDirectory() as name:
        labels, size = _labels(cell, hidden, known, Path(name))
    found = label_scores(labels, hidden.demonstrations)
    return Row.of(
        cell,
        num_labelled=len(known.demonstrations),
        **found,
        score=found["r2_mean"],
        label_cpu_s=time.process_time() - started,
        num_parameters=size,
    )


def _labels(cell: Cell, hidden: Filmed, known: Filmed, folder: Path) -> tuple[list[Labels], int]:
    """Labels of the hidden episodes, and how many numbers were fitted for them."""
    data = known.labeled()
    settings: dict[str, Any] = {"camera": data.camera, **_DECODER, "loop": {"seed": cell.seed}}
    size = 0
    if cell.labeler != ALONE:
        has_tracks = "tracks" in LATENTS[cell.labeler]
        loop = LatentActionConfig().loop.model_copy(update={**LOOP, "seed": cell.seed})
        config = LatentActionConfig.model_validate({**LATENTS[cell.labeler], "loop": loop})
        videos = unlabelled([hidden, known], has_tracks=has_tracks)
        model = train_latent_action(videos, config, folder / "latent")
        size = sum(array.size for array in model.weights.values())
        settings["encoder"] = f"latent:{folder / 'latent'}"
    config = InverseDynamicsConfig.model_validate(settings)
    labeler = train_inverse_dynamics(data, config, folder / "labeler")
    size += sum(array.size for member in labeler.members for array in member.values())
    return label_all(labeler, hidden), size


def label_all(labeler: Labeler, filmed_set: Filmed) -> list[Labels]:
    """Labels of every episode; moments whose window leaves it take the nearest label."""
    out = []
    for episode in filmed_set.labeled().episodes:
        made, known = infer_episode(labeler, episode)
        rows = np.arange(len(known) - 1, dtype=float)
        nearest = nearest_frames(np.flatnonzero(known).astype(float), rows)
        out.append(Labels(np.clip(made.values, -1, 1)[nearest], made.half_width[nearest]))
    return out


@lru_cache(maxsize=1)
def _simulator() -> MetaWorldSimulator:
    return MetaWorldSimulator(TASK)
