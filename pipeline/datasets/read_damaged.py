"""A written LeRobot v3 dataset as it lies there, read with pyarrow alone, faults and all."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Shaped

from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.datasets.columns import check_columns
from rotoscope.pipeline.datasets.info import NO_ROWS, read_info
from rotoscope.pipeline.datasets.layout import Layout, data_files, meta_file
from rotoscope.pipeline.datasets.said import CONTRACT, FEATURES, said
from rotoscope.pipeline.datasets.tables import read_episodes, read_table
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.files.plain import mapping, read_json
from rotoscope.pipeline.tracks import RowCount, count_rows

CLOCK = ("timestamp", "frame_index", "episode_index", "index", "task_index")
"""Columns that every LeRobot dataset has."""
_CONTRACT = "meta/rotoscope/contract.json"


@dataclass(frozen=True)
class Span:
    """The rows of one episode."""

    episode: int
    """`episode_index` of the rows."""
    start: int
    """First row in the dataset's arrays."""
    end: int
    """One past the last."""

    @property
    def rows(self) -> slice:
        """The rows as a slice."""
        return slice(self.start, self.end)

    @property
    def length(self) -> int:
        """Number of rows."""
        return self.end - self.start


@dataclass(frozen=True, eq=False)
class RawDataset(Layout):
    """A dataset as far as it could be read, with the problems that came up."""

    table: dict[int, dict[str, Any]]
    """`meta/episodes` by episode index, statistics included; empty where it is damaged."""
    stats: dict[str, Any]
    """`meta/stats.json`; empty where there is none."""
    columns: dict[str, np.ndarray]
    """Numeric features in the order of the data files, shape (rows, n)."""
    num_tasks: int
    """Texts in `meta/tasks.parquet`."""
    contract: ActionContract | None
    """`meta/rotoscope/contract.json`."""
    described: dict[str, Any]
    """`meta/rotoscope/features.json`; empty where there is none."""
    held: dict[Path, frozenset[int]]
    """Episodes whose rows each data file holds."""
    problems: tuple[str, ...]
    """Sentences about what could not be read."""

    @property
    def num_rows(self) -> int:
        """Rows in the data files."""
        return len(self.columns["index"]) if "index" in self.columns else 0

    @property
    def spans(self) -> list[Span]:
        """Runs of equal `episode_index`, in the order of the data files."""
        episode = self.clock("episode_index")
        edges = np.flatnonzero(np.diff(episode)) + 1
        bounds = [0, *edges.tolist(), len(episode)]
        return [Span(int(episode[a]), a, b) for a, b in itertools.pairwise(bounds) if b > a]

    def clock(self, name: str) -> Shaped[np.ndarray, " row"]:
        """One of LeRobot's own columns."""
        return self.columns[name][:, 0]

    def flag(self, name: str) -> np.ndarray | None:
        """A column of single values, `None` where there is none."""
        values = self.columns.get(name)
        return None if values is None else values[:, 0]

    def vector(self, name: str) -> Float[np.ndarray, "row n"]:
        """A feature as float64; what is not finite is replaced by the last value that was."""
        values = self.columns[name].astype(float)
        known = np.isfinite(values)
        if known.all():
            return values
        last = np.maximum.accumulate(np.where(known, np.arange(len(values))[:, None], 0), axis=0)
        return np.nan_to_num(np.take_along_axis(values, last, axis=0), posinf=0.0, neginf=0.0)

    @property
    def valid(self) -> Bool[np.ndarray, " row"]:
        """`label.valid`; all rows where a dataset has no such column."""
        values = self.flag("label.valid")
        return np.ones(self.num_rows, bool) if values is None else values.astype(bool)

    def row_count(self, span: Span | None = None) -> RowCount:
        """How many rows of an episode, or of all, count, and why the others do not."""
        rows = slice(None) if span is None else span.rows
        reason = self.flag("label.reason")
        return count_rows(self.valid[rows], None if reason is None else reason[rows])

    def where(self, row: int) -> str:
        """`episode e frame f` of a row."""
        return f"episode {self.clock('episode_index')[row]} frame {self.clock('frame_index')[row]}"


