"""The Parquet tables of a LeRobot v3 dataset, read so that damage is one sentence."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.pipeline.datasets.info import NO_ROWS
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.files.paths import files_below
from rotoscope.pipeline.quoting import shown

_WRITE_AGAIN = "write the dataset again, or take another copy of it"


def read_episodes(root: Path, info: Mapping[str, Any]) -> list[dict[str, Any]]:
    """`meta/episodes`, one mapping an episode without statistics, in order of their index.

    Raises:
        DatasetError: There is none, a file is damaged, or an episode lacks what it is found by.
    """
    cameras = [k for k, f in info["features"].items() if f["dtype"] == "video"]
    whole = ["episode_index", "data/chunk_index", "data/file_index"]
    whole += [f"videos/{camera}/{n}" for camera in cameras for n in ("chunk_index", "file_index")]
    times = [f"videos/{camera}/from_timestamp" for camera in cameras]
    rows: list[dict[str, Any]] = []
    for file in files_below(root, "meta/episodes", ".parquet", what="the file"):
        for row in _table(file, without="stats/").to_pylist():
            for key in whole:
                _check_number(file, row, key, is_whole=True)
            for key in times:
                _check_number(file, row, key, is_whole=False)
            rows.append(row)
    if not rows:
        raise DatasetError(f"{root / 'meta' / 'episodes'} names no episodes; {_WRITE_AGAIN}")
    rows.sort(key=lambda row: row["episode_index"])
    for one, other in itertools.pairwise(row["episode_index"] for row in rows):
        if one == other:
            raise DatasetError(f"{root / 'meta' / 'episodes'} names episode {one} twice")
    return rows


def read_rows(
    path: Path, episode: int, features: Mapping[str, Mapping[str, Any]]
) -> dict[str, np.ndarray]:
    """The rows of one episode in a data file, by column.

    Raises:
        DatasetError: The file is damaged, or lacks what the features declare.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        found = pq.read_table(path, filters=[("episode_index", "=", episode)])
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path, error) from error
    if found.num_rows == 0:
        raise DatasetError(f"{path} holds no rows of episode {episode}; {_WRITE_AGAIN}")
    there = set(found.column_names)
    missing = [k for k, f in features.items() if f["dtype"] != "video" and k not in there]
    if missing:
        raise DatasetError(f"{path} has no column {missing[0]!r}; {_WRITE_AGAIN}")
    return {
        name: _array(found[name].to_pylist(), features.get(name), f"{path}: column {name!r}")
        for name in found.column_names
    }


def _table(path: Path, *, without: str) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            names = [n for n in file.schema_arrow.names if not n.startswith(without)]
            return file.read(columns=names)
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path, error) from error


def _array(values: list[Any], facts: Mapping[str, Any] | None, source: str) -> np.ndarray:
    """The values of a column; for a feature of numbers, of its shape."""
    try:
        found = np.array(values)
    except ValueError as error:  # lists of several lengths
        raise DatasetError(f"{source} holds rows of several lengths; {_WRITE_AGAIN}") from error
    if facts is None or facts["dtype"] in NO_ROWS:
        return found
    wanted = tuple(facts["shape"])
    fits = found.shape[1:] == wanted or (wanted == (1,) and found.ndim == 1)
    if found.dtype.kind not in "fiub" or not fits:
        raise DatasetError(
            f"{source} is not {' x '.join(map(str, wanted))} numbers in every row; {_WRITE_AGAIN}"
        )
    return found


def _check_number(file: Path, row: Mapping[str, Any], key: str, *, is_whole: bool) -> None:
    value = row.get(key)
    is_number = isinstance(value, int if is_whole else int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value or 0) or (value or 0) < 0:
        raise DatasetError(
            f"{file}: {key!r} is {shown(value)} in episode {shown(row.get('episode_index'))}, a "
            f"{'whole ' if is_whole else ''}number from 0 is wanted; {_WRITE_AGAIN}"
        )


def _damaged(path: Path, error: Exception) -> DatasetError:
    what = (str(error).splitlines() or [type(error).__name__])[0]
    return DatasetError(f"{path} cannot be read ({what}); {_WRITE_AGAIN}")
