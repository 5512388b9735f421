"""Phases and traces in LeRobot's language columns (lerobot 0.6.1, `datasets/language.py`).

`language_persistent` holds, in every row, all of its episode's `subtask` lines with the time from
which each holds; `language_events` holds the `trace` of points that begins at a row. LeRobot's own
writer drops such columns, so they are added to a finished dataset. Rows that are not valid say
nothing: no phase begins or ends by them, and no trace goes through them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float

from rotoscope.pipeline.datasets.layout import data_files
from rotoscope.pipeline.datasets.phases import GRASP, Phase, phases_of, valid_rows
from rotoscope.pipeline.datasets.read import Dataset
from rotoscope.pipeline.errors import DatasetError, quoted
from rotoscope.pipeline.export.added_columns import copy_files
from rotoscope.pipeline.export.replacing import dataset_folder
from rotoscope.pipeline.export.rewrite_rows import rewrite_rows, with_column

PERSISTENT, EVENTS = "language_persistent", "language_events"
POINTS = "track.points"
_TEXTS = [
    pa.field("role", pa.string(), nullable=False),
    pa.field("content", pa.string()),
    pa.field("style", pa.string()),
]
_REST = [pa.field("camera", pa.string()), pa.field("tool_calls", pa.list_(pa.string()))]
_EVENT = pa.struct([*_TEXTS, *_REST])
_PERSISTENT = pa.struct([*_TEXTS, pa.field("timestamp", pa.float32(), nullable=False), *_REST])


def trace(
    points: Float[np.ndarray, "row number"], names: Sequence[str], start: int, end: int
) -> str:
    """JSON of where points are seen over some rows, as shares of the picture's width and height."""
    labels = [name.removesuffix(".x") for name in names[::2]]
    rows = points[start:end].reshape(end - start, -1, 2)
    found = [
        {
            "label": label,
            "point_format": "xy",
            "points": [
                [round(float(x), 4) for x in point] for point in rows[:, i] if _known(point)
            ],
        }
        for i, label in enumerate(labels)
    ]
    return json.dumps({"traces": found})


def _known(point: np.ndarray) -> bool:
    return bool(np.isfinite(point).all())


def write_with_language(dataset: Dataset, out: Path) -> dict[int, list[Phase]]:
    """A copy of a dataset with both language columns, whole or not at all; videos byte for byte.

    Phases come from `track.grasp`; each phase's trace, where `track.points` is there, from that;
    both from rows that are valid.

    Returns:
        The phases by episode.

    Raises:
        DatasetError: The dataset does not say when something is held.
    """
    if GRASP not in dataset.info["features"]:
        raise DatasetError(
            f"{dataset.root} has no column {GRASP}, which says when something is held; it has "
            f"{quoted(dataset.info['features'])}. Recipes with the stage retarget.gripper give it"
        )
    names = list((dataset.info["features"].get(POINTS) or {}).get("names") or ())
    camera = next(
        (n for n, f in dataset.info["features"].items() if f["dtype"] in ("video", "image")), None
    )
    found: dict[int, list[Phase]] = {}
    events: dict[int, dict[int, str]] = {}
    for index in range(len(dataset)):
        episode = dataset[index]
        found[index] = phases_of(episode, dataset.fps)
        if names and camera:
            points = np.array(episode.columns[POINTS], float)
            points[~valid_rows(episode)] = np.nan
            ends = [*(p.start for p in found[index][1:]), episode.num_rows]
            events[index] = {
                phase.start: trace(points, names, phase.start, end)
                for phase, end in zip(found[index], ends, strict=True)
            }
    with dataset_folder(out) as root:
        copy_files(dataset.root, root)
        add_language(root, found, events, camera=camera, fps=dataset.fps)
    return found


def add_language(
    root: Path,
    found: Mapping[int, Sequence[Phase]],
    events: Mapping[int, Mapping[int, str]],
    *,
    camera: str | None,
    fps: float,
) -> None:
    """Adds both language columns to a dataset that is being written.

    Args:
        root: Its folder.
        found: What is done, by episode index.
        events: Texts by episode index and row.
        camera: What the texts are about.
        fps: Rows per second.
    """
    for file in data_files(root):
        part = file.with_name(f".{file.name}")
        _write_data(file, part, found, events, camera, fps)
        part.replace(file)
    path = root / "meta" / "info.json"
    info = json.loads(path.read_text(encoding="utf-8"))
    for name in (PERSISTENT, EVENTS):
        info["features"][name] = {"dtype": "language", "shape": [1], "names": None}
    path.write_text(json.dumps(info, indent=4) + "\n", encoding="utf-8")


def _write_data(
    source: Path,
    target: Path,
    found: Mapping[int, Sequence[Phase]],
    events: Mapping[int, Mapping[int, str]],
    camera: str | None,
    fps: float,
) -> None:
    def change(table: pa.Table) -> pa.Table:
        rows = list(
            zip(table["episode_index"].to_pylist(), table["frame_index"].to_pylist(), strict=True)
        )
        lasting = [[_lasting(phase, fps) for phase in found[episode]] for episode, _ in rows]
        begun = [_begun(events.get(episode, {}).get(row), camera) for episode, row in rows]
        table = with_column(table, PERSISTENT, pa.array(lasting, pa.list_(_PERSISTENT)))
        table = with_column(table, EVENTS, pa.array(begun, pa.list_(_EVENT)))
        # The library's own list of features knows no such column; without it types are read.
        metadata = {k: v for k, v in (table.schema.metadata or {}).items() if k != b"huggingface"}
        return table.replace_schema_metadata(metadata)

    rewrite_rows(source, target, change)


def _lasting(phase: Phase, fps: float) -> dict[str, Any]:
    return {
        "role": "assistant",
        "content": phase.text,
        "style": "subtask",
        "timestamp": phase.start / fps,
        "camera": None,
        "tool_calls": None,
    }


def _begun(content: str | None, camera: str | None) -> list[dict[str, Any]]:
    if content is None:
        return []
    return [
        {
            "role": "assistant",
            "content": content,
            "style": "trace",
            "camera": camera,
            "tool_calls": None,
        }
    ]
