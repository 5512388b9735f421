"""What a dataset of pieces says of itself: where each comes from, and what made it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope import __version__
from rotoscope.pipeline.datasets.facts import EpisodeFacts
from rotoscope.pipeline.datasets.info import NO_ROWS
from rotoscope.pipeline.datasets.read import Dataset
from rotoscope.pipeline.datasets.said import episode_facts
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.export.added_columns import AddedColumn
from rotoscope.pipeline.export.facts import write_texts
from rotoscope.pipeline.export.rebuild import rebuild
from rotoscope.pipeline.export.schema import LABELS
from rotoscope.pipeline.export.sidecar import FOLDER
from rotoscope.pipeline.tracks import count_rows

MADE = "made"
"""Key in the provenance of an episode: what was done to it after it was labeled, in order."""
Span = tuple[int, int, int]
"""Episode index in the dataset that it is taken from, first row, row after the last one."""


def made_by(command: str) -> dict[str, Any]:
    """What a command says of itself in what it writes."""
    return {"tool": command, "rotoscope": __version__}


def check_pieces_out(read: Sequence[Path], out: Path, *, record: str, command: str) -> None:
    """Checks that pieces of datasets can be written at `out`.

    Args:
        read: Datasets that are read.
        out: Where to.
        record: File below `meta` of datasets that the command wrote, which it replaces.
        command: Its name.

    Raises:
        UsageError: It is one of the datasets itself, or holds something else.
    """
    there = Path(os.path.realpath(out))
    for data in read:
        source = Path(os.path.realpath(data))
        if there == source or source in there.parents or there in source.parents:
            raise UsageError(
                f"--out {out} is {data} itself, or one lies in the other; the dataset is left as "
                "it is: name another folder"
            )
    is_free = not there.exists() or (there.is_dir() and not any(there.iterdir()))
    if not is_free and not (there / "meta" / record).is_file():
        raise UsageError(
            f"{out} exists and was not written by rotoscope {command}; name another --out or move "
            "it away"
        )


def say_pieces(
    dataset: Dataset,
    root: Path,
    spans: Sequence[Span],
    columns: Mapping[str, AddedColumn],
    made: Mapping[str, Any],
) -> None:
    """Writes `meta/rotoscope`, columns of text and card of a dataset of pieces.

    Of a dataset of another tool, only what the new columns are and what made them.

    Args:
        dataset: What the pieces are taken from.
        root: The folder that is written, tables and all else done.
        spans: The pieces, in order.
        columns: Columns that were added.
        made: JSON facts about what made it.
    """
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    described = dataset.rotoscope("features.json") | {
        name: {
            "names": list(column.facts.names),
            "unit": column.facts.unit,
            "description": column.facts.description,
        }
        for name, column in columns.items()
    }
    _write(folder / "features.json", described)
    facts = episode_facts(dataset)
    # What was counted of the whole says nothing of these.
    for name in ("quality.json", "replay.jsonl"):
        (folder / name).unlink(missing_ok=True)
    if not all(span[0] in facts for span in spans):
        (folder / "episodes.jsonl").unlink(missing_ok=True)
        _write(folder / "provenance.json", {MADE: [made]})
        return
    said = {n: _facts(dataset, facts[span[0]], span, made) for n, span in enumerate(spans)}
    write_texts(root, said)
    if _is_ours(dataset):
        rebuild(root)
        return
    lines = [_line(dataset, one, spans[n], n) for n, one in said.items()]
    (folder / "episodes.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    before = dataset.rotoscope("provenance.json")
    _write(folder / "provenance.json", before | {MADE: [*before.get(MADE, []), made]})


def _is_ours(dataset: Dataset) -> bool:
    """Whether card and sidecars can be written as those of every dataset of ours are."""
    features = dataset.info["features"]
    numbers = {"float32", "bool", "int64", "string"}
    is_plain = all(f["dtype"] in {*NO_ROWS, *numbers} - {"language"} for f in features.values())
    pictures = [name for name, f in features.items() if f["dtype"] in ("video", "image")]
    has_labels = all(name in features for name in LABELS)
    return bool(dataset.rotoscope("contract.json")) and has_labels and is_plain and (
        len(pictures) <= 1
    )  # fmt: skip


def _facts(
    dataset: Dataset, facts: EpisodeFacts, span: Span, made: Mapping[str, Any]
) -> EpisodeFacts:
    """Where a piece comes from: where its episode does, and which rows of it."""
    episode, start, end = span
    number = next(n for n, row in enumerate(dataset.table) if int(row["episode_index"]) == episode)
    length = int(dataset.table[number]["length"])
    line = dict(facts.line)
    source, quality = dict(line.get("source") or {}), dict(line.get("quality") or {})
    if (start, end) != (0, length):
        line["episode_id"] = f"{line.get('episode_id') or f'episode-{episode:06d}'}-{start:06d}"
        source |= _part_of(source, start, end, length, dataset.fps)
        quality |= _counts(dataset, number, start, end)
    source["rows_of_episode"] = [episode, start, end]
    provenance = dict(facts.provenance)
    provenance[MADE] = [*provenance.get(MADE, []), dict(made)]
    return EpisodeFacts(line | {"source": source, "quality": quality}, provenance)


def _part_of(
    source: Mapping[str, Any], start: int, end: int, length: int, fps: float
) -> dict[str, Any]:
    """Frames and times of the source video that a part of an episode shows."""
    out: dict[str, Any] = {}
    if source.get("start_s") is not None:
        out["start_s"] = round(float(source["start_s"]) + start / fps, 6)
    first, last = source.get("first_frame"), source.get("end_frame")
    if first is not None and last is not None:
        per_row = (last - first) / length
        out |= {
            "first_frame": first + round(start * per_row),
            "end_frame": first + round(end * per_row),
        }
    return out


def _counts(dataset: Dataset, number: int, start: int, end: int) -> dict[str, Any]:
    columns = dataset.episode(number).columns
    valid, reason = (columns.get(name) for name in ("label.valid", "label.reason"))
    if valid is None:
        return {}
    counted = count_rows(
        np.asarray(valid, bool)[start:end], None if reason is None else reason[start:end]
    )
    return dict(counted.as_facts())


def _line(dataset: Dataset, facts: EpisodeFacts, span: Span, number: int) -> dict[str, Any]:
    row = next(r for r in dataset.table if int(r["episode_index"]) == span[0])
    task = next(iter(row.get("tasks") or [""]), "")
    return dict(facts.line) | {
        "episode_index": number,
        "length": span[2] - span[1],
        "task": task,
        "provenance": facts.digest,
    }


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, sort_keys=True, indent=1, allow_nan=False) + "\n")
