"""Unlabelled videos out of LeRobot v3 datasets, whose actions are not looked at, and of folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.models.latent_actions.config import LatentActionConfig
from rotoscope.models.latent_actions.data import SHAPE_TOLERANCE, UnlabelledSet, UnlabelledVideo
from rotoscope.models.training.pictures import shrink
from rotoscope.models.training.read import episode_images, numbers_of
from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows, open_dataset
from rotoscope.pipeline.errors import DatasetError, UsageError, quoted
from rotoscope.pipeline.types import Video
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames
from rotoscope.pipeline.video.scan import scan

_FILES = ""
"""Stands for all files in a table of shapes; no source is called so."""


def read_unlabelled(sources: Sequence[Path], config: LatentActionConfig) -> UnlabelledSet:
    """The videos of all sources; each source is an embodiment.

    The shape of pictures is that of the first source; files of another get black bars, as they do
    when they are labeled.

    Args:
        sources: Folders of LeRobot v3 datasets, or of video files.
        config: Settings: which camera, which tracks.

    Raises:
        UsageError: A source that is not there or holds no video.
        DatasetError: A camera or feature that is not there, datasets whose pictures differ in
            shape, or clocks that disagree.
        VideoError: A file that cannot be read.
    """
    if not sources:
        raise UsageError("name at least one source of video with --data FOLDER")
    opened = [_open(source) for source in sources]
    sizes = _sizes([o for o in opened if isinstance(o, Dataset)], config)
    videos: list[UnlabelledVideo] = []
    shapes: dict[str, tuple[int, int]] = {}
    for number, (source, found) in enumerate(zip(sources, opened, strict=True)):
        if isinstance(found, Dataset):
            read = _Reader(found, config, sizes, number)
            videos += [read.episode(row) for row in range(len(found.table))]
            shapes[str(source)] = read.shape
        else:
            for file in found:
                facts = probe(file)
                shapes.setdefault(_FILES, (facts.width, facts.height))
                shape = next(iter(shapes.values()))
                videos.append(_video(facts, config, sizes, number, shape=shape))
    _check_shapes({name: shape for name, shape in shapes.items() if name != _FILES})
    return UnlabelledSet(
        videos=tuple(videos),
        embodiments=_names(sources),
        picture_shape=next(iter(shapes.values())),
        target_names=tuple(n for n in config.tracks.targets for _ in range(sizes[n])),
    )


def _open(source: Path) -> Dataset | list[Path]:
    if not source.exists():
        raise UsageError(f"{source} is not there; name a dataset's folder or a folder of videos")
    if (source / "meta" / "info.json").is_file():
        return open_dataset(source)
    found = scan([source])
    readable = [item.path for item in found if not item.problem]
    if not readable:
        raise UsageError(
            f"{source} holds no video ({len(found)} files looked at): name a LeRobot v3 dataset "
            "or a folder of video files"
        )
    return readable


def _sizes(datasets: Sequence[Dataset], config: LatentActionConfig) -> dict[str, int]:
    """Numbers of every feature that tracks are taken from; all sources must agree."""
    wanted = dict.fromkeys((*config.tracks.targets, *config.tracks.points))
    out: dict[str, int] = {}
    for name in wanted:
        shapes = [_shape(d, name) for d in datasets if name in d.info["features"]]
        if not shapes:
            there = {n for d in datasets for n, f in d.info["features"].items() if _is_track(n, f)}
            raise DatasetError(
                f"no source has the feature {name!r}; they have {quoted(there)}: name some of them "
                "in tracks.targets or tracks.points"
            )
        if len(set(shapes)) > 1:
            raise DatasetError(
                f"the sources disagree about how many numbers {name!r} has: {sorted(set(shapes))}"
            )
        out[name] = shapes[0]
    for name in config.tracks.points:
        if out[name] < 2:
            raise DatasetError(
                f"tracks.points needs points, x and y first; {name!r} has {out[name]} number"
            )
    return out


def _shape(dataset: Dataset, name: str) -> int:
    return int(np.prod(dataset.info["features"][name]["shape"]))


def _is_track(name: str, feature: dict[str, Any]) -> bool:
    return feature["dtype"] != "video" and name.startswith(("track.", "observation."))


class _Reader:
    """Episodes of one dataset."""

    def __init__(
        self, dataset: Dataset, config: LatentActionConfig, sizes: dict[str, int], number: int
    ) -> None:
        self.dataset, self.config, self.sizes, self.number = dataset, config, sizes, number
        self.camera = _camera(dataset, config.camera)
        height, width = dataset.info["features"][self.camera]["shape"][:2]
        self.shape = (int(width), int(height))

    def episode(self, row: int) -> UnlabelledVideo:
        """One episode; features that the dataset lacks are unknown throughout."""
        rows = self.dataset.episode(row, camera=self.camera)
        size = self.config.image_size
        tracks = self.config.tracks
        points = [self._points(rows, name) for name in tracks.points]
        none = np.zeros((rows.num_rows, 0))
        return UnlabelledVideo(
            name=f"{self.dataset.root.name} episode {rows.index}",
            time_s=np.asarray(rows.columns["timestamp"], float),
            images=episode_images(self.dataset, rows, row, self.camera, size),
            targets=np.concatenate([none, *(self._column(rows, n) for n in tracks.targets)], 1),
            points=np.stack(points, 1) if points else none[:, :, None].repeat(2, 2),
            embodiment=self.number,
        )

    def _column(self, rows: EpisodeRows, name: str) -> np.ndarray:
        if name not in rows.columns:
            return np.full((rows.num_rows, self.sizes[name]), np.nan)
        return numbers_of(rows, name)

    def _points(self, rows: EpisodeRows, name: str) -> np.ndarray:
        width, height = self.shape
        return self._column(rows, name)[:, :2] * [1.0, width / height]


def _camera(dataset: Dataset, wanted: str) -> str:
    cameras = dataset.cameras
    if wanted in cameras:
        return wanted
    if wanted or len(cameras) != 1:
        what = f"no camera {wanted!r}" if wanted else f"{len(cameras)} cameras"
        raise DatasetError(
            f"{dataset.root} has {what}; it has {quoted(cameras)}: name one of them with camera=..."
        )
    return cameras[0]


def _video(
    video: Video,
    config: LatentActionConfig,
    sizes: dict[str, int],
    number: int,
    *,
    shape: tuple[int, int],
) -> UnlabelledVideo:
    time_s, images = [], []
    for frame in read_frames(video):
        time_s.append(frame.time_s)
        images.append(shrink(frame.rgb, config.image_size, shape=shape))
    num_targets = sum(sizes[name] for name in config.tracks.targets)
    return UnlabelledVideo(
        name=video.path.name,
        time_s=np.array(time_s),
        images=np.stack(images),
        targets=np.full((len(time_s), num_targets), np.nan),
        points=np.full((len(time_s), len(config.tracks.points), 2), np.nan),
        embodiment=number,
    )


def _check_shapes(shapes: dict[str, tuple[int, int]]) -> None:
    named = list(shapes.items())
    first, (width, height) = named[0] if named else ("", (1, 1))
    for name, (w, h) in named[1:]:
        if abs((w / h) / (width / height) - 1) > SHAPE_TOLERANCE:
            raise DatasetError(
                f"{name} is {w} x {h} px, {first} is {width} x {height}: squeezed into the same "
                "square they would show different motion; write the datasets with one shape"
            )


def _names(sources: Sequence[Path]) -> tuple[str, ...]:
    """Each source by the end of its path; numbered where two would be the same."""
    names = [source.resolve().name for source in sources]
    return tuple(n if names.count(n) == 1 else f"{n}#{i}" for i, n in enumerate(names))
