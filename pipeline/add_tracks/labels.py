"""A dataset once more with other actions: all of its columns and cameras, and what labels say."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

from rotoscope import __version__
from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.datasets.read import Dataset
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.export.added_columns import AddedColumn, write_with_columns
from rotoscope.pipeline.export.card import labeled_card
from rotoscope.pipeline.export.schema import LABELS
from rotoscope.pipeline.export.stored_episode import FeatureFacts
from rotoscope.pipeline.run.ledger import Row
from rotoscope.pipeline.run.request import read_provenance
from rotoscope.pipeline.store.store import content_key
from rotoscope.pipeline.tracks import count_rows

LABELED_HERE = "labels"
"""Key in `meta/rotoscope/provenance.json` of a dataset that was labeled here."""
INTERVAL, FAMILIARITY = "label.interval", "label.familiarity"


@dataclass(frozen=True, eq=False)
class EpisodeLabels:
    """What the rows of an episode are labeled with."""

    action: Float[np.ndarray, "row action"]
    """Finite in every row."""
    valid: Bool[np.ndarray, " row"]
    """Rows whose action can be believed."""
    confidence: Float[np.ndarray, " row"]
    """0..1."""
    reason: UInt8[np.ndarray, " row"]
    """Index into `REASONS`."""
    half_width: Float[np.ndarray, "row action"]
    """Half of the 90 % interval; NaN where nothing was inferred."""
    familiarity: Float[np.ndarray, " row"]
    """How much the row is like what the labeler was trained on, 0..1; NaN as above."""


def check_out(data: Path, out: Path, *, key: str = LABELED_HERE, command: str = "relabel") -> None:
    """Checks that a dataset with other columns can be written at `out`.

    Args:
        data: The dataset that is copied.
        out: Where to.
        key: What stands in the provenance of datasets that the command wrote, which it replaces.
        command: Its name.

    Raises:
        UsageError: It is the dataset itself, or holds something else.
    """
    there, source = (Path(os.path.realpath(p)) for p in (out, data))
    if there == source or source in there.parents or there in source.parents:
        raise UsageError(
            f"--out {out} is {data} itself, or one lies in the other; the dataset is left as it "
            "is: name another folder"
        )
    is_free = not there.exists() or (there.is_dir() and not any(there.iterdir()))
    if not is_free and key not in (read_provenance(out) or {}):
        raise UsageError(
            f"{out} exists and was not written by rotoscope {command}; name another --out or move "
            "it away"
        )


def write_labeled(
    dataset: Dataset,
    labels: Mapping[int, EpisodeLabels],
    out: Path,
    *,
    contract: ActionContract,
    made: Mapping[str, Any],
    failed: Sequence[Row] = (),
) -> None:
    """Writes a copy of a dataset with these actions; videos stay byte for byte as they are.

    Args:
        dataset: What to copy, with every column and every camera.
        labels: Of every episode, by its index.
        out: Where it appears; what is not ours there is kept.
        contract: What the actions mean.
        made: JSON facts about what made them, equal where they are.
        failed: Episodes that could not be labeled.

    Raises:
        DatasetError: Something of `dataset` or at `out` is in the way; see `write_with_columns`.
    """
    before: dict[str, Any] = dataset.rotoscope("provenance.json")
    key = content_key({"kind": "labeled", "of": before.get("dataset_key", ""), "made": made})
    provenance = before | {
        "rotoscope": __version__,
        "recipe": made.get("labeler", ""),
        "dataset_key": key,
        LABELED_HERE: [*before.get(LABELED_HERE, []), made],
    }
    columns = _columns(labels, contract)
    finish = partial(_say, dataset, labels, contract, provenance, failed)
    write_with_columns(dataset, columns, out, provenance=provenance, finish=finish)


def _columns(
    labels: Mapping[int, EpisodeLabels], contract: ActionContract
) -> dict[str, AddedColumn]:
    names = tuple(contract.names)
    units = ", ".join(dict.fromkeys(d.unit for d in contract.dimensions))
    meaning = "What is done at the row: a command or a step."
    if contract.reaches_states:
        meaning = f"The state {contract.shift_s:.6g} s after the row."
    width = "Half width of the 90 % interval of each number of the action; NaN where the action is "

    def column(facts: FeatureFacts, value: Callable[[EpisodeLabels], np.ndarray]) -> AddedColumn:
        return AddedColumn(facts, {i: value(one).astype(facts.dtype) for i, one in labels.items()})

    action = FeatureFacts(names, "float32", units, meaning)
    interval = FeatureFacts(names, "float32", units, width + "a known one, or nobody's guess.")
    like = FeatureFacts(
        ("familiarity",),
        "float32",
        "1",
        "How much the row is like what the labeler was trained on, 0 to 1; NaN where the action is "
        "a known one, or nobody's guess.",
    )
    return {
        "action": column(action, lambda one: one.action),
        "label.valid": column(LABELS["label.valid"], lambda one: one.valid[:, None]),
        "label.confidence": column(LABELS["label.confidence"], lambda one: one.confidence[:, None]),
        "label.reason": column(LABELS["label.reason"], lambda one: one.reason[:, None]),
        INTERVAL: column(interval, lambda one: one.half_width),
        FAMILIARITY: column(like, lambda one: one.familiarity[:, None]),
    }


def _say(
    dataset: Dataset,
    labels: Mapping[int, EpisodeLabels],
    contract: ActionContract,
    provenance: Mapping[str, Any],
    failed: Sequence[Row],
    root: Path,
) -> None:
    """Rewrites what the copy says of its actions beside its tables."""
    folder = root / "meta" / "rotoscope"
    everything = list(labels.values())
    quality = {"episodes": len(labels), **_counts(everything)}
    quality["seconds"] = round(quality["rows"] / dataset.fps, 3)
    _write(folder / "contract.json", contract.model_dump(mode="json"))
    _write(folder / "quality.json", quality)
    lines = [_episode_line(dataset, row, labels) for row in range(len(dataset.table))]
    _write_lines(folder / "episodes.jsonl", lines)
    own = {row.name for row in failed}
    ledger = [line for line in dataset.ledger() if line["name"] not in own]
    _write_lines(folder / "ledger.jsonl", [*ledger, *map(_ledger_line, failed)])
    labeled_card(root, dataset, contract, quality, provenance)


def _episode_line(
    dataset: Dataset, row: int, labels: Mapping[int, EpisodeLabels]
) -> dict[str, Any]:
    meta = dataset.table[row]
    index = int(meta["episode_index"])
    known = dataset.episodes_meta.get(row, {})
    facts: dict[str, Any] = {
        "episode_index": index,
        "episode_id": f"episode-{index:06d}",
        "name": f"episode {index}",
        "length": int(meta["length"]),
        "task": next(iter(meta.get("tasks") or [""]), ""),
        "source": {},
        "scene": {},
    } | known
    # What was counted of the actions before says nothing of these.
    gone = ("frames_by_reason", "target_error_mm_median")
    before = {k: v for k, v in known.get("quality", {}).items() if k not in gone}
    return facts | {"quality": before | _counts([labels[index]])}


def _counts(labels: Sequence[EpisodeLabels]) -> dict[str, Any]:
    """How many rows there are, how many count, and why the others do not."""
    valid = np.concatenate([one.valid for one in labels])
    reason = np.concatenate([one.reason for one in labels])
    confidence = np.concatenate([one.confidence for one in labels])
    return count_rows(valid, reason).as_facts() | {
        "mean_confidence": round(float(confidence[valid].mean()), 4) if valid.any() else 0.0,
    }


def _ledger_line(row: Row) -> dict[str, Any]:
    return {k: getattr(row, k) for k in ("name", "status", "stage", "error", "message")} | {
        "retry": ""
    }


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, sort_keys=True, indent=1, allow_nan=False) + "\n")


def _write_lines(path: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line, sort_keys=True) + "\n" for line in lines))