def read_dataset(root: Path) -> RawDataset:
    """Reads whatever can be read.

    Raises:
        DatasetError: The folder holds no LeRobot v3 dataset at all, or its files lie elsewhere.
    """
    info = read_info(root)
    problems = _Problems()
    widths = {
        name: int(facts["shape"][0])
        for name, facts in info["features"].items()
        if facts["dtype"] not in NO_ROWS and len(facts["shape"]) == 1
    }
    columns, held = _columns(root, info["features"], widths, problems)
    stats = meta_file(root, "stats.json")
    table: dict[int, dict[str, Any]] = problems.collect(lambda: _episodes(root, info), {})
    layout = Layout(root, info, table)
    return RawDataset(
        root=root,
        info=info,
        table=table,
        stats=problems.collect(lambda: _json(stats), {}, "stats.json"),
        columns=columns,
        num_tasks=_num_tasks(meta_file(root, "tasks.parquet"), problems),
        # A dataset of another tool that only got tracks has a `meta/rotoscope` without a contract.
        contract=problems.collect(lambda: _contract(layout), None, _CONTRACT),
        # Nothing depends on it but wording, so its faults are no problems.
        described=_Problems().collect(lambda: said(layout, FEATURES), {}),
        held=held,
        problems=tuple(problems),
    )


class _Problems(list[str]):
    """What went wrong so far."""

    def collect[T](self, read: Callable[[], T], otherwise: T, name: str = "") -> T:
        """What `read` gives; where it raises, its sentence is kept and `otherwise` is given."""
        try:
            return read()
        except DatasetError as error:
            self.append(f"{name} cannot be read ({error})" if name else str(error))
            return otherwise


def _columns(
    root: Path, features: dict[str, Any], widths: dict[str, int], problems: _Problems
) -> tuple[dict[str, np.ndarray], dict[Path, frozenset[int]]]:
    """Numbers by feature, and which episodes each file holds."""
    files = data_files(root)
    if not files:
        problems.append("data/ holds no parquet file")
    read = [(file, table) for file in files if (table := _table(file, problems)) is not None]
    for file, table in read:
        check_columns(file.relative_to(root), table.schema, features, problems)
    tables = [table for _, table in read]
    held = {file: _episodes_in(table) for file, table in read}
    out = {}
    for name, width in widths.items():
        parts = [_array(t[name], width) for t in tables if name in t.column_names]
        whole = [part for part in parts if part is not None]
        if len(whole) == len(tables) and tables:
            out[name] = np.concatenate(whole)
        else:
            problems.append(f"column {name!r} is missing or is not {width} numbers in every row")
    return out, held


def _episodes_in(table: pa.Table) -> frozenset[int]:
    if "episode_index" not in table.column_names:
        return frozenset()
    return frozenset(v for v in table["episode_index"].unique().to_pylist() if isinstance(v, int))


def _table(file: Path, problems: _Problems) -> pa.Table | None:
    found: pa.Table | None = problems.collect(lambda: read_table(file), None)
    return found


def _array(column: pa.ChunkedArray, width: int) -> np.ndarray | None:
    """Values of shape (rows, width), `None` where a row has another width or is no number."""
    flat = column.combine_chunks()
    if pa.types.is_list(flat.type) or pa.types.is_fixed_size_list(flat.type):
        flat = flat.flatten()
    kind = flat.type
    if pa.types.is_floating(kind):
        flat = flat.fill_null(float("nan")) if flat.null_count else flat
    elif not (pa.types.is_integer(kind) or pa.types.is_boolean(kind)) or flat.null_count:
        return None
    if len(flat) != len(column) * width:
        return None
    # Not `to_numpy`: it imports pandas, which takes longer than all the rest.
    if pa.types.is_boolean(kind):
        return np.from_dlpack(flat.cast(pa.uint8())).astype(bool).reshape(-1, width)
    return np.from_dlpack(flat).reshape(-1, width)


def _num_tasks(path: Path, problems: _Problems) -> int:
    """How many texts `meta/tasks.parquet` holds."""
    table = _table(path, problems)
    if table is None:
        return 0
    if "task_index" not in table.column_names:
        problems.append(f"{path.name} has no column 'task_index'")
    elif table["task_index"].to_pylist() != list(range(len(table))):
        problems.append(f"{path.name}: task_index does not count from 0 to {len(table) - 1}")
    return len(table)


def _episodes(root: Path, info: dict[str, Any]) -> dict[int, dict[str, Any]]:
    return {row["episode_index"]: row for row in read_episodes(root, info, with_statistics=True)}


def _json(path: Path) -> dict[str, Any]:
    return mapping(read_json(path, error=DatasetError), source=str(path), error=DatasetError)


def _contract(layout: Layout) -> ActionContract | None:
    found = said(layout, CONTRACT)
    return ActionContract.model_validate(found) if found else None
