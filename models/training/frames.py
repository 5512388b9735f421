"""Pictures of video, decoded and shrunk once and kept on disk: the one way to them in training.

A frame of 64 pixels a side is 12 kB: a hundred hours are 133 GB, which no memory holds. They are
written as they are decoded and read from a memory map, a few rows at a time.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.training.data import CLOCK_TOLERANCE
from rotoscope.models.training.focus import FocusConfig, Points, focused
from rotoscope.models.training.maps import Spool, blocks_of, open_map
from rotoscope.models.training.pictures import shrink
from rotoscope.models.training.processes import in_turns, of_first
from rotoscope.models.training.views import cameras_of, stacked
from rotoscope.pipeline.assets.digest import sha256_of
from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows, read_images
from rotoscope.pipeline.errors import DatasetError, DiskFullError
from rotoscope.pipeline.files.atomic import atomic_path
from rotoscope.pipeline.types import Video

log = logging.getLogger(__name__)
Picture = tuple[float, np.ndarray]
"""Time in its video [s], and RGB (height, width, 3)."""
_LAYOUT = "1"
"""Changes with what is kept, or with how pictures are shrunk."""
_IMAGES, _TIMES, _FACTS = "frames.u8", "time_s.f8", "facts.json"


@dataclass(frozen=True, eq=False)
class Frames:
    """Pictures of some videos, one video after the other."""

    images: UInt8[np.ndarray, "frame height width 3"]
    """A memory map, read-only."""
    time_s: Float[np.ndarray, " frame"]
    """Time of each in its video [s]; a map as well."""
    starts: tuple[int, ...]
    """First frame of every video, and how many there are."""

    def of(self, video: int) -> slice:
        """The frames of a video."""
        return slice(self.starts[video], self.starts[video + 1])


def open_frames(
    dataset: Dataset,
    camera: str | tuple[str, ...],
    *,
    side_px: int | None,
    folder: Path | None = None,
) -> Frames:
    """A camera's pictures, one per row of the dataset, each episode a video; kept on disk.

    Args:
        dataset: Whose.
        camera: Feature name, such as `observation.images.front`; or several, whose pictures of a
            row stand below each other.
        side_px: Side of the square they are shrunk to; as they are where `None` (one camera).
        folder: Where they are kept; the user's cache where `None`.

    Raises:
        DatasetError: A video is missing or too short, or runs by another clock than the table.
        DiskFullError: They would not fit on the disk.
    """
    cameras = cameras_of(camera)
    height, width = dataset.info["features"][cameras[0]]["shape"][:2]
    size = (len(cameras) * side_px, side_px) if side_px else (int(height), int(width))
    videos = (_views(dataset, row, cameras, side_px) for row in range(len(dataset.table)))
    key = of_first(lambda: _dataset_key(dataset, cameras, side_px))
    num, what = int(dataset.info["total_frames"]), ", ".join(cameras)
    return _kept(key, videos, size, folder or cache_folder(), num, what)


def open_video_frames(
    videos: Sequence[Video], *, side_px: int, shape: tuple[int, int], folder: Path | None = None
) -> Frames:
    """All frames of some video files, shrunk; kept on disk.

    Args:
        videos: Which.
        side_px: Side of the square.
        shape: Width and height of pictures that are not given bars, `shrink`.
        folder: Where they are kept; the user's cache where `None`.

    Raises:
        VideoError: A file cannot be read.
        DiskFullError: They would not fit on the disk.
    """
    from rotoscope.pipeline.video.read import read_frames

    told = json.dumps([_LAYOUT, side_px, shape, [repr(replace(v, path=Path())) for v in videos]])
    key, size = hashlib.sha256(told.encode()).hexdigest()[:32], (side_px, side_px)
    num = sum(v.num_frames for v in videos)
    found = (
        ((f.time_s, shrink(f.rgb, side_px, shape=shape)) for f in read_frames(v)) for v in videos
    )
    return _kept(key, found, size, folder or cache_folder(), num, f"{len(videos)} videos")


def episode_images(
    dataset: Dataset, row: int, camera: str | tuple[str, ...], size: int
) -> UInt8[np.ndarray, "time height size 3"]:
    """What a camera saw in the episode of a row of the dataset's table, shrunk, for one look.

    A memory map of a nameless file: what is labeled once is not kept.

    Args:
        dataset: Whose.
        row: Row of the dataset's table.
        camera: Name of the feature; of several, whose pictures stand below each other.
        size: Side of the square they are shrunk to [px].

    Raises:
        DatasetError: The video is not there, too short, or runs by another clock.
    """
    cameras = cameras_of(camera)
    out = Spool(np.uint8, (len(cameras) * size, size, 3), folder=_scratch())
    for _, picture in _views(dataset, row, cameras, size):
        out.add(picture[None])
    return out.whole()


def focused_map(
    images: UInt8[np.ndarray, "time height size 3"], points: Points, config: FocusConfig
) -> UInt8[np.ndarray, "time height size 3"]:
    """`focused`, in a memory map of a nameless file."""
    out, start = Spool(np.uint8, images.shape[1:], folder=_scratch()), 0
    for block in blocks_of(images):
        end = start + len(block)
        out.add(focused(block, points[start:end], config))
        start = end
    return out.whole()


def scratch(dtype: type[np.generic], shape: Sequence[int] = ()) -> Spool:
    """A nameless file for rows of numbers, where pictures are kept."""
    return Spool(dtype, shape, folder=_scratch())


def _views(
    dataset: Dataset, row: int, cameras: tuple[str, ...], side_px: int | None
) -> Iterator[Picture]:
    """What all cameras saw at each row of an episode."""
    seen = [_timed(dataset, dataset.episode(row, camera=c), row, c, side_px) for c in cameras]
    for moment in zip(*seen, strict=True):
        yield moment[0][0], stacked([picture for _, picture in moment])


def _timed(
    dataset: Dataset, rows: EpisodeRows, row: int, camera: str, side_px: int | None
) -> Iterator[Picture]:
    meta, fps = dataset.table[row], dataset.fps
    start_s, end_s = (float(meta[f"videos/{camera}/{e}_timestamp"]) for e in ("from", "to"))
    if abs((end_s - start_s) * fps - rows.num_rows) > 1:
        raise DatasetError(
            f"episode {rows.index}: {rows.num_rows} rows at {fps:g} a second last "
            f"{rows.num_rows / fps:.3f} s, its video {end_s - start_s:.3f} s; the clocks of table "
            "and video disagree: write the dataset again"
        )
    assert rows.video_file is not None
    _check_rate(rows.video_file, fps)
    for number, image in enumerate(read_images(rows, range(rows.num_rows), fps)):
        yield number / fps, image if side_px is None else shrink(image, side_px)


def _check_rate(file: Path, fps: float) -> None:
    from rotoscope.pipeline.video.container import open_video

    with open_video(file) as (_, stream):
        rate = stream.average_rate
    if rate is None or abs(float(rate) / fps - 1) > CLOCK_TOLERANCE:
        raise DatasetError(
            f"{file} runs at {float(rate or 0):g} frames a second, info.json says fps {fps:g}; "
            "the clocks of table and video disagree: write the dataset again with the true rate"
        )


def _kept(
    key: str,
    videos: Iterable[Iterable[Picture]],
    size: tuple[int, int],
    folder: Path,
    num: int,
    what: str,
) -> Frames:
    """The frames of that key; decoded, and written as they come, the first time.

    Processes that train together come one after the other, so that they are decoded once.
    """
    place = folder / key

    def found() -> Frames:
        if not place.is_dir():
            _check_space(folder, num, size, what)
            with atomic_path(place) as temporary:
                temporary.mkdir()
                _write(temporary, videos, size)
        os.utime(place)  # `prune_frames` keeps what was used last
        facts = json.loads((place / _FACTS).read_text())
        written = facts["starts"][-1]
        return Frames(
            images=open_map(place / _IMAGES, np.uint8, (written, *size, 3)),
            time_s=open_map(place / _TIMES, np.float64, (written,)),
            starts=tuple(facts["starts"]),
        )

    return in_turns(found)


def _write(folder: Path, videos: Iterable[Iterable[Picture]], size: tuple[int, int]) -> None:
    began, starts = time.perf_counter(), [0]
    images = Spool(np.uint8, (*size, 3), path=folder / _IMAGES)
    times = Spool(np.float64, path=folder / _TIMES)
    for video in videos:
        for time_s, picture in video:
            images.add(picture[None])
            times.add(np.array([time_s]))
        starts.append(images.num_rows)
    images.whole()
    times.whole()
    (folder / _FACTS).write_text(json.dumps({"starts": starts}))
    took_s = max(time.perf_counter() - began, 1e-9)
    log.warning(
        "decoded %d frames, %.0f a second, into %.1f GB of %s",
        *(starts[-1], starts[-1] / took_s, images.num_rows * 3 * size[0] * size[1] / 1e9),
        folder.parent,
    )


def _check_space(folder: Path, num: int, size: tuple[int, int], what: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    free, num_bytes = shutil.disk_usage(folder).free, num * size[0] * size[1] * 3
    if num_bytes > 0.8 * free:
        raise DiskFullError(
            f"the frames of {what} take {num_bytes / 2**30:.1f} GiB, {folder} has "
            f"{free / 2**30:.1f} GiB left; shrink them with image_size=32 or so, or let "
            "XDG_CACHE_HOME name a larger disk"
        )


def _dataset_key(dataset: Dataset, cameras: tuple[str, ...], side_px: int | None) -> str:
    keys = [_camera_key(dataset, camera, side_px) for camera in cameras]
    if len(keys) == 1:
        return keys[0]
    return hashlib.sha256(" ".join(keys).encode()).hexdigest()[:32]


def _camera_key(dataset: Dataset, camera: str, side_px: int | None) -> str:
    """Changes with the video files and with what the table says of them, not with their place."""
    names = ("episode_index", "length", *(f"videos/{camera}/{e}_timestamp" for e in ("from", "to")))
    table = [[str(row.get(name)) for name in names] for row in dataset.table]
    facts = [_LAYOUT, camera, side_px, dataset.fps, dataset.info["total_frames"], table]
    found = hashlib.sha256(json.dumps(facts).encode())
    if dataset.far is not None:
        # Their bytes are what shall not be read again.
        told = dataset.far.tokens(camera)
    else:
        told = [(path.name, sha256_of(path)) for path in dataset.video_files(camera)]
    for name, token in told:
        found.update(name.encode() + token.encode())
    return found.hexdigest()[:32]


def cache_folder() -> Path:
    """Where pictures are kept; it may be removed at any time that nothing trains."""
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("rotoscope")) / "frames"


@dataclass(frozen=True)
class PrunedFrames:
    """What `prune_frames` did."""

    removed: tuple[Path, ...]
    """Pictures of a dataset's camera each, the least recently used first."""
    num_bytes: int
    """What they took."""
    kept_bytes: int
    """What is left."""


