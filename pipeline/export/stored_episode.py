"""An episode on disk: its rows, its encoded video and the statistics of its images.

A child process per video writes these folders; the publishing process only reads them. A folder
holds `episode.json` (everything that is JSON), `arrays.npz` (no pickle) and, unless it comes from
a file without pictures, `video.mp4`, with one more of each further camera; it is there whole or not
at all.
"""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.episodes.episode import Episode, Feature, StateColumns
from rotoscope.pipeline.errors import DatasetError, TrackError
from rotoscope.pipeline.files.atomic import atomic_path
from rotoscope.pipeline.store.seal import BrokenSealError, check_folder, seal_folder

FORMAT = 2
"""Bump when the layout of the folder changes."""
ROW_ARRAYS = ("source_frame", "source_time_s", "action", "valid", "confidence", "reason")
"""Array fields of `Episode` that every episode has."""
_HEADER, _ARRAYS, _VIDEO = "episode.json", "arrays.npz", "video.mp4"


@dataclass(frozen=True)
class VideoFacts:
    """What is known about an episode's video without opening it."""

    width: int
    """Pixels across."""
    height: int
    """Pixels down."""
    encoder: dict[str, Any]
    """Settings it was encoded with: `codec`, `pixel_format`, `crf`, `gop`, `preset`."""
    image_stats: dict[str, list[float] | np.ndarray]
    """Per RGB channel on 0..255: `min`, `max`, `mean`, `std`, `q01`, `q10`, `q50`, `q90`, `q99`;
    and `count`, how many values per channel they were taken over."""


@dataclass(frozen=True)
class EncodedVideo:
    """A finished video file that is to be stored with its episode."""

    path: Path
    """An mp4 with one frame per row; it is moved."""
    facts: VideoFacts
    """Size, encoder settings and image statistics of the file."""


@dataclass(frozen=True)
class FeatureFacts:
    """A column of an episode without its values."""

    names: tuple[str, ...]
    """Name of each number."""
    dtype: str
    """`float32`, `int64` or `bool`."""
    unit: str
    """Unit of the numbers."""
    description: str
    """Meaning of the column, in one sentence."""
    contract: ActionContract | None = None
    """What its numbers mean where they are actions of a labeler beside the chosen one."""


@dataclass(frozen=True)
class StoredEpisode:
    """A stored episode; its header is read, its arrays are read when asked for."""

    folder: Path
    """Folder of the episode in the store."""
    header: dict[str, Any]
    """`episode.json`."""

    @property
    def episode_id(self) -> str:
        """Stable name of the episode."""
        return str(self.header["episode_id"])

    @property
    def task(self) -> str:
        """What is being done, in words."""
        return str(self.header["task"])

    @property
    def fps(self) -> int:
        """Rows per second."""
        return int(self.header["fps"])

    @property
    def num_rows(self) -> int:
        """Rows, and frames of the video where there is one."""
        return int(self.header["num_rows"])

    @property
    def contract(self) -> ActionContract:
        """What the numbers of state and action mean."""
        return ActionContract.model_validate(self.header["contract"])

    @property
    def has_state(self) -> bool:
        """Whether there is an `observation.state`."""
        return bool(self.header["has_state"])

    @property
    def state_columns(self) -> StateColumns | None:
        """What its state holds where it is not the robot's own."""
        facts = self.header["state_columns"]
        return None if facts is None else StateColumns(**facts | {"names": tuple(facts["names"])})

    @property
    def features(self) -> dict[str, FeatureFacts]:
        """Columns beside state, action and images."""
        return {
            name: FeatureFacts(
                tuple(f["names"]),
                f["dtype"],
                f["unit"],
                f["description"],
                ActionContract.model_validate(f["contract"]) if "contract" in f else None,
            )
            for name, f in self.header["features"].items()
        }

    @property
    def video(self) -> VideoFacts | None:
        """Facts about its video; `None` where there are no pictures."""
        facts = self.header["video"]
        return None if facts is None else VideoFacts(**facts)

    @property
    def more_videos(self) -> dict[str, VideoFacts]:
        """Facts about the videos of further cameras, by their names."""
        return {name: VideoFacts(**f) for name, f in self.header.get("more_videos", {}).items()}

    @property
    def video_path(self) -> Path:
        """The encoded frames, one per row, at exactly `fps`; only where `video` is known."""
        return self.folder / _VIDEO

    def more_video_path(self, camera: str) -> Path:
        """The same of a further camera."""
        return self.folder / _more(self.more_videos, camera)

    def load(self) -> Episode:
        """The whole episode.

        Raises:
            DatasetError: The folder is damaged.
        """
        header = self.header
        path = self.folder / _ARRAYS
        try:
            with np.load(path, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            features = {
                name: Feature(
                    arrays[f"feature|{name}"],
                    facts.names,
                    facts.unit,
                    facts.description,
                    facts.contract,
                )
                for name, facts in self.features.items()
            }
            return Episode(
                episode_id=self.episode_id,
                task=self.task,
                fps=self.fps,
                contract=self.contract,
                features=features,
                source=header["source"],
                quality=header["quality"],
                scene=header["scene"],
                state=arrays.get("state"),
                state_columns=self.state_columns,
                **{name: arrays[name] for name in ROW_ARRAYS},
            )
        except (OSError, EOFError, ValueError, KeyError, TrackError, zipfile.BadZipFile) as error:
            raise _damaged(self.folder, error) from error


def save_episode(
    folder: Path,
    episode: Episode,
    video: EncodedVideo | None = None,
    more_videos: Mapping[str, EncodedVideo] | None = None,
) -> StoredEpisode:
    """Stores an episode under `folder`, which appears whole or not at all.

    Args:
        folder: Where to; replaced if it is there.
        episode: The rows.
        video: Its pictures; `None` for an episode without any.
        more_videos: Those of further cameras, by name; the first one's is named by who publishes.

    Raises:
        DiskFullError: No space is left.
    """
    others = dict(more_videos or {})
    header = _header(episode, video.facts if video is not None else None)
    if others:
        header["more_videos"] = {name: _video_header(v.facts) for name, v in others.items()}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **_arrays(episode))
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        (temporary / _HEADER).write_text(json.dumps(header, sort_keys=True, indent=1) + "\n")
        (temporary / _ARRAYS).write_bytes(buffer.getvalue())
        if video is not None:
            shutil.move(video.path, temporary / _VIDEO)
        for name, other in others.items():
            shutil.move(other.path, temporary / _more(others, name))
        seal_folder(temporary, name=folder.name)
    return StoredEpisode(folder, header)


