"""Unlabelled videos out of LeRobot v3 datasets, whose actions are not looked at, and of folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.models.latent_actions.config import LatentActionConfig
from rotoscope.models.latent_actions.data import SHAPE_TOLERANCE, UnlabelledSet, UnlabelledVideo
from rotoscope.models.training.focus_points import check_focus, points_of
from rotoscope.models.training.frames import (
    focused_map,
    open_frames,
    open_video_frames,
    scratch,
)
from rotoscope.models.training.read import numbers_of, open_once
from rotoscope.models.training.views import cameras_of, check_cameras, check_one_camera
from rotoscope.pipeline.datasets.far import is_far
from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows, open_dataset
from rotoscope.pipeline.errors import DatasetError, UsageError, quoted
from rotoscope.pipeline.types import Video
from rotoscope.pipeline.video.probe import probe
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
            videos += read.episodes()
            shapes[str(source)] = read.shape
        else:
            check_one_camera(config.camera, source)
            if config.focus.tracks:
                raise UsageError(
                    f"focus.tracks={list(config.focus.tracks)} are features of a dataset, and "
                    f"{source} holds videos; label it with a recipe of tracks first, and name "
                    "the dataset"
                )
            facts = [probe(file) for file in found]
            shapes.setdefault(_FILES, (facts[0].width, facts[0].height))
            shape = next(iter(shapes.values()))
            videos += _videos(facts, config, sizes, number, shape=shape)
    _check_shapes({name: shape for name, shape in shapes.items() if name != _FILES})
    return UnlabelledSet(
        videos=tuple(videos),
        embodiments=_names(sources),
        picture_shape=next(iter(shapes.values())),
        target_names=tuple(n for n in config.tracks.targets for _ in range(sizes[n])),
    )


def _open(source: Path) -> Dataset | list[Path]:
    if is_far(source):
        return open_once(source)
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
        self.camera = camera_of(dataset, config.camera)
        check_focus(dataset, self.camera, config.focus)
        height, width = dataset.info["features"][cameras_of(self.camera)[0]]["shape"][:2]
        self.shape = (int(width), int(height))

    def episodes(self) -> list[UnlabelledVideo]:
        """All of them, on disk; features that the dataset lacks are unknown throughout."""
        tracks = self.config.tracks
        frames = open_frames(self.dataset, self.camera, side_px=self.config.image_size)
        num_targets = sum(self.sizes[name] for name in tracks.targets)
        time_s = scratch(np.float64)
        targets = scratch(np.float64, (num_targets,))
        points = scratch(np.float64, (len(tracks.points), 2))
        names: list[str] = []
        focus: list[np.ndarray] = []
        for row in range(len(self.dataset.table)):
            rows = self.dataset.episode(row)
            none = np.zeros((rows.num_rows, 0))
            places = [self._points(rows, name) for name in tracks.points]
            time_s.add(np.asarray(rows.columns["timestamp"], float))
            targets.add(np.concatenate([none, *(self._column(rows, n) for n in tracks.targets)], 1))
            points.add(np.stack(places, 1) if places else none[:, :, None].repeat(2, 2))
            names.append(f"{self.dataset.root.name} episode {rows.index}")
            if self.config.focus.tracks:
                focus.append(points_of(self.dataset, rows, self.camera, self.config.focus))
        columns = {"time_s": time_s.whole(), "targets": targets.whole(), "points": points.whole()}
        columns["images"] = frames.images
        videos = [
            UnlabelledVideo(
                name=name,
                embodiment=self.number,
                **{key: values[frames.of(row)] for key, values in columns.items()},
            )
            for row, name in enumerate(names)
        ]
        return (
            [
                replace(v, images=focused_map(v.images, p, self.config.focus), focus=p)
                for v, p in zip(videos, focus, strict=True)
            ]
            if focus
            else videos
        )

    def _column(self, rows: EpisodeRows, name: str) -> np.ndarray:
        if name not in rows.columns:
            return np.full((rows.num_rows, self.sizes[name]), np.nan)
        return numbers_of(rows, name)

    def _points(self, rows: EpisodeRows, name: str) -> np.ndarray:
        width, height = self.shape
        return self._column(rows, name)[:, :2] * [1.0, width / height]


def camera_of(dataset: Dataset, wanted: str | tuple[str, ...]) -> str | tuple[str, ...]:
    """The cameras of a dataset that a model sees: those wanted, or its only one.

    Raises:
        DatasetError: They are not there, or it has several and none is named.
    """
    cameras = dataset.cameras
    if wanted:
        check_cameras(dataset, wanted)
        return wanted
    if len(cameras) != 1:
        raise DatasetError(
            f"{dataset.root} has {len(cameras)} cameras; it has {quoted(cameras)}: name one of "
            "them with camera=..., or several with camera=[A,B]"
        )
    return cameras[0]


def _videos(
    videos: Sequence[Video],
    config: LatentActionConfig,
    sizes: dict[str, int],
    number: int,
    *,
    shape: tuple[int, int],
) -> list[UnlabelledVideo]:
    frames = open_video_frames(videos, side_px=config.image_size, shape=shape)
    num_targets, num_points = (
        sum(sizes[n] for n in config.tracks.targets),
        len(config.tracks.points),
    )
    out = []
    for place, video in enumerate(videos):
        here = frames.of(place)
        num = here.stop - here.start
        out.append(
            UnlabelledVideo(
                name=video.path.name,
                time_s=frames.time_s[here],
                images=frames.images[here],
                # One number that stands everywhere: nothing is known, and takes no memory.
                targets=np.broadcast_to(np.nan, (num, num_targets)),
                points=np.broadcast_to(np.nan, (num, num_points, 2)),
                embodiment=number,
            )
        )
    return out


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
