"""Reading a written LeRobot v3 dataset with light parts: tables, metadata, frames."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from pipeline.errors import DatasetError, one_of
from pipeline.paths import files_below, fill, inside


@dataclass(frozen=True, eq=False)
class EpisodeRows:
    """One episode of a dataset."""

    index: int
    """Episode index."""
    columns: dict[str, np.ndarray]
    """Every non-video feature by name, shape (time, n) or (time,)."""
    video_file: Path | None
    """File that holds its frames; `None` in a dataset without pictures."""
    video_start_s: float
    """Where in that file it starts [s]; 0 where there is none."""
    meta: dict[str, Any]
    """Its line of `meta/rotoscope/episodes.jsonl`; empty where rotoscope did not make it."""

    @property
    def num_rows(self) -> int:
        """Rows in the episode."""
        return len(self.columns["frame_index"])


@dataclass(frozen=True, eq=False)
class Dataset:
    """A dataset folder: metadata now, episodes when asked for."""

    root: Path
    """Its folder."""
    info: dict[str, Any]
    """`meta/info.json`."""
    table: list[dict[str, Any]]
    """`meta/episodes`, one mapping an episode, without statistics."""
    episodes_meta: dict[int, dict[str, Any]]
    """`meta/rotoscope/episodes.jsonl` by episode index."""

    @property
    def fps(self) -> int:
        """Rows per second."""
        return int(self.info["fps"])

    @property
    def video_key(self) -> str | None:
        """Name of the first camera's feature; `None` where there is no video."""
        return next(iter(self.cameras), None)

    @property
    def cameras(self) -> list[str]:
        """Names of all features that are videos."""
        return [k for k, f in self.info["features"].items() if f["dtype"] == "video"]

    def names(self, feature: str) -> list[str]:
        """Names of a feature's numbers."""
        return list(self.info["features"][feature]["names"])

    def rotoscope(self, name: str) -> Any:
        """A JSON file of `meta/rotoscope`, an empty mapping where there is none."""
        path = inside(self.root, f"meta/rotoscope/{name}", what="the file")
        return json.loads(path.read_text()) if path.is_file() else {}

    def ledger(self) -> list[dict[str, Any]]:
        """The rows of `meta/rotoscope/ledger.jsonl`."""
        return _json_lines(self.root, "ledger.jsonl")

    def episode(self, index: int) -> EpisodeRows:
        """Reads one episode's rows."""
        import pyarrow.parquet as pq

        row = self.table[index]
        path = data_file(self.root, self.info, row)
        found = pq.read_table(path, filters=[("episode_index", "=", row["episode_index"])])
        key = self.video_key
        return EpisodeRows(
            index=int(row["episode_index"]),
            columns={name: _array(found[name].to_pylist()) for name in found.column_names},
            video_file=None if key is None else self.video_file(key, index),
            video_start_s=0.0 if key is None else float(row[f"videos/{key}/from_timestamp"]),
            meta=self.episodes_meta.get(index, {}),
        )

    def video_file(self, key: str, index: int) -> Path:
        """The file that holds a camera's frames of the episode in row `index` of the table."""
        return video_file(self.root, self.info, key, self.table[index])


def data_file(root: Path, info: Mapping[str, Any], row: Mapping[str, Any]) -> Path:
    """The file that holds the rows of the episode of a row of `meta/episodes`.

    Raises:
        DatasetError: `info.json` has no template of its path, or one that asks for other fields or
            leads out of the dataset.
    """
    where = {name: row[f"data/{name}"] for name in ("chunk_index", "file_index")}
    return _file_of(root, info, "data_path", where)


def video_file(root: Path, info: Mapping[str, Any], key: str, row: Mapping[str, Any]) -> Path:
    """The file that holds a camera's frames of the episode of a row of `meta/episodes`.

    Raises:
        DatasetError: As `data_file` does.
    """
    where = {name: row[f"videos/{key}/{name}"] for name in ("chunk_index", "file_index")}
    return _file_of(root, info, "video_path", {"video_key": key} | where)


