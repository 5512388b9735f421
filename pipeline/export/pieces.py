"""Stretches of a dataset's episodes as a dataset of their own, whoever wrote it.

Videos stay byte for byte as they are, however many cameras there are: LeRobot v3 keeps many
episodes in one video and says of each when it begins, so that an episode that is left out, or cut
in two, is a matter of the tables alone. Videos of which no episode is left are not copied.
"""

from __future__ import annotations

import copy
import itertools
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Int

from rotoscope.pipeline.datasets.layout import episode_files
from rotoscope.pipeline.datasets.read import Dataset
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.export.added_columns import AddedColumn, cells_of
from rotoscope.pipeline.export.facts import described_metadata, restate_facts
from rotoscope.pipeline.export.pieces_said import say_pieces
from rotoscope.pipeline.export.pieces_statistics import PieceStatistics, joined_statistics
from rotoscope.pipeline.export.replacing import dataset_folder
from rotoscope.pipeline.export.rewrite_rows import rewrite_rows, with_column
from rotoscope.pipeline.files.paths import walk

EPISODES = Path("meta/episodes/chunk-000/file-000.parquet")


@dataclass(frozen=True, order=True)
class Piece:
    """Rows of an episode that stay together."""

    episode: int
    """Episode index in the dataset that it is taken from."""
    start: int
    """First row."""
    end: int
    """Row after the last one."""

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise DatasetError(
                f"rows {self.start}:{self.end} of episode {self.episode} are none; a piece has one "
                "row at least"
            )

    @property
    def num_rows(self) -> int:
        """Rows that it has."""
        return self.end - self.start


def write_pieces(
    dataset: Dataset,
    pieces: Sequence[Piece],
    columns: Mapping[str, AddedColumn],
    out: Path,
    *,
    made: Mapping[str, Any],
    finish: Callable[[Path], None] = lambda root: None,
) -> None:
    """Writes pieces of a dataset, with columns added; it appears whole or not at all.

    Of an episode that is cut, statistics of pictures stay those of the whole episode.

    Args:
        dataset: What to take from.
        pieces: What is kept; they become episodes in the order of their rows.
        columns: What to add, by name; values for every row of every episode.
        out: Where it appears; a dataset that is there is replaced, what is not ours is kept.
        made: JSON facts about what made it; they join the provenance of every episode.
        finish: Given the written folder before it appears.

    Raises:
        DatasetError: Nothing is left, two pieces share a row, a piece reaches beyond its episode,
            or something of the dataset or at `out` is in the way.
        DiskFullError: No space is left; what `out` held before is untouched.
    """
    kept = sorted(pieces)
    _check(dataset, kept, out)
    with dataset_folder(out) as root:
        _copy_files(dataset, root, kept)
        _write_rows(dataset, root, kept, columns)
        found = _statistics(dataset, kept, columns)
        _write_episodes(dataset, root, kept, found)
        _write_info(dataset, root, kept, columns)
        _write_statistics(root, found)
        say_pieces(dataset, root, [(p.episode, p.start, p.end) for p in kept], columns, made)
        restate_facts(root)
        finish(root)


def _check(dataset: Dataset, kept: Sequence[Piece], out: Path) -> None:
    if not kept:
        raise DatasetError(f"no row of {dataset.root} is left for {out}; loosen what takes them")
    lengths = {int(row["episode_index"]): int(row["length"]) for row in dataset.table}
    for piece in kept:
        if piece.end > lengths.get(piece.episode, 0):
            raise DatasetError(
                f"{dataset.root} has no rows {piece.start}:{piece.end} of episode {piece.episode}; "
                f"it has {lengths.get(piece.episode, 0)} rows of it"
            )
    for one, other in itertools.pairwise(kept):
        if one.episode == other.episode and other.start < one.end:
            raise DatasetError(
                f"two pieces share rows of episode {one.episode}: {one.start}:{one.end} and "
                f"{other.start}:{other.end}; a row is kept once"
            )


def _number(dataset: Dataset) -> dict[int, int]:
    """Row of the dataset's table by episode index."""
    return {int(row["episode_index"]): n for n, row in enumerate(dataset.table)}


def _copy_files(dataset: Dataset, root: Path, kept: Sequence[Piece]) -> None:
    """All but tables of rows and of episodes, and videos that show nothing that is kept."""
    numbers = _number(dataset)
    needed = {dataset.existing_video(c, numbers[p.episode]) for c in dataset.cameras for p in kept}
    for file in walk(dataset.root, ".", what="the file"):
        name = file.relative_to(dataset.root)
        is_table = name.parts[0] == "data" or name.parts[:2] == ("meta", "episodes")
        is_idle = name.parts[0] == "videos" and file not in needed
        if is_table or is_idle:
            continue
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, root / name)


