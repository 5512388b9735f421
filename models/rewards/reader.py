"""Reads what episodes of several datasets are judged by, the same numbers of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.rewards.demonstrations import Demonstration
from rotoscope.models.rewards.seen import Describer, Seen, describer, read_numbers, read_pictures
from rotoscope.pipeline.datasets.read import Dataset
from rotoscope.pipeline.errors import DatasetError, quoted

_COMPONENTS_FROM = 8
"""Episodes of the dataset that is looked at whose pictures components are learned from."""


@dataclass(frozen=True, eq=False)
class SeenEpisode:
    """What one episode is judged by."""

    features: Float[np.ndarray, "row number"]
    """Numbers, those that describe pictures last."""
    images: UInt8[np.ndarray, "row side side 3"] | None
    """Its pictures, where a camera counts."""


Read = Callable[[Demonstration], SeenEpisode]


def open_reader(
    dataset: Dataset, others: Sequence[Demonstration], seen: Seen
) -> tuple[Read, tuple[str, ...]]:
    """What reads an episode of any of these datasets, and the names of its numbers.

    Args:
        dataset: The dataset that is looked at.
        others: Episodes that are looked at beside it, of whichever dataset.
        seen: What counts of them.

    Raises:
        UsageError: Nothing is named to look at, or no such encoder.
        DatasetError: A column or the camera is not there, or datasets differ in their numbers.
    """
    for one in {id(d): d for d in (dataset, *(other.dataset for other in others))}.values():
        seen.check(one)
        if seen.numbers(one)[1] != seen.numbers(dataset)[1]:
            raise DatasetError(
                f"{one.root} has other numbers than {dataset.root}: {quoted(seen.numbers(one)[1])} "
                f"there, {quoted(seen.numbers(dataset)[1])} here; name those that both have, as "
                "--see observation.state:hand.*"
            )
    describe = _describe(dataset, others, seen) if seen.camera else None

    def read(one: Demonstration) -> SeenEpisode:
        numbers = read_numbers(one.dataset, one.row, seen.numbers(one.dataset)[0])
        if describe is None:
            return SeenEpisode(numbers, None)
        images = read_pictures(one.dataset, one.row, seen.camera)
        return SeenEpisode(np.concatenate([numbers, describe(images)], axis=1), images)

    return read, seen.numbers(dataset)[1]


def names_of(shown: SeenEpisode, names: Sequence[str]) -> tuple[str, ...]:
    """Names of all features: those of the numbers, then one vector that describes pictures."""
    return (*names, *(f"picture.{i}" for i in range(shown.features.shape[1] - len(names))))


def _describe(dataset: Dataset, others: Sequence[Demonstration], seen: Seen) -> Describer:
    step = max(1, len(dataset) // _COMPONENTS_FROM)
    some = [Demonstration(dataset, row) for row in range(0, len(dataset), step)]
    pictures = (read_pictures(one.dataset, one.row, seen.camera) for one in [*others, *some])
    return describer(seen.encoder, pictures, seen.device)
