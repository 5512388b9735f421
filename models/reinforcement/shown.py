"""What is imitated, and the same numbers of what happens in a simulator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.rewards.demonstrations import Demonstration, demonstrations
from rotoscope.models.rewards.seen import (
    SIDE_PX,
    Describer,
    Seen,
    describer,
    read_numbers,
    read_pictures,
)
from rotoscope.models.simulators.simulator import IMAGES, STATE
from rotoscope.models.training.pictures import shrink
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.errors import DatasetError, UsageError, quoted
from rotoscope.pipeline.rewards.subgoals import Subgoals, subgoals_of
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames

Pictures = UInt8[np.ndarray, "row side side 3"]


@dataclass(frozen=True, eq=False)
class Shown:
    """Demonstrations before they are described: numbers, pictures, or both."""

    seen: Seen
    """What of them counts."""
    names: tuple[str, ...]
    """Numbers of the state that count, as the dataset calls them."""
    numbers: tuple[Float[np.ndarray, "_ number"], ...]
    """Of each demonstration its numbers; none where pictures alone count."""
    pictures: tuple[Pictures, ...]
    """Of each demonstration its pictures; empty where no camera counts."""
    size: tuple[int, int]
    """Width and height of the pictures before they were made small [px]; 0 where there are none."""

    @property
    def camera(self) -> str:
        """The simulator's name of the camera that counts; empty for none."""
        return self.seen.camera.removeprefix(IMAGES)


NOTHING = Shown(Seen(), (), (), (), (0, 0))
"""Where the task's own reward is learned from."""


def read_shown(data: Path, texts: Sequence[str], seen: Seen) -> Shown:
    """Reads demonstrations; their actions are not looked at.

    Args:
        data: LeRobot v3 dataset, or one video file.
        texts: Episodes of the dataset, or of others; see `demonstrations`. All where empty.
        seen: What counts; the state where nothing is named, of a video its pictures.

    Raises:
        UsageError: No such file, no such episode, or columns that no simulator gives.
        DatasetError: A column or a camera is not there, or datasets differ in their numbers.
        VideoError: The video cannot be read.
    """
    if data.is_file():
        return _of_video(data, texts, seen)
    dataset = open_dataset(data)
    demos = demonstrations(texts or [f"0:{len(dataset)}"], dataset)
    seen = seen.or_default(dataset)
    _check_columns(seen)
    seen.check(dataset)
    read = [_numbers(demo, seen) for demo in demos]
    if len({names for names, _ in read}) > 1:
        raise DatasetError(
            f"the demonstrations differ in their numbers: {quoted(read[0][0])} of {demos[0].name}, "
            "others of others; name those that all have, as --see observation.state:hand.*"
        )
    pictures: tuple[np.ndarray, ...] = ()
    size = (0, 0)
    if seen.camera:
        pictures = tuple(read_pictures(d.dataset, d.row, seen.camera) for d in demos)
        height, width = dataset.info["features"][seen.camera]["shape"][:2]
        size = (int(width), int(height))
    return Shown(seen, read[0][0], tuple(rows for _, rows in read), pictures, size)


def _numbers(demo: Demonstration, seen: Seen) -> tuple[tuple[str, ...], np.ndarray]:
    chosen, names = seen.numbers(demo.dataset)
    own = tuple(name.removeprefix(f"{STATE}.") for name in names)
    return own, read_numbers(demo.dataset, demo.row, chosen)


def _check_columns(seen: Seen) -> None:
    strange = [text for text in seen.columns if text.partition(":")[0] != STATE]
    if strange:
        raise UsageError(
            f"a simulator gives {STATE} and pictures, not {quoted(strange)}: name some with --see "
            f"'{STATE}:hand.*', or a camera with --camera"
        )


def _of_video(file: Path, texts: Sequence[str], seen: Seen) -> Shown:
    if texts or seen.columns or not seen.camera:
        raise UsageError(
            f"{file} is one video: it has no episodes and no columns to name, and --camera must "
            f"say which camera of the simulator it was filmed with, such as {IMAGES}corner2"
        )
    video = probe(file)
    pictures = np.stack([shrink(frame.to_rgb(), SIDE_PX) for frame in read_frames(video)])
    size = (video.width, video.height)
    return Shown(seen, (), (np.zeros((len(pictures), 0)),), (pictures,), size)


@dataclass(frozen=True, eq=False)
class Imitated:
    """What demonstrations show, in the numbers by which an episode is judged."""

    demos: tuple[Float[np.ndarray, "_ number"], ...]
    """Features of each demonstration's rows."""
    goals: tuple[Subgoals, ...]
    """Its subgoals."""
    describe: Describer | None
    """What turned pictures into numbers."""


def described(shown: Shown, others: Pictures) -> Imitated:
    """Demonstrations as numbers.

    Args:
        shown: What was read.
        others: Pictures of episodes at random: principal components of the demonstration alone
            do not show what is off it.

    Raises:
        UsageError: No such encoder.
        DatasetError: Nothing moves in the demonstrations.
    """
    describe = describer(shown.seen.encoder, [*shown.pictures, others]) if shown.camera else None
    demos = list(shown.numbers)
    names = shown.names
    if describe is not None:
        parts = [describe(pictures) for pictures in shown.pictures]
        demos = [np.concatenate(both, axis=1) for both in zip(demos, parts, strict=True)]
        names = (*names, *describe.names(parts[0].shape[1]))
    return Imitated(tuple(demos), tuple(subgoals_of(demos, names)), describe)
