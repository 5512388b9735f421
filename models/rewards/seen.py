"""What episodes are judged by: columns of numbers, and pictures through an encoder."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.checkpoints.device import Device
from rotoscope.models.encoders.pca import PictureComponents
from rotoscope.models.encoders.pretrained import COMPONENTS, Embed
from rotoscope.models.inverse_dynamics.encoders import open_encoder
from rotoscope.models.training.frames import episode_images
from rotoscope.models.training.read import numbers_of
from rotoscope.pipeline.datasets.read import Dataset
from rotoscope.pipeline.errors import DatasetError, UsageError, quoted

NUM_COMPONENTS = 32
"""Principal components that pictures are described by."""
SIDE_PX = 64
"""Side of the square that pictures are shrunk to."""
_PREFIXES = ("observation.state", "track.")


@dataclass(frozen=True)
class Seen:
    """What is looked at."""

    columns: tuple[str, ...] = ()
    """Columns of numbers, each with the numbers that count where not all do:
    `observation.state:hand.*,object.*`."""
    camera: str = ""
    """Camera whose pictures count; empty for none."""
    encoder: str = COMPONENTS
    """What describes them: `pca`, or the name of a trained encoder."""
    device: Device = "auto"
    """Where networks look."""

    def numbers(self, dataset: Dataset) -> tuple[dict[str, list[int]], tuple[str, ...]]:
        """Which numbers of which columns count, and their names with the column's before.

        Raises:
            DatasetError: A column, or a number of it, is not there.
        """
        chosen: dict[str, list[int]] = {}
        names: list[str] = []
        for text in self.columns:
            column, _, patterns = text.partition(":")
            there = _names_of(dataset, column)
            wanted = [p.strip() for p in patterns.split(",") if p.strip()] or ["*"]
            found = [
                i for i, name in enumerate(there) if any(fnmatch.fnmatch(name, p) for p in wanted)
            ]
            if not found:
                raise DatasetError(
                    f"{dataset.root}: {column} has no number {patterns!r}; it has {quoted(there)}"
                )
            chosen[column] = found
            names += [f"{column}.{there[i]}" for i in found]
        return chosen, tuple(names)

    def or_default(self, dataset: Dataset) -> Seen:
        """The same, with the dataset's state or tracks where nothing is named."""
        if self.columns or self.camera:
            return self
        return replace(self, columns=seen_by_default(dataset))

    def check(self, dataset: Dataset) -> None:
        """Refuses what a dataset does not have.

        Raises:
            UsageError: Nothing is named to look at.
            DatasetError: A column or the camera is not there.
        """
        if not self.columns and not self.camera:
            raise UsageError(
                "nothing is named that episodes are judged by: name columns with --see, such as "
                f"{quoted(_usable(dataset)) or 'a track'}, or a camera with --camera"
            )
        self.numbers(dataset)
        if self.camera and self.camera not in dataset.cameras:
            raise DatasetError(
                f"{dataset.root} has no camera {self.camera!r}; it has {quoted(dataset.cameras)}"
            )


def seen_by_default(dataset: Dataset) -> tuple[str, ...]:
    """The state, where a dataset has one; else its tracks."""
    usable = _usable(dataset)
    return ("observation.state",) if "observation.state" in usable else tuple(usable)


def _usable(dataset: Dataset) -> list[str]:
    return [
        name
        for name, feature in dataset.info["features"].items()
        if name.startswith(_PREFIXES) and feature["dtype"].startswith(("float", "int"))
    ]


def _names_of(dataset: Dataset, column: str) -> list[str]:
    usable = _usable(dataset)
    if column not in usable:
        raise DatasetError(
            f"{dataset.root} has no column {column!r} of numbers; it has {quoted(usable)}"
        )
    size = int(np.prod(dataset.info["features"][column]["shape"]))
    names = dataset.names(column)
    return list(names) if len(names) == size else [str(i) for i in range(size)]


def read_numbers(
    dataset: Dataset, row: int, chosen: dict[str, list[int]]
) -> Float[np.ndarray, "row number"]:
    """The chosen numbers of an episode, by the row of the dataset's table."""
    rows = dataset.episode(row)
    parts = [numbers_of(rows, column)[:, indices] for column, indices in chosen.items()]
    return np.concatenate([np.zeros((rows.num_rows, 0)), *parts], axis=1)


def read_pictures(
    dataset: Dataset, row: int, camera: str, side_px: int = SIDE_PX
) -> UInt8[np.ndarray, "row side side 3"]:
    """What a camera saw in an episode, shrunk to a square."""
    return episode_images(dataset, row, camera, side_px)


class Describer:
    """Turns pictures into numbers."""

    def __init__(self, embed: Embed, name: str) -> None:
        self._embed, self._name = embed, name

    def __call__(
        self, images: UInt8[np.ndarray, "row side side 3"]
    ) -> Float[np.ndarray, "row number"]:
        """One row of numbers a picture."""
        before = np.concatenate([images[:1], images[:-1]])
        return np.asarray(self._embed(images, before), float)

    def names(self, num: int) -> tuple[str, ...]:
        """Names of the numbers: one vector."""
        return tuple(f"{self._name}.{i}" for i in range(num))


def describer(
    encoder: str,
    some: Iterable[UInt8[np.ndarray, "_ side side 3"]],
    device: Device = "auto",
) -> Describer:
    """What describes pictures: a trained encoder, or components of these pictures.

    Args:
        encoder: `pca`, or the name of a trained encoder.
        some: Pictures that components are learned from; not looked at otherwise.
        device: Where a trained encoder looks.

    Raises:
        UsageError: No such encoder, or no such device.
        AssetError: Its weights cannot be had.
    """
    if encoder != COMPONENTS:
        return Describer(open_encoder(encoder, device), "picture")
    return Describer(PictureComponents.of(np.concatenate(list(some)), NUM_COMPONENTS), "picture")