def prune_frames(
    *, max_age_days: float | None = None, max_bytes: int | None = None, folder: Path | None = None
) -> PrunedFrames:
    """Removes decoded pictures that no training used for long; they are decoded again on demand.

    A training that reads them meanwhile goes on: what it has opened stays until it ends.

    Args:
        max_age_days: Remove what was not used for longer.
        max_bytes: Remove the least recently used until the others take no more.
        folder: Where they are kept; the user's cache where `None`.
    """
    root = folder or cache_folder()
    there = root.iterdir() if root.is_dir() else ()
    # Other names are those of files that are being written.
    entries = [p for p in there if p.is_dir() and (p / _FACTS).is_file() and p.name[0] != "."]
    sizes = {p: sum(f.stat().st_size for f in p.iterdir()) for p in entries}
    total, now_s, removed = sum(sizes.values()), time.time(), []
    for place in sorted(entries, key=lambda p: p.stat().st_mtime):
        is_old = max_age_days is not None and now_s - place.stat().st_mtime > 86400 * max_age_days
        if not (is_old or (max_bytes is not None and total > max_bytes)):
            break
        shutil.rmtree(place)
        removed.append(place)
        total -= sizes[place]
    return PrunedFrames(tuple(removed), sum(sizes[p] for p in removed), total)


def _scratch() -> Path:
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    return folder
