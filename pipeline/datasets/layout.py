"""Where LeRobot v3 puts the parts of a dataset: the one place that forms these paths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rotoscope.pipeline.datasets.info import names_of
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.files.paths import files_below, fill, inside


@dataclass(frozen=True, eq=False)
class Layout:
    """A dataset folder whose `meta/info.json` and `meta/episodes` were read."""

    root: Path
    """Folder of the dataset."""
    info: dict[str, Any]
    """`meta/info.json`."""
    table: list[dict[str, Any]] | dict[int, dict[str, Any]]
    """`meta/episodes`, one mapping an episode."""

    @property
    def fps(self) -> float:
        """Rows per second; NTSC video has 29.97 of them."""
        return float(self.info["fps"])

    @property
    def cameras(self) -> list[str]:
        """Names of all features that are videos, in the dataset's order."""
        return [k for k, f in self.info["features"].items() if f["dtype"] == "video"]

    @property
    def video_key(self) -> str | None:
        """Name of the first camera's feature; `None` where there is no video."""
        return next(iter(self.cameras), None)

    def names(self, feature: str) -> list[str]:
        """Names of a feature's numbers, made up where there are none; none without the feature."""
        return names_of(self.info, feature)

    def data_files(self) -> list[Path]:
        """All files of rows."""
        return data_files(self.root)

    def video_files(self, camera: str) -> list[Path]:
        """All videos of a camera, whether an episode names them or not."""
        return files_below(self.root, f"videos/{camera}", ".mp4", what="the file")

    def data_file(self, index: int) -> Path:
        """The file that should hold the rows of the episode at `table[index]`.

        Raises:
            DatasetError: `info.json` has no template of its path, or one that asks for other fields
                or leads out of the dataset.
        """
        return self._file_of("data_path", self._place(index, "data"))

    def video_file(self, camera: str, index: int) -> Path:
        """The file that should hold a camera's frames of the episode at `table[index]`.

        Raises:
            DatasetError: As `data_file` does.
        """
        place = self._place(index, f"videos/{camera}")
        return self._file_of("video_path", {"video_key": camera} | place)

    def video_start_s(self, camera: str, index: int) -> float:
        """Time in `video_file` at which the episode at `table[index]` starts [s]."""
        return float(self.table[index][f"videos/{camera}/from_timestamp"])

    def existing_video(self, camera: str, index: int) -> Path:
        """`video_file`, which is there.

        Raises:
            DatasetError: It is not there, or as `data_file` does.
        """
        file = self.video_file(camera, index)
        if not file.is_file():
            raise DatasetError(f"camera {camera!r}: {file} is not there; copy the dataset whole")
        return file

    def _place(self, index: int, part: str) -> dict[str, Any]:
        return {n: self.table[index][f"{part}/{n}"] for n in ("chunk_index", "file_index")}

    def _file_of(self, key: str, fields: Mapping[str, Any]) -> Path:
        what = f"{key} of meta/info.json"
        return inside(self.root, fill(self.info.get(key), fields, what=what), what=what)


def meta_file(root: Path, name: str) -> Path:
    """A file of a dataset's `meta`, such as `tasks.parquet` or `rotoscope/ledger.jsonl`.

    Raises:
        DatasetError: It is a link that leads out of the dataset.
    """
    return inside(root, f"meta/{name}", what="the file")


def episode_files(root: Path) -> list[Path]:
    """All files of `meta/episodes`."""
    return files_below(root, "meta/episodes", ".parquet", what="the file")


def data_files(root: Path) -> list[Path]:
    """All files of rows."""
    return files_below(root, "data", ".parquet", what="the file")
