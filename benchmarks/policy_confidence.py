"""Does it help a policy to weigh or filter labels by their confidence?

Meta-World push-v3: a labeler from 5 labeled episodes labels 50 others. In half of them what it
sees jitters by a few millimeters, as a poor tracker's output does, so that labels are of mixed
quality; the policy sees clean states. Success over 50 unseen starts and 3 seeds.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figure import Figure
from rotoscope.models.labelers.relabel import relabel_dataset
from rotoscope.models.labelers.train_command import train_labeler
from rotoscope.models.policy.command import train_policy
from rotoscope.models.policy.evaluate_folder import evaluate_folder
from rotoscope.models.simulators.record import record_dataset
from rotoscope.models.simulators.rollout import scripted_expert
from rotoscope.models.simulators.simulator import open_simulator
from rotoscope.pipeline.datasets.read import Dataset, open_dataset
from rotoscope.pipeline.episodes.episode import StateColumns
from rotoscope.pipeline.export.recorder import DatasetRecorder, Rows

TASK = "metaworld:push-v3"
NUM_LABELED, NUM_HIDDEN = 5, 50
JITTER_M = 0.003
SEEDS, STARTS = (0, 1, 2), 50
LABELER = (
    "inputs=[observation.state]",
    "window.before_s=0.025",
    "window.after_s=0.0375",
)
WAYS: dict[str, tuple[str, ...]] = {
    "unweighted": (),
    "weighted": ("weighting=confidence",),
    "filtered": ("min_confidence={median}",),
}
"""Settings of the policy; `{median}` is the labels' median confidence."""


@dataclass(frozen=True, eq=False)
class _Labels:
    """Actions and confidence of one episode."""

    values: np.ndarray
    confidence: np.ndarray
    valid: np.ndarray


def run() -> list[Figure]:
    """Success by way of using confidence, and how far confidence foretells error."""
    with tempfile.TemporaryDirectory() as name:
        return _run(Path(name))


def _run(folder: Path) -> list[Figure]:
    simulator = open_simulator(TASK)
    record_dataset(
        simulator,
        scripted_expert(simulator),
        range(20_000, 20_000 + NUM_LABELED),
        folder / "labeled",
    )
    record_dataset(
        simulator, scripted_expert(simulator), range(10_000, 10_000 + NUM_HIDDEN), folder / "true"
    )
    train_labeler("inverse-dynamics", folder / "labeled", folder / "labeler", LABELER)
    true = open_dataset(folder / "true")
    _write(folder / "jittering", true, jitters=True)
    relabel_dataset(
        folder / "jittering", folder / "labeler", folder / "inferred", keeps_known=False
    )
    labels = _labels_of(open_dataset(folder / "inferred"))
    _write(folder / "mixed", true, labels=labels)
    confidence = np.concatenate([one.confidence[one.valid] for one in labels])
    figures = [_foretold(true, labels)]
    for way, settings in WAYS.items():
        given = [text.format(median=float(np.median(confidence))) for text in settings]
        figures += _tried(folder, way, folder / "mixed", given)
    return [*figures, *_tried(folder, "true_actions", folder / "true", [], SEEDS[:1])]


def _tried(
    folder: Path, way: str, data: Path, settings: list[str], seeds: tuple[int, ...] = SEEDS
) -> list[Figure]:
    rates = []
    for seed in seeds:
        policy = folder / f"{way}-{seed}"
        train_policy(data, policy, "bc", [*settings, f"loop.seed={seed}"])
        found = evaluate_folder(
            policy, TASK, folder / f"{way}-{seed}.eval", episodes=STARTS, num_filmed=0
        )
        rates.append(float(found["success"]))
    spread = max(rates) - min(rates)
    return [
        Figure(f"policy_confidence.{way}.success", float(np.mean(rates)), "1"),
        Figure(f"policy_confidence.{way}.spread", spread, "1"),
    ]


def _foretold(true: Dataset, labels: list[_Labels]) -> Figure:
    """Rank correlation of confidence with error: -1 foretells it, 0 says nothing."""
    from scipy.stats import spearmanr

    errors, confidence = [], []
    for index, one in enumerate(labels):
        actions = np.asarray(true.episode(index).columns["action"], float)
        errors.append(np.abs(one.values - actions).mean(1)[one.valid])
        confidence.append(one.confidence[one.valid])
    found = spearmanr(np.concatenate(confidence), np.concatenate(errors)).statistic
    return Figure("policy_confidence.rank_with_error", float(found), "1")


def _labels_of(dataset: Dataset) -> list[_Labels]:
    out = []
    for index in range(len(dataset.table)):
        columns: dict[str, Any] = dataset.episode(index).columns
        valid = np.asarray(columns["label.valid"], bool).reshape(-1)
        confidence = np.asarray(columns["label.confidence"], float).reshape(-1)
        out.append(_Labels(np.asarray(columns["action"], float), confidence, valid))
    return out


def _write(
    out: Path, true: Dataset, *, jitters: bool = False, labels: list[_Labels] | None = None
) -> None:
    """The hidden episodes once more: with jittering states, or with inferred actions."""
    names = tuple(true.names("observation.state"))
    contract = open_simulator(TASK).facts.contract
    with DatasetRecorder(contract, StateColumns(names, "m", "As seen."), camera="") as recorder:
        for index in range(len(true.table)):
            columns = true.episode(index).columns
            state = np.asarray(columns["observation.state"], float)
            if jitters and index % 2:
                generator = np.random.default_rng(index)
                state = state + JITTER_M * generator.normal(size=state.shape)
            actions, confidence = np.asarray(columns["action"], float), np.ones(len(state))
            valid = np.ones(len(state), bool)
            if labels is not None:
                one = labels[index]
                actions, confidence, valid = one.values, one.confidence, one.valid
            recorder.add(Rows(f"{index}", "push", actions, valid, confidence, state))
        recorder.publish(out, made_by="a benchmark")