def _file_of(root: Path, info: Mapping[str, Any], key: str, fields: Mapping[str, Any]) -> Path:
    what = f"{key} of meta/info.json"
    return inside(root, fill(info.get(key), fields, what=what), what=what)


def open_dataset(root: Path) -> Dataset:
    """Reads the metadata of a LeRobot v3 dataset.

    Raises:
        DatasetError: The folder is missing, or holds no LeRobot v3 dataset.
    """
    import pyarrow.parquet as pq

    info_path = inside(root, "meta/info.json", what="the file")
    if not info_path.is_file():
        raise DatasetError(
            f"{root} is not a LeRobot dataset: {info_path} is not there; name the folder that "
            "rotoscope label wrote with --out"
        )
    info = json.loads(info_path.read_text())
    check_version(root, str(info.get("codebase_version")))
    rows: list[dict[str, Any]] = []
    for file in files_below(root, "meta/episodes", ".parquet", what="the file"):
        names = [n for n in pq.read_schema(file).names if not n.startswith("stats/")]
        rows.extend(pq.read_table(file, columns=names).to_pylist())
    lines = _json_lines(root, "episodes.jsonl")
    by_index = {int(line["episode_index"]): line for line in lines}
    return Dataset(root, info, sorted(rows, key=lambda r: r["episode_index"]), by_index)


def check_version(root: Path, version: str) -> None:
    """Checks that a dataset is of the version that is read here.

    Raises:
        DatasetError: It is not; the message holds the command that converts it.
    """
    if version.startswith("v3"):
        return
    what = f"{root} is LeRobot {version}, not v3; "
    if version != "v2.1":
        raise DatasetError(
            what + "LeRobot's converter takes v2.1 alone: bring it to v2.1 with the release of "
            "LeRobot that wrote it, or take a newer copy of the dataset"
        )
    place = root.absolute()
    taken = [n for n in (f"{place.name}_old", f"{place.name}_v30") if place.with_name(n).exists()]
    if taken:
        raise DatasetError(
            what + f"LeRobot can convert it, but would overwrite {one_of(taken)} beside it: move "
            "that away first, then try again for the command"
        )
    options = [f"--repo-id=local/{place.name}", f"--root={place}", "--push-to-hub=false"]
    command = [sys.executable, "-m", "lerobot.scripts.convert_dataset_v21_to_v30", *options]
    raise DatasetError(
        what + f"LeRobot converts it in its place, if no episode is missing from it, and keeps "
        f"what it was as {place.name}_old:\n"
        f"  {shlex.join(command)}"
    )


def read_images(
    episode: EpisodeRows, rows: Sequence[int], fps: int
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """The RGB images of some rows, which must increase; decodes forward from the first.

    Raises:
        DatasetError: The episode has no pictures, or they cannot be decoded.
        VideoError: The file is no video.
    """
    import av.error

    from pipeline.video.container import decode, open_video

    if episode.video_file is None:
        raise DatasetError(f"episode {episode.index} has no pictures: it comes from a motion file")
    wanted = [episode.video_start_s + row / fps for row in rows]
    with open_video(episode.video_file) as (container, stream):
        assert stream.time_base is not None
        position = 0
        try:
            container.seek(int(max(wanted[0] - 0.5 / fps, 0) / stream.time_base), stream=stream)
            for frame in decode(container, stream):
                if frame.time is None:
                    continue
                image = None
                while position < len(wanted) and frame.time > wanted[position] - 0.5 / fps:
                    image = frame.to_ndarray(format="rgb24") if image is None else image
                    yield image
                    position += 1
                if position == len(wanted):
                    return
        except (av.error.FFmpegError, OSError) as error:
            raise DatasetError(
                f"episode {episode.index}: {episode.video_file.name} cannot be decoded beyond row "
                f"{position} of {len(wanted)} ({error.strerror}); write the dataset again"
            ) from error


def _array(values: list[Any]) -> np.ndarray:
    return np.array(values)


def _json_lines(root: Path, name: str) -> list[dict[str, Any]]:
    path = inside(root, f"meta/rotoscope/{name}", what="the file")
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
