"""Progress and rewards as columns of a dataset, and as LeRobot's own file of progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope import __version__
from rotoscope.pipeline.datasets.read import Dataset
from rotoscope.pipeline.export.added_columns import AddedColumn, write_with_columns
from rotoscope.pipeline.export.progress_file import FILE, write_progress
from rotoscope.pipeline.export.stored_episode import FeatureFacts
from rotoscope.pipeline.rewards.columns import OFF, PROGRESS, REWARD, SIGMA
from rotoscope.pipeline.rewards.judge import Judgment
from rotoscope.pipeline.store.store import content_key

MADE_HERE = "progress"
"""Key in `meta/rotoscope/provenance.json` of a dataset that was written here."""
_MEANINGS = {
    PROGRESS: "How much of what the demonstration does is done, 0 to 1, as a share of its motion.",
    SIGMA: "One standard deviation of label.progress.",
    OFF: "Chance that the row shows what no demonstration shows; label.progress stands still.",
}


def write_judged(
    dataset: Dataset,
    judgments: Mapping[int, Judgment],
    methods: Sequence[str],
    out: Path,
    *,
    made: Mapping[str, Any],
) -> None:
    """Writes a copy of a dataset with what was found of every row, and LeRobot's file of progress.

    Args:
        dataset: What to copy.
        judgments: Of every episode, by its index.
        methods: Rewards that they hold.
        out: Where it appears, whole.
        made: JSON facts about what made them, equal where they are.

    Raises:
        DatasetError: Something of `dataset` or at `out` is in the way; see `write_with_columns`.
    """
    made = {"rotoscope": __version__, **made}
    before: dict[str, Any] = dataset.rotoscope("provenance.json")
    key = content_key({"kind": "progress", "of": before.get("dataset_key", ""), "made": made})
    provenance = before | {"dataset_key": key, MADE_HERE: [*before.get(MADE_HERE, []), made]}
    values: dict[str, Callable[[Judgment], np.ndarray]] = {
        PROGRESS: lambda one: one.progress,
        SIGMA: lambda one: one.sigma,
        OFF: lambda one: one.off,
    }
    columns = {
        name: _column(name.removeprefix("label."), _MEANINGS[name], judgments, value)
        for name, value in values.items()
    }
    for method in methods:
        meaning = f"Reward of the row by {method}; see the guide on progress."
        columns[REWARD + method] = _column(method, meaning, judgments, _reward_by(method))
    episodes = [(int(line["episode_index"]), int(line["length"])) for line in dataset.table]
    progress = {index: one.progress for index, one in judgments.items()}
    write_with_columns(
        dataset,
        columns,
        out,
        provenance=provenance,
        finish=lambda root: write_progress(root / FILE, episodes, progress),
    )


def _reward_by(method: str) -> Callable[[Judgment], np.ndarray]:
    return lambda one: one.rewards[method]


def _column(
    name: str,
    meaning: str,
    judgments: Mapping[int, Judgment],
    value: Callable[[Judgment], np.ndarray],
) -> AddedColumn:
    facts = FeatureFacts((name,), "float32", "1", meaning)
    return AddedColumn(
        facts, {index: value(one).astype(np.float32)[:, None] for index, one in judgments.items()}
    )
