"""Reading a written LeRobot v3 dataset with light parts: tables, metadata, frames."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from rotoscope.pipeline.datasets.info import names_of, read_info
from rotoscope.pipeline.datasets.sidecars import read_sidecar, read_sidecar_lines
from rotoscope.pipeline.datasets.tables import read_episodes, read_rows
from rotoscope.pipeline.errors import DatasetError, VideoError
from rotoscope.pipeline.files.paths import fill, inside
from rotoscope.pipeline.quoting import shown

ReadImages = Callable[["EpisodeRows", Sequence[int], float], Iterator[np.ndarray]]


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
    def fps(self) -> float:
        """Rows per second; NTSC video has 29.97 of them."""
        return float(self.info["fps"])

    @property
    def video_key(self) -> str | None:
        """Name of the first camera's feature; `None` where there is no video."""
        return next(iter(self.cameras), None)

    @property
    def cameras(self) -> list[str]:
        """Names of all features that are videos."""
        return [k for k, f in self.info["features"].items() if f["dtype"] == "video"]

    def names(self, feature: str) -> list[str]:
        """Names of a feature's numbers, made up where there are none; none without the feature."""
        return names_of(self.info, feature)

    def rotoscope(self, name: str) -> Any:
        """A JSON file of `meta/rotoscope`, an empty mapping where there is none.

        Raises:
            DatasetError: It is damaged, or leads out of the dataset.
        """
        return read_sidecar(_sidecar(self.root, name))

    def ledger(self) -> list[dict[str, Any]]:
        """The rows of `meta/rotoscope/ledger.jsonl`."""
        return read_sidecar_lines(_sidecar(self.root, "ledger.jsonl"))

    def episode(self, index: int) -> EpisodeRows:
        """Reads one episode's rows."""
        row = self.table[index]
        path = data_file(self.root, self.info, row)
        columns = read_rows(path, int(row["episode_index"]), self.info["features"])
        key = self.video_key
        return EpisodeRows(
            index=int(row["episode_index"]),
            columns=columns,
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
    info = read_info(root)
    lines = read_sidecar_lines(_sidecar(root, "episodes.jsonl"))
    by_index = {int(line["episode_index"]): line for line in lines}
    return Dataset(root, info, read_episodes(root, info), by_index)


def _whole(read: ReadImages) -> ReadImages:
    """Makes what cannot be decoded, and a video that ends too early, our own error."""

    @functools.wraps(read)
    def told(episode: EpisodeRows, rows: Sequence[int], fps: float) -> Iterator[np.ndarray]:
        import av

        num = 0
        try:
            for image in read(episode, rows, fps):
                yield image
                num += 1
        except (av.FFmpegError, VideoError, IndexError, OSError) as error:
            raise DatasetError(
                f"episode {episode.index}: {episode.video_file} cannot be decoded "
                f"({shown(str(error))}); write the dataset again"
            ) from error
        if num < len(rows):
            raise DatasetError(
                f"episode {episode.index}: {episode.video_file} ends after {num} of {len(rows)} "
                "frames; write the dataset again"
            )

    return told


@_whole
def read_images(
    episode: EpisodeRows, rows: Sequence[int], fps: float
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """The RGB images of some rows, which must increase; decodes forward from the first.

    Raises:
        DatasetError: The episode has no pictures, or they cannot be decoded, or are too few.
    """
    from rotoscope.pipeline.video.container import decode, open_video

    if episode.video_file is None:
        raise DatasetError(f"episode {episode.index} has no pictures: it comes from a motion file")
    wanted = [episode.video_start_s + row / fps for row in rows]
    with open_video(episode.video_file) as (container, stream):
        assert stream.time_base is not None
        position = 0
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


def _sidecar(root: Path, name: str) -> Path:
    return inside(root, f"meta/rotoscope/{name}", what="the file")
