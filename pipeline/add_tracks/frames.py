"""Which frames of which file show the rows of an episode, as LeRobot's loader shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.datasets.read import Dataset
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.files.identity import Identity, check_unchanged, identify
from rotoscope.pipeline.store.store import content_key
from rotoscope.pipeline.tracks import median_rate_hz
from rotoscope.pipeline.video.container import open_video, read_packets

MAX_OFF_ROWS = 0.25
"""How far a frame may stand from its row, as a share of the time between two rows. Further off,
another frame might be the one that was meant."""


@dataclass(frozen=True, eq=False)
class EpisodeFrames:
    """The frames of one camera that show an episode, one a row."""

    index: int
    """Episode index."""
    file: Path
    """The video that holds them, perhaps among those of other episodes."""
    start: int
    """First frame, counted in the file."""
    time_s: Float[np.ndarray, " row"]
    """When each is shown [s], the first frame of the file at 0."""
    sha256: str
    """Stands for the bytes of the file and which frames of it are meant."""
    identity: Identity
    """Hash and state of the whole file."""

    @property
    def name(self) -> str:
        """Name of the episode in messages: `episode 3`."""
        return f"episode {self.index}"

    @property
    def end(self) -> int:
        """One past the last frame."""
        return self.start + len(self.time_s)


@dataclass(frozen=True, eq=False)
class _File:
    """A video file, read once for all of its episodes."""

    identity: Identity
    start_s: float
    time_s: Float[np.ndarray, " frame"]


def find_frames(dataset: Dataset, camera: str) -> list[EpisodeFrames]:
    """The frames of every episode, found by the files' time stamps; nothing is decoded.

    Raises:
        DatasetError: A file is not there, there is no frame at a row's time, the frames of an
            episode do not follow one another, or two episodes share one.
        VideoError: A file that cannot be read.
    """
    times_s = dataset.row_times()
    files: dict[Path, _File] = {}
    found = []
    for row, meta in enumerate(dataset.table):
        index, path = int(meta["episode_index"]), dataset.existing_video(camera, row)
        if path not in files:
            files[path] = _read(path)
        wanted_s = dataset.video_start_s(camera, row) + times_s[index]
        found.append(_frames(index, path, files[path], wanted_s, dataset.fps))
    _check_apart(found)
    return found


def _read(path: Path) -> _File:
    identity = identify([path])
    with open_video(path) as (container, stream):
        table = read_packets(container, stream, path.name)
        start_s = float(table.ticks[0] * (stream.time_base or 1))
    check_unchanged(identity, [path], shown=path.name)
    return _File(identity, start_s, table.clock.time_s)


def _frames(
    index: int, path: Path, file: _File, wanted_s: Float[np.ndarray, " row"], fps: float
) -> EpisodeFrames:
    since_first_s = wanted_s - file.start_s
    nearest = np.searchsorted((file.time_s[1:] + file.time_s[:-1]) / 2, since_first_s)
    off = np.abs(file.time_s[nearest] - since_first_s) * fps
    wrong = (off > MAX_OFF_ROWS) | (nearest != nearest[0] + np.arange(len(nearest)))
    if wrong.any():
        row = int(np.argmax(wrong))
        rate_hz = median_rate_hz(file.time_s)
        raise DatasetError(
            f"episode {index}: row {row} stands at {wanted_s[row]:.4f} s of {path}, whose nearest "
            f"frame is number {nearest[row]} at {file.time_s[nearest[row]] + file.start_s:.4f} s, "
            f"not one frame a row (the file has {rate_hz:.4g} frames a second, info.json says fps "
            f"{fps:g}); the clocks of table and video disagree: write the dataset again"
        )
    start = int(nearest[0])
    frames = [start, start + len(nearest)]
    return EpisodeFrames(
        index=index,
        file=path,
        start=start,
        time_s=file.time_s[nearest],
        sha256=content_key({"kind": "part", "video": file.identity.sha256, "frames": frames}),
        identity=file.identity,
    )


def _check_apart(found: Sequence[EpisodeFrames]) -> None:
    by_place = sorted(found, key=lambda e: (e.file, e.start))
    for one, other in pairwise(by_place):
        if one.file == other.file and other.start < one.end:
            raise DatasetError(
                f"{one.name} and {other.name} share frames {other.start} to "
                f"{min(one.end, other.end) - 1} of {one.file}; one of the two would be shown the "
                "other's: correct from_timestamp in meta/episodes, or write the dataset again"
            )
