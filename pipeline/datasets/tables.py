"""The Parquet tables of a LeRobot v3 dataset, read so that damage is one sentence."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.datasets.info import NO_ROWS
from rotoscope.pipeline.datasets.layout import episode_files
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.quoting import shown

_WRITE_AGAIN = "write the dataset again, or take another copy of it"


def read_table(path: Path, *, columns: Sequence[str] = (), episode: int | None = None) -> Any:
    """A Parquet file as an Arrow table.

    Args:
        path: The file.
        columns: Only these; all where none are named.
        episode: Only rows of this `episode_index`.

    Raises:
        DatasetError: The file is damaged, or lacks a column that is named.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if episode is not None:
            return pq.read_table(path, filters=[("episode_index", "=", episode)])
        with pq.ParquetFile(path) as file:
            found = file.read(columns=list(columns) or None)
    except (OSError, pa.ArrowException) as error:
        what = (str(error).splitlines() or [type(error).__name__])[0]
        raise DatasetError(f"{path} cannot be read ({what}); {_WRITE_AGAIN}") from error
    for name in columns:
        if name not in found.column_names:
            raise DatasetError(f"{path} has no column {name!r}; {_WRITE_AGAIN}")
    return found


def read_episodes(
    root: Path, info: Mapping[str, Any], *, with_statistics: bool = False
) -> list[dict[str, Any]]:
    """`meta/episodes`, one mapping an episode, in order of their index.

    Statistics are most of it: they are left out unless they are asked for.

    Raises:
        DatasetError: There is none, a file is damaged, or an episode lacks what it is found by.
    """
    cameras = [k for k, f in info["features"].items() if f["dtype"] == "video"]
    whole = ["episode_index", "data/chunk_index", "data/file_index"]
    whole += [f"videos/{camera}/{n}" for camera in cameras for n in ("chunk_index", "file_index")]
    times = [f"videos/{camera}/from_timestamp" for camera in cameras]
    rows: list[dict[str, Any]] = []
    for file in episode_files(root):
        table = read_table(file)
        if not with_statistics:
            table = table.select([n for n in table.column_names if not n.startswith("stats/")])
        for row in table.to_pylist():
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
    """The rows of one episode in a data file, by column; LeRobot's language columns aside.

    Raises:
        DatasetError: The file is damaged, or lacks what the features declare.
    """
    found = read_table(path, episode=episode)
    if found.num_rows == 0:
        raise DatasetError(f"{path} holds no rows of episode {episode}; {_WRITE_AGAIN}")
    there = set(found.column_names)
    missing = [k for k, f in features.items() if f["dtype"] != "video" and k not in there]
    if missing:
        raise DatasetError(f"{path} has no column {missing[0]!r}; {_WRITE_AGAIN}")
    return {
        name: _array(found[name].to_pylist(), features.get(name), f"{path}: column {name!r}")
        for name in found.column_names
        if (features.get(name) or {}).get("dtype") != "language"
    }


def read_tasks(path: Path) -> dict[int, str]:
    """The texts of `meta/tasks.parquet` by `task_index`.

    Raises:
        DatasetError: The file is damaged or lacks them.
    """
    table = read_table(path)
    texts = [field.name for field in table.schema if str(field.type) in ("string", "large_string")]
    if not texts or "task_index" not in table.column_names:
        raise DatasetError(f"{path} holds no texts with their task_index; {_WRITE_AGAIN}")
    numbers = table["task_index"].to_pylist()
    return dict(zip(map(int, numbers), table[texts[0]].to_pylist(), strict=True))


def read_times(
    files: Iterable[Path], episodes: Iterable[Mapping[str, Any]]
) -> dict[int, Float[np.ndarray, " row"]]:
    """The time of each row since its episode began [s], by episode index.

    Args:
        files: All data files.
        episodes: Rows of `meta/episodes`.

    Raises:
        DatasetError: A file is damaged, or rows are missing.
    """
    parts: dict[int, list[tuple[int, float]]] = defaultdict(list)
    names = ["episode_index", "frame_index", "timestamp"]
    for file in files:
        table = read_table(file, columns=names)
        for episode, frame, time_s in zip(*(table[n].to_pylist() for n in names), strict=True):
            parts[int(episode)].append((int(frame), float(time_s)))
    out = {}
    for meta in episodes:
        index, length = int(meta["episode_index"]), int(meta["length"])
        rows = sorted(parts.get(index, []))
        if not rows or [frame for frame, _ in rows] != list(range(length)):
            raise DatasetError(
                f"episode {index}: meta/episodes says {length} rows, the data hold {len(rows)}, or "
                "their frame_index has gaps; rotoscope doctor says more"
            )
        out[index] = np.array([time_s for _, time_s in rows])
    return out


def _array(values: list[Any], facts: Mapping[str, Any] | None, source: str) -> np.ndarray:
    """The values of a column; for a feature of numbers, of its shape."""
    if facts is not None and facts["dtype"] == "string":
        # Not an array of texts, in which every row is as long as the longest.
        return np.array(values, dtype=object)
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