def open_episode(folder: Path) -> StoredEpisode:
    """Reads the header of a stored episode, once every byte of it was found to be in order.

    Raises:
        DatasetError: The folder holds no episode, or a damaged one.
    """
    try:
        check_folder(folder, name=folder.name)
        header = json.loads((folder / _HEADER).read_text())
        if header["format"] != FORMAT:
            raise ValueError(f"written as format {header['format']}, this version reads {FORMAT}")
    except (BrokenSealError, OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(folder, error) from error
    return StoredEpisode(folder, header)


def _more(cameras: Iterable[str], camera: str) -> str:
    # By number: names of cameras need not be names of files.
    return f"video.{sorted(cameras).index(camera) + 1}.mp4"


def _header(episode: Episode, facts: VideoFacts | None) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "episode_id": episode.episode_id,
        "task": episode.task,
        "fps": episode.fps,
        "num_rows": episode.num_rows,
        "contract": episode.contract.model_dump(mode="json"),
        "has_state": episode.state is not None,
        "state_columns": None if episode.state_columns is None else asdict(episode.state_columns),
        "features": {
            name: {
                "names": list(feature.names),
                "dtype": stored_dtype(name, feature.values),
                "unit": feature.unit,
                "description": feature.description,
            }
            | _contract(feature)
            for name, feature in episode.features.items()
        },
        "source": episode.source,
        "quality": episode.quality,
        "scene": episode.scene,
        "video": None if facts is None else _video_header(facts),
    }


def _contract(feature: Feature) -> dict[str, Any]:
    contract = feature.contract
    return {} if contract is None else {"contract": contract.model_dump(mode="json")}


def _video_header(facts: VideoFacts) -> dict[str, Any]:
    return {
        "width": facts.width,
        "height": facts.height,
        "encoder": facts.encoder,
        "image_stats": {k: np.ravel(v).tolist() for k, v in facts.image_stats.items()},
    }


def _arrays(episode: Episode) -> Mapping[str, np.ndarray]:
    rows = {name: getattr(episode, name) for name in ROW_ARRAYS}
    rows |= {} if episode.state is None else {"state": episode.state}
    return rows | {f"feature|{name}": f.values for name, f in episode.features.items()}


def stored_dtype(name: str, values: np.ndarray) -> str:
    """What a feature's values are stored as: `float32`, `int64` or `bool`.

    Raises:
        TrackError: They are neither numbers nor bool.
    """
    kinds = {"f": "float32", "i": "int64", "u": "int64", "b": "bool"}
    if values.dtype.kind not in kinds:
        raise TrackError(
            f"feature {name!r} has type {values.dtype}; a dataset holds float32, int64 and bool"
        )
    return kinds[values.dtype.kind]


def _damaged(folder: Path, error: Exception) -> DatasetError:
    return DatasetError(
        f"the stored episode {folder.name} cannot be used ({error}); run the same command again: "
        "what is damaged is made again"
    )
