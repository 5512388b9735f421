"""Person and robot side by side: the contact sheet, the loop, and animations for elsewhere."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows, open_dataset
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.files.atomic import write_bytes_atomic
from rotoscope.pipeline.report.features import check_features
from rotoscope.pipeline.report.pictures import people, picture_size
from rotoscope.pipeline.report.robot import Draw, RobotPainter

SHEET_COLUMNS, SHEET_AREA_PX = 6, 320 * 240
LOOP_AREA_PX, LOOP_HZ, LOOP_MAX_S = 320 * 240, 10, 8.0
MIN_ASPECT, MAX_ASPECT = 0.8, 4 / 3
"""The robot's picture is at least and at most so many times as wide as high."""
ANIMATION_FORMATS = {".webp": "WEBP", ".gif": "GIF"}


def contact_sheet(dataset: Dataset, episode: EpisodeRows, draw: Draw | None) -> str:
    """A JPEG data URI: frames with hand or body above, the robot at the same moments below."""
    from PIL import Image

    count = min(SHEET_COLUMNS, episode.num_rows)
    rows = np.unique(np.linspace(0, episode.num_rows - 1, count).astype(int)).tolist()
    width, height = picture_size(dataset, episode, area_px=SHEET_AREA_PX)
    robot_height = max(height, 2 * round(width / MAX_ASPECT / 2))
    columns = []
    for row, person in zip(
        rows, people(dataset, episode, rows, width=width, height=height), strict=True
    ):
        below = [] if draw is None else [draw(row, width, robot_height)]
        columns.append(np.concatenate([person, *below], axis=0))
    buffer = io.BytesIO()
    Image.fromarray(np.concatenate(columns, axis=1)).save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def write_animation(
    dataset_path: Path,
    target: Path,
    *,
    beside: Sequence[Path] = (),
    robots: Sequence[Path] = (),
    episode: int = 0,
    max_s: float = LOOP_MAX_S,
    area_px: int = LOOP_AREA_PX,
) -> list[str]:
    """Writes an animated WebP or GIF of one episode: the person beside the robot.

    Args:
        dataset_path: Folder of a dataset that rotoscope wrote.
        target: File to write; its ending says which format.
        beside: Datasets of the same source with other robots, whose robots stand right of it.
        robots: Files of robots of your own that the datasets may name.
        episode: Which one; the same in all datasets.
        max_s: How much of it at most [s].
        area_px: Area of each of the pictures [px].

    Returns:
        Why a robot is not drawn as it should be; empty where all are.

    Raises:
        UsageError: Another ending, no such episode, or one beside it is about another time or file.
        DatasetError: A folder holds no LeRobot v3 dataset.
    """
    kind = ANIMATION_FORMATS.get(target.suffix.lower())
    if kind is None:
        raise UsageError(
            f"an animation is written as {' or '.join(ANIMATION_FORMATS)}, got {target.name!r}"
        )
    datasets = [open_dataset(path) for path in (dataset_path, *beside)]
    first = _episode(datasets[0], episode)
    step = max(1, round(datasets[0].fps / LOOP_HZ))
    rows = list(range(0, min(first.num_rows, int(max_s * datasets[0].fps)), step))
    frames, notes = pictures(datasets, rows, episode=episode, robots=robots, area_px=area_px)
    write_bytes_atomic(target, encode(frames, kind, frame_s=step / datasets[0].fps))
    return notes


def pictures(
    datasets: Sequence[Dataset],
    rows: Sequence[int],
    *,
    episode: int = 0,
    robots: Sequence[Path] = (),
    area_px: int = LOOP_AREA_PX,
) -> tuple[list[UInt8[np.ndarray, "height width 3"]], list[str]]:
    """The person, and right of it the robot of each dataset, in some rows, which must increase.

    Args:
        datasets: Of the same source.
        rows: Of the episode.
        episode: Which one; the same in all datasets.
        robots: Files of robots of your own that the datasets may name.
        area_px: Area of each picture, of which those of a row stand in one [px].

    Returns:
        A picture for every row, and why a robot is not drawn as it should be.

    Raises:
        UsageError: No such episode, or one is about another time or file.
    """
    for dataset in datasets:
        check_features(dataset)
    episodes = [_episode(dataset, episode) for dataset in datasets]
    first = episodes[0]
    for dataset, other in zip(datasets, episodes, strict=True):
        _require_same_source(datasets[0], first, dataset, other)
    width, height = picture_size(datasets[0], first, area_px=area_px)
    columns = [list(people(datasets[0], first, rows, width=width, height=height))]
    with RobotPainter(robots) as painter:
        for dataset, shown in zip(datasets, episodes, strict=True):
            draw = painter.draw_of(dataset, shown)
            if draw is not None:
                columns.append([draw(row, robot_width(width, height), height) for row in rows])
    frames = [np.concatenate(frame, axis=1) for frame in zip(*columns, strict=True)]
    return frames, painter.notes


def _episode(dataset: Dataset, index: int) -> EpisodeRows:
    if not 0 <= index < len(dataset.table):
        raise UsageError(
            f"{dataset.root} has no episode {index}; valid ones are 0 to {len(dataset.table) - 1}"
        )
    return dataset.episode(index)


def _require_same_source(
    dataset: Dataset, episode: EpisodeRows, other: Dataset, other_episode: EpisodeRows
) -> None:
    keys = ("video_sha256", "start_s", "subject")
    ours, theirs = (
        {k: e.meta.get("source", {}).get(k) for k in keys} | {"fps": d.fps, "rows": e.num_rows}
        for d, e in ((dataset, episode), (other, other_episode))
    )
    if ours != theirs:
        raise UsageError(
            f"episode {episode.index} of {dataset.root} and {other.root} cannot stand beside each "
            f"other: {ours} and {theirs}; label the same files with the same recipe and another "
            "robot"
        )


def robot_width(width: int, height: int) -> int:
    """Width of the robot's picture beside a person's of some size [px]."""
    return 2 * round(float(np.clip(width, MIN_ASPECT * height, MAX_ASPECT * height)) / 2)


def encode(
    frames: Sequence[UInt8[np.ndarray, "height width 3"]], kind: str, *, frame_s: float
) -> bytes:
    """An animation that goes on for ever, as a WebP or GIF file."""
    from PIL import Image

    images = [Image.fromarray(frame) for frame in frames]
    buffer = io.BytesIO()
    options = {"quality": 55, "method": 2} if kind == "WEBP" else {"optimize": True}
    images[0].save(
        buffer, kind, save_all=True, append_images=images[1:], loop=0,
        duration=round(1000 * frame_s), **options,
    )  # fmt: skip
    return buffer.getvalue()
