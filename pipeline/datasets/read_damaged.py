"""A written LeRobot v3 dataset as it lies there, read with pyarrow alone, faults and all."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Bool, Float, Shaped

from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.datasets.columns import check_columns
from rotoscope.pipeline.datasets.info import NO_ROWS, names_of, read_info
from rotoscope.pipeline.datasets.read import data_file, video_file
from rotoscope.pipeline.datasets.sidecars import read_sidecar
from rotoscope.pipeline.datasets.tables import read_episodes
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.files.paths import files_below, inside
from rotoscope.pipeline.files.plain import mapping, read_json

CLOCK = ("timestamp", "frame_index", "episode_index", "index", "task_index")
"""Columns that every LeRobot dataset has."""


@dataclass(frozen=True)
class Span:
    """The rows of one episode."""

    episode: int
    """Its `episode_index`."""
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
class Written:
    """What could be read of a dataset."""

    root: Path
    """Its folder."""
    info: dict[str, Any]
    """`meta/info.json`."""
    stats: dict[str, Any]
    """`meta/stats.json`; empty where there is none."""
    episodes: dict[int, dict[str, Any]]
    """`meta/episodes` by episode index."""
    columns: dict[str, np.ndarray]
    """Numeric features in the order of the data files, shape (rows, n)."""
    num_tasks: int
    """Texts in `meta/tasks.parquet`."""
    contract: ActionContract | None
    """`meta/rotoscope/contract.json`."""
    described: dict[str, Any]
    """`meta/rotoscope/features.json`; empty where there is none."""
    is_ours: bool
    """Whether there is a `meta/rotoscope`."""
    held: dict[Path, frozenset[int]]
    """Episodes whose rows each data file holds."""
    problems: tuple[str, ...]
    """What could not be read."""

    @property
    def fps(self) -> float:
        """Rows per second."""
        return float(self.info["fps"])

    @property
    def video_keys(self) -> list[str]:
        """Features that are videos."""
        return [k for k, f in self.info["features"].items() if f["dtype"] == "video"]

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

    def names(self, feature: str) -> list[str]:
        """Names of a feature's numbers, made up where there are none."""
        return names_of(self.info, feature)

    def where(self, row: int) -> str:
        """`episode e frame f` of a row."""
        return f"episode {self.clock('episode_index')[row]} frame {self.clock('frame_index')[row]}"

    def data_file(self, episode: int) -> Path:
        """The file that is said to hold an episode's rows."""
        return data_file(self.root, self.info, self.episodes[episode])

    def video_file(self, key: str, episode: int) -> Path:
        """The file that holds an episode's frames."""
        return video_file(self.root, self.info, key, self.episodes[episode])


def read_dataset(root: Path) -> Written:
    """Reads whatever can be read.

    Raises:
        DatasetError: The folder holds no LeRobot v3 dataset at all, or its files lie elsewhere.
    """
    info = read_info(root)
    problems: list[str] = []
    widths = {
        name: int(facts["shape"][0])
        for name, facts in info["features"].items()
        if facts["dtype"] not in NO_ROWS and len(facts["shape"]) == 1
    }
    columns, held = _columns(root, info["features"], widths, problems)
    folder = inside(root, "meta/rotoscope", what="the folder")
    contract_path = inside(root, "meta/rotoscope/contract.json", what="the file")
    # A dataset of another tool that only got tracks has a `meta/rotoscope` without a contract.
    contract = _contract(contract_path, problems) if contract_path.is_file() else None
    return Written(
        root=root,
        info=info,
        stats=_json(inside(root, "meta/stats.json", what="the file"), problems),
        episodes=_episodes(root, info, problems),
        columns=columns,
        num_tasks=_num_tasks(inside(root, "meta/tasks.parquet", what="the file"), problems),
        contract=contract,
        described=_described(inside(root, "meta/rotoscope/features.json", what="the file")),
        is_ours=folder.is_dir(),
        held=held,
        problems=tuple(problems),
    )


def _described(path: Path) -> dict[str, Any]:
    """What the features are said to be; nothing depends on it but wording, so faults are mild."""
    try:
        return read_sidecar(path)
    except DatasetError:
        return {}


def _columns(
    root: Path, features: dict[str, Any], widths: dict[str, int], problems: list[str]
) -> tuple[dict[str, np.ndarray], dict[Path, frozenset[int]]]:
    """Numbers by feature, and which episodes each file holds."""
    files = files_below(root, "data", ".parquet", what="the file")
    if not files:
        problems.append("data/ holds no parquet file")
    read = [(file, table) for file in files for table in _tables([file], problems)]
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


def _tables(files: Iterable[Path], problems: list[str]) -> Iterator[pa.Table]:
    for file in files:
        try:
            with pq.ParquetFile(file) as opened:
                table = opened.read()
        except (OSError, pa.ArrowException) as error:
            first = (str(error).splitlines() or [type(error).__name__])[0]
            problems.append(f"{file.name} under {file.parent} cannot be read ({first})")
        else:
            yield table


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


def _num_tasks(path: Path, problems: list[str]) -> int:
    """How many texts `meta/tasks.parquet` holds."""
    num = 0
    for table in _tables([path], problems):
        num += len(table)
        if "task_index" not in table.column_names:
            problems.append(f"{path.name} has no column 'task_index'")
        elif table["task_index"].to_pylist() != list(range(len(table))):
            problems.append(f"{path.name}: task_index does not count from 0 to {len(table) - 1}")
    return num


def _episodes(root: Path, info: dict[str, Any], problems: list[str]) -> dict[int, dict[str, Any]]:
    try:
        read_episodes(root, info)
    except DatasetError as error:
        problems.append(str(error))
        return {}
    files = files_below(root, "meta/episodes", ".parquet", what="the file")
    rows = [row for table in _tables(files, problems) for row in table.to_pylist()]
    return {int(row["episode_index"]): row for row in rows}


def _json(path: Path, problems: list[str]) -> dict[str, Any]:
    try:
        found = read_json(path, error=DatasetError)
        return mapping(found, source=str(path), error=DatasetError)
    except DatasetError as error:
        problems.append(f"{path.name} cannot be read ({error})")
        return {}


def _contract(path: Path, problems: list[str]) -> ActionContract | None:
    try:
        return ActionContract.model_validate(read_sidecar(path))
    except DatasetError as error:
        problems.append(f"meta/rotoscope/contract.json cannot be read ({error})")
        return None
