"""A dataset once more, whoever wrote it, with columns added and all else as it was."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rotoscope.pipeline.datasets.layout import episode_files
from rotoscope.pipeline.datasets.read import Dataset
from rotoscope.pipeline.export.facts import described_metadata, restate_facts
from rotoscope.pipeline.export.replacing import dataset_folder
from rotoscope.pipeline.export.rewrite_rows import rewrite_rows, with_column
from rotoscope.pipeline.export.sidecar import FOLDER
from rotoscope.pipeline.export.stored_episode import FeatureFacts
from rotoscope.pipeline.files.paths import walk

QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}
"""The ones that LeRobot stores."""


@dataclass(frozen=True, eq=False)
class AddedColumn:
    """A column that a dataset gains."""

    facts: FeatureFacts
    """Names, type, unit and description of its numbers."""
    values: Mapping[int, np.ndarray]
    """By episode index, shape (row, number), in the type that `facts` says."""


def write_with_columns(
    dataset: Dataset,
    columns: Mapping[str, AddedColumn],
    out: Path,
    *,
    provenance: Mapping[str, Any],
    finish: Callable[[Path], None] = lambda root: None,
) -> None:
    """Writes a copy of a dataset with columns added; it appears whole or not at all.

    Videos are copied byte for byte. Links would be smaller, but LeRobot writes on into a video's
    file when episodes are added, and would change both datasets. Columns of the same name are
    replaced. Statistics of columns that hold NaN are NaN in `meta/episodes` and left out of
    `meta/stats.json`, as everywhere.

    Args:
        dataset: What to copy.
        columns: What to add, by name; values for every episode.
        out: Where it appears; a dataset that is there is replaced, what is not ours is kept.
        provenance: Becomes `meta/rotoscope/provenance.json`.
        finish: Given the written folder before it appears, to change what else it says.

    Raises:
        DatasetError: A file of the dataset is a link that leads out of it.
        DatasetError: A file of the dataset at `out` was edited, or the user's are in the way.
        DiskFullError: No space is left; what `out` held before is untouched.
    """
    with dataset_folder(out) as root:
        copy_files(dataset.root, root)
        for file in dataset.data_files():
            _write_data(file, root / file.relative_to(dataset.root), columns)
        for file in episode_files(dataset.root):
            _write_episodes(file, root / file.relative_to(dataset.root), columns)
        _write_info(dataset, root, columns)
        _write_statistics(root / "meta" / "stats.json", columns)
        _write_sidecar(dataset, root, columns, provenance)
        finish(root)
        restate_facts(root)


def copy_files(source: Path, target: Path) -> None:
    """All files but hidden ones, such as a download's own; links become files.

    Raises:
        DatasetError: One of them lies outside of the dataset.
    """
    for file in walk(source, ".", what="the file"):
        place = target / file.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)


def _write_data(source: Path, target: Path, columns: Mapping[str, AddedColumn]) -> None:
    """One file of rows."""
    facts = {name: column.facts for name, column in columns.items()}

    def change(table: pa.Table) -> pa.Table:
        for name, column in columns.items():
            table = with_column(table, name, cells_of(table, column))
        return table.replace_schema_metadata(described_metadata(table.schema.metadata, facts))

    rewrite_rows(source, target, change)


def cells_of(table: pa.Table, column: AddedColumn) -> pa.Array:
    """A column's values in the order of a table's rows."""
    facts = column.facts
    episodes, rows = (np.array(table[n].to_pylist()) for n in ("episode_index", "frame_index"))
    size = len(facts.names)
    values = np.empty((len(rows), size), facts.dtype)
    for episode in np.unique(episodes):
        mask = episodes == episode
        values[mask] = column.values[int(episode)][rows[mask]]
    flat = pa.array(values.ravel())
    return flat if size == 1 else pa.FixedSizeListArray.from_arrays(flat, size)


def _write_episodes(source: Path, target: Path, columns: Mapping[str, AddedColumn]) -> None:
    table = pq.ParquetFile(source).read()
    episodes = table["episode_index"].to_pylist()
    for name, column in columns.items():
        found = [statistics(column.values[index]) for index in episodes]
        for key in found[0] if found else ():
            label = f"stats/{name}/{key}"
            if label in table.column_names:
                table = table.drop_columns([label])
            kind = pa.list_(pa.int64() if key == "count" else pa.float64())
            table = table.append_column(label, pa.array([s[key] for s in found], kind))
    pq.write_table(table, target, compression="snappy")


def statistics(values: np.ndarray) -> dict[str, list[float]]:
    """What LeRobot stores of a column, each number by itself; NaN where one is not known.

    Args:
        values: Shape (row, number).
    """
    numbers = values.astype(float)
    found = {
        "min": numbers.min(0),
        "max": numbers.max(0),
        "mean": numbers.mean(0),
        "std": numbers.std(0),
    } | {key: np.quantile(numbers, share, axis=0) for key, share in QUANTILES.items()}
    return {key: value.tolist() for key, value in found.items()} | {"count": [len(values)]}


def _write_info(dataset: Dataset, root: Path, columns: Mapping[str, AddedColumn]) -> None:
    info = copy.deepcopy(dataset.info)
    for name, column in columns.items():
        names = list(column.facts.names)
        info["features"][name] = {
            "dtype": column.facts.dtype,
            "shape": [len(names)],
            "names": names,
        }
    _write(root / "meta" / "info.json", info)


def _write_statistics(path: Path, columns: Mapping[str, AddedColumn]) -> None:
    if not path.is_file():
        return
    stats = json.loads(path.read_text())
    for name, column in columns.items():
        stats.pop(name, None)
        whole = np.concatenate(list(column.values.values()))
        if np.isfinite(whole).all():
            stats[name] = statistics(whole)
    _write(path, stats)


def _write_sidecar(
    dataset: Dataset,
    root: Path,
    columns: Mapping[str, AddedColumn],
    provenance: Mapping[str, Any],
) -> None:
    (root / FOLDER).mkdir(parents=True, exist_ok=True)
    described = dataset.rotoscope("features.json") | {
        name: {
            "names": list(column.facts.names),
            "unit": column.facts.unit,
            "description": column.facts.description,
        }
        for name, column in columns.items()
    }
    _write(root / FOLDER / "features.json", described)
    _write(root / FOLDER / "provenance.json", provenance)


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=4) + "\n", encoding="utf-8")
