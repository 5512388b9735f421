"""Reading a written LeRobot v3 dataset with light parts: tables, metadata, frames."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.pipeline.datasets.far import FarVideos, fetch_tables
from rotoscope.pipeline.datasets.info import read_info
from rotoscope.pipeline.datasets.layout import Layout, meta_file
from rotoscope.pipeline.datasets.said import episode_lines, said
from rotoscope.pipeline.datasets.sidecars import read_sidecar_lines
from rotoscope.pipeline.datasets.tables import read_episodes, read_rows, read_tasks, read_times
from rotoscope.pipeline.errors import DatasetError, VideoError
from rotoscope.pipeline.files.paths import StrPath
from rotoscope.pipeline.quoting import shown
from rotoscope.pipeline.tracks import RowCount, count_rows

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
    """Time in `video_file` at which the episode starts [s]; 0 without a file."""
    meta: dict[str, Any]
    """The episode's line of `meta/rotoscope/episodes.jsonl`; empty for another tool's dataset."""

    @property
    def num_rows(self) -> int:
        """Rows in the episode."""
        return len(self.columns["frame_index"])

    @property
    def row_count(self) -> RowCount:
        """How many of its rows count, and why the others do not; all where no column says so."""
        valid = self.columns.get("label.valid")
        whole = np.ones(self.num_rows, bool)
        return count_rows(
            whole if valid is None else np.asarray(valid, bool), self.columns.get("label.reason")
        )


@dataclass(frozen=True, eq=False)
class Dataset(Layout):
    """A dataset folder: metadata now, episodes when asked for."""

    table: list[dict[str, Any]]
    """`meta/episodes` in order of their index, without statistics."""
    episodes_meta: dict[int, dict[str, Any]]
    """`meta/rotoscope/episodes.jsonl` by episode index."""
    far: FarVideos | None = None
    """Its videos, where they lie in an object store: `root` then holds its tables alone."""

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, index: int) -> EpisodeRows:
        return self.episode(index)

    def __repr__(self) -> str:
        num_rows = self.info.get("total_frames")
        return f"<Dataset {self.root}: {len(self)} episodes, {num_rows} rows at {self.fps:g} Hz>"

    def rotoscope(self, name: str) -> Any:
        """A JSON file of `meta/rotoscope`, or what is known of it; an empty mapping else.

        Raises:
            DatasetError: It is damaged, or leads out of the dataset.
        """
        return said(self, name)

    def ledger(self) -> list[dict[str, Any]]:
        """The rows of `meta/rotoscope/ledger.jsonl`."""
        return read_sidecar_lines(meta_file(self.root, "rotoscope/ledger.jsonl"))

    def episode(self, index: int, *, camera: str | None = None) -> EpisodeRows:
        """One episode's rows, and where its pictures are.

        Args:
            index: Row of `table`.
            camera: Whose pictures; the first camera's where `None`.

        Raises:
            DatasetError: The rows are damaged or not there, or `camera` has no such file.
        """
        episode = int(self.table[index]["episode_index"])
        key = camera or self.video_key
        file = None
        if key is not None:
            file = self.existing_video(key, index) if camera else self.video_file(key, index)
        return EpisodeRows(
            index=episode,
            columns=read_rows(self.data_file(index), episode, self.info["features"]),
            video_file=file,
            video_start_s=0.0 if key is None else self.video_start_s(key, index),
            meta=self.episodes_meta.get(index, {}),
        )

    def existing_video(self, camera: str, index: int) -> Path:
        """`video_file`, which is there; fetched where it lies in an object store.

        Of a camera whose videos do, only the last file that was asked for is there.

        Raises:
            DatasetError: There is none.
            FileChangedError: It was replaced since the dataset was opened.
            RemoteError: The store is away.
        """
        if self.far is None:
            return super().existing_video(camera, index)
        name = self.video_file(camera, index).relative_to(self.root).as_posix()
        return self.far.fetched(camera, name)

    def tasks(self) -> dict[int, str]:
        """Texts of the tasks by `task_index`."""
        return read_tasks(meta_file(self.root, "tasks.parquet"))

    def row_times(self) -> dict[int, Float[np.ndarray, " row"]]:
        """The time of each row since its episode began [s], by episode index.

        Raises:
            DatasetError: A file is damaged, or rows are missing.
        """
        return read_times(self.data_files(), self.table)


def open_dataset(root: StrPath) -> Dataset:
    """Reads the metadata of a LeRobot v3 dataset; of one at a URL its tables are fetched.

    Raises:
        DatasetError: The folder is missing, or holds no LeRobot v3 dataset.
        RemoteError: The store is away.
    """
    root, far = fetch_tables(root)
    info = read_info(root)
    table = read_episodes(root, info)
    lines = episode_lines(Layout(root, info, table))
    by_index = {int(line["episode_index"]): line for line in lines}
    return Dataset(root, info, table, by_index, far)


def _whole(read: ReadImages) -> ReadImages:
    """Makes what cannot be decoded, and a video that ends too early, our own error."""

    @functools.wraps(read)
    def checked(episode: EpisodeRows, rows: Sequence[int], fps: float) -> Iterator[np.ndarray]:
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

    return checked


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