def _write_rows(
    dataset: Dataset, root: Path, kept: Sequence[Piece], columns: Mapping[str, AddedColumn]
) -> None:
    numbers = _number(dataset)
    for file in sorted({dataset.data_file(numbers[piece.episode]) for piece in kept}):
        target = root / file.relative_to(dataset.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        rewrite_rows(file, target, lambda table: _kept_rows(table, kept, columns, dataset.fps))


def _kept_rows(
    table: pa.Table, kept: Sequence[Piece], columns: Mapping[str, AddedColumn], fps: float
) -> pa.Table:
    """The rows of a table that are in a piece, on the piece's own clock."""
    for name, column in columns.items():
        table = with_column(table, name, cells_of(table, column))
    facts = {name: column.facts for name, column in columns.items()}
    table = table.replace_schema_metadata(described_metadata(table.schema.metadata, facts))
    piece = _piece_of(table, kept)
    table, piece = table.filter(pa.array(piece >= 0)), piece[piece >= 0]
    starts = np.array([p.start for p in kept])
    firsts = np.concatenate([[0], np.cumsum([p.num_rows for p in kept])])
    frame = table["frame_index"].to_numpy() - starts[piece]
    clock = {
        "episode_index": piece,
        "frame_index": frame,
        "timestamp": frame / fps,
        "index": firsts[piece] + frame,
    }
    for name, values in clock.items():
        if name in table.column_names:
            kind = table.schema.field(name).type
            table = with_column(table, name, pa.array(values).cast(kind, safe=False))
    return table


def _piece_of(table: pa.Table, kept: Sequence[Piece]) -> Int[np.ndarray, " row"]:
    """Which piece each row is in, -1 where in none."""
    episodes, rows = (table[name].to_numpy() for name in ("episode_index", "frame_index"))
    out = np.full(len(rows), -1)
    there = {int(index) for index in np.unique(episodes)}
    for number, piece in enumerate(kept):
        if piece.episode in there:
            is_inside = (rows >= piece.start) & (rows < piece.end)
            out[(episodes == piece.episode) & is_inside] = number
    return out


def _write_episodes(
    dataset: Dataset, root: Path, kept: Sequence[Piece], found: Sequence[Mapping[str, Any]]
) -> None:
    """`meta/episodes` in one file: where each piece's rows and pictures are, and its statistics."""
    tables = [pq.ParquetFile(file).read() for file in episode_files(dataset.root)]
    whole = pa.concat_tables(tables, promote_options="default").replace_schema_metadata(None)
    place = {index: n for n, index in enumerate(whole["episode_index"].to_pylist())}
    table = whole.take(pa.array([place[piece.episode] for piece in kept]))
    lengths = np.array([piece.num_rows for piece in kept])
    ends = np.cumsum(lengths)
    changed: dict[str, Any] = {
        "episode_index": np.arange(len(kept)),
        "length": lengths,
        "dataset_from_index": ends - lengths,
        "dataset_to_index": ends,
        "meta/episodes/chunk_index": np.zeros(len(kept)),
        "meta/episodes/file_index": np.zeros(len(kept)),
    }
    for camera in dataset.cameras:
        name = f"videos/{camera}/from_timestamp"
        begins = table[name].to_numpy() + np.array([p.start for p in kept]) / dataset.fps
        changed |= {name: begins, f"videos/{camera}/to_timestamp": begins + lengths / dataset.fps}
    for name, values in changed.items():
        if name in table.column_names:
            kind = table.schema.field(name).type
            table = with_column(table, name, pa.array(values).cast(kind, safe=False))
    pq.write_table(_with_statistics(table, found), _made(root / EPISODES), compression="snappy")


def _statistics(
    dataset: Dataset, kept: Sequence[Piece], columns: Mapping[str, AddedColumn]
) -> list[dict[str, dict[str, Any]]]:
    gathered, first, out = PieceStatistics(dataset, columns), 0, []
    for number, p in enumerate(kept):
        out.append(gathered.of(p.episode, p.start, p.end, number=number, first=first))
        first += p.num_rows
    return out


def _with_statistics(table: pa.Table, found: Sequence[Mapping[str, Any]]) -> pa.Table:
    for name in found[0]:
        for key in found[0][name]:
            label = f"stats/{name}/{key}"
            kind = pa.list_(pa.int64() if key == "count" else pa.float64())
            if label in table.column_names:
                kind = table.schema.field(label).type
            values = [one[name][key] for one in found]
            table = with_column(table, label, pa.array(values, kind))
    return table


def _write_info(
    dataset: Dataset, root: Path, kept: Sequence[Piece], columns: Mapping[str, AddedColumn]
) -> None:
    info = copy.deepcopy(dataset.info)
    for name, column in columns.items():
        names = list(column.facts.names)
        facts = {"dtype": column.facts.dtype, "shape": [len(names)], "names": names}
        info["features"][name] = facts
    info["total_episodes"] = len(kept)
    info["total_frames"] = sum(piece.num_rows for piece in kept)
    info["splits"] = {"train": f"0:{len(kept)}"}
    if "total_videos" in info:
        info["total_videos"] = len(list((root / "videos").rglob("*.mp4")))
    _write(root / "meta" / "info.json", info)


def _write_statistics(root: Path, found: Sequence[Mapping[str, Any]]) -> None:
    path = root / "meta" / "stats.json"
    if not path.is_file():
        return
    whole = joined_statistics(found)
    # What is not known in some row has no statistics, as everywhere.
    known = {n: s for n, s in whole.items() if np.isfinite(np.ravel(s["mean"])).all()}
    before = json.loads(path.read_text())
    others = {name: facts for name, facts in before.items() if name not in whole}
    _write(path, others | known)


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=4) + "\n", encoding="utf-8")
