"""A played episode as a film: what the camera saw, the robot as it moved, and how well."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from rotoscope.pipeline.datasets.read import Dataset
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.files.atomic import atomic_path
from rotoscope.pipeline.replay.commands import NONE
from rotoscope.pipeline.replay.run import PlayedEpisode
from rotoscope.pipeline.report.animations import robot_width
from rotoscope.pipeline.report.pictures import people, picture_size
from rotoscope.pipeline.robots import robots
from rotoscope.pipeline.video.encode import EpisodeEncoder

AREA_PX = 480 * 360
"""Area of each of the two pictures [px]."""
LINE_PX = 26
"""Height of the line of text below them [px]."""
BACKGROUND, TEXT, WARNING = (15, 23, 42), (226, 232, 240), (251, 146, 60)


def write_film(target: Path, dataset: Dataset, found: PlayedEpisode, robot: str) -> None:
    """Writes an MP4 at the dataset's own rate: person, robot, and what is to be said of the moment.

    Args:
        target: File to write; its name ends in `.mp4`.
        dataset: That the episode comes from.
        found: What became of it.
        robot: Name of the robot, or path of its YAML file.

    Raises:
        UsageError: Another ending.
        RobotError: The robot cannot be drawn here.
    """
    if target.suffix.lower() != ".mp4":
        raise UsageError(f"a film is written as .mp4, got {target.name!r}")
    with atomic_path(Path(os.path.abspath(target))) as temporary:
        _encode(temporary, dataset, found, robot)


def _encode(path: Path, dataset: Dataset, found: PlayedEpisode, robot: str) -> None:
    frames = film_frames(dataset, found, robot)
    first = next(frames)
    height, width = first.shape[:2]
    fps = round(dataset.fps)
    # A key frame a second: it is looked at from its beginning, and is small.
    with EpisodeEncoder(
        path, width=width, height=height, fps=fps, g=fps, crf=26, preset="veryfast"
    ) as encoder:
        encoder.add(first)
        for frame in frames:
            encoder.add(frame)


def film_frames(
    dataset: Dataset, found: PlayedEpisode, robot: str
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """The pictures of the film, one for each command; after a fall the last one stays."""
    width, height = picture_size(dataset, found.episode, area_px=AREA_PX)
    values = _last_known(found.played.values)
    renderer = robots().open_renderer(robot)
    try:
        pictures = renderer.pictures(values, root_pose=found.root_pose)
        persons = _persons(dataset, found, width, height)
        for k, person in enumerate(persons):
            drawn = pictures.draw(k, width=robot_width(width, height), height=height)
            both = np.concatenate([person, drawn], axis=1)
            yield np.concatenate([both, _line(found, k, both.shape[1])], axis=0)
    finally:
        renderer.close()


def _persons(
    dataset: Dataset, found: PlayedEpisode, width: int, height: int
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """What the camera saw at each command; dim on a ramp, which belongs to no moment of it."""
    rows = found.commands.row
    shown = np.flatnonzero(rows != NONE)
    pictures = people(dataset, found.episode, rows[shown].tolist(), width=width, height=height)
    picture = next(pictures)
    is_first = True
    for row in rows:
        if row == NONE:
            yield (picture // 3 + 10).astype(np.uint8)
            continue
        picture = picture if is_first else next(pictures)
        is_first = False
        yield picture


def _line(found: PlayedEpisode, k: int, width: int) -> UInt8[np.ndarray, "height width 3"]:
    from PIL import Image, ImageDraw, ImageFont

    played, commands = found.played, found.commands
    image = Image.new("RGB", (width, LINE_PX), BACKGROUND)
    pen = ImageDraw.Draw(image)
    error_mm = 1e3 * float(played.tip_error_m[k].max())
    seconds = k / found.contract.rate_hz
    text = f"{seconds:6.2f} s   tip {error_mm:5.1f} mm off" if np.isfinite(error_mm) else "fallen"
    warnings = [
        said
        for said, holds in (
            ("ramp", commands.row[k] == NONE),
            ("row not valid: held", commands.is_held[k]),
            ("at torque limit", played.saturated[k] > 0),
            ("touches itself", played.touches_itself[k]),
            ("touches the table", played.touches_floor[k]),
        )
        if holds
    ]
    font = ImageFont.load_default(15)
    pen.text((10, 4), text, fill=TEXT, font=font)
    pen.text((230, 4), ", ".join(warnings), fill=WARNING, font=font)
    return np.asarray(image)


def _last_known(values: np.ndarray) -> np.ndarray:
    """Rows that are not finite take the values of the last that is."""
    known = np.isfinite(values).all(axis=1)
    last = np.maximum.accumulate(np.where(known, np.arange(len(values)), 0))
    return np.asarray(values[last])
