"""Person and robot side by side: the contact sheet, the loop, and animations for elsewhere."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from pipeline.atomic import write_bytes_atomic
from pipeline.dataset import Dataset, EpisodeRows, open_dataset
from pipeline.errors import UsageError
from pipeline.report.pictures import people, picture_size
from pipeline.report.robot import Draw, RobotPainter

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


def loop(
    dataset: Dataset, episode: EpisodeRows, draw: Draw | None, *, max_s: float = LOOP_MAX_S
) -> str:
    """An animated WebP data URI: the person beside the robot, `max_s` seconds of it at most."""
    step = max(1, round(dataset.fps / LOOP_HZ))
    last = max(1, min(episode.num_rows, int(max_s * dataset.fps)))
    frames = side_by_side(dataset, episode, list(range(0, last, step)), draw, area_px=LOOP_AREA_PX)
    data = encode(frames, "WEBP", frame_s=step / dataset.fps)
    return "data:image/webp;base64," + base64.b64encode(data).decode()


def write_animation(
    dataset_path: Path,
    target: Path,
    *,
    episode: int = 0,
    max_s: float = LOOP_MAX_S,
    area_px: int = LOOP_AREA_PX,
) -> list[str]:
    """Writes an animated WebP or GIF of one episode: the person beside the robot.

    Args:
        dataset_path: Folder of a dataset that rotoscope wrote.
        target: File to write; its ending says which format.
        episode: Which one.
        max_s: How much of it at most [s].
        area_px: Area of each of the two pictures [px].

    Returns:
        Why the robot is not drawn as it should be; empty where it is.

    Raises:
        UsageError: Another ending, or no such episode.
        DatasetError: The folder holds no LeRobot v3 dataset.
    """
    kind = ANIMATION_FORMATS.get(target.suffix.lower())
    if kind is None:
        raise UsageError(
            f"an animation is written as {' or '.join(ANIMATION_FORMATS)}, got {target.name!r}"
        )
    dataset = open_dataset(dataset_path)
    if not 0 <= episode < len(dataset.table):
        raise UsageError(
            f"{dataset_path} has no episode {episode}; valid ones are 0 to {len(dataset.table) - 1}"
        )
    rows = dataset.episode(episode)
    step = max(1, round(dataset.fps / LOOP_HZ))
    wanted = list(range(0, min(rows.num_rows, int(max_s * dataset.fps)), step))
    with RobotPainter() as painter:
        draw = painter.draw_of(dataset, rows)
        frames = side_by_side(dataset, rows, wanted, draw, area_px=area_px)
    write_bytes_atomic(target, encode(frames, kind, frame_s=step / dataset.fps))
    return painter.notes


def side_by_side(
    dataset: Dataset,
    episode: EpisodeRows,
    rows: Sequence[int],
    draw: Draw | None,
    *,
    area_px: int,
) -> list[UInt8[np.ndarray, "height width 3"]]:
    """The person and, right of them, the robot in some rows, which must increase."""
    width, height = picture_size(dataset, episode, area_px=area_px)
    robot_width = 2 * round(np.clip(width, MIN_ASPECT * height, MAX_ASPECT * height) / 2)
    persons = people(dataset, episode, rows, width=width, height=height)
    if draw is None:
        return list(persons)
    return [
        np.concatenate([person, draw(row, robot_width, height)], axis=1)
        for row, person in zip(rows, persons, strict=True)
    ]


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
