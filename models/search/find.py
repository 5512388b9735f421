"""Finds stretches of episodes that are like a given one, whatever their speed.

Subsequence time warping of features, after M. Memmel et al., "STRAP: Robot sub-trajectory retrieval
for augmented policy learning", 2025 (2412.15182), section 4.2; places as in M. Mueller,
"Information retrieval for music and motion", 2007, section 4.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path

import numpy as np
from jaxtyping import Float

from rotoscope.models.rewards.demonstrations import Demonstration
from rotoscope.models.rewards.reader import Read, names_of, open_reader
from rotoscope.models.rewards.seen import Seen
from rotoscope.models.search.clip import Clip, open_clip
from rotoscope.pipeline.alignment.dtw import align_everywhere
from rotoscope.pipeline.datasets.read import Dataset, open_dataset
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.rewards.features import FeatureScale, distances, scale_of

MAX_SPEED = 4.0
"""Stretches that take more than this many times as long as the clip, or as short, are not
like it. Set, not tuned: room beyond half and twice the speed, against ways crushed onto a row."""
_COMPONENTS_FROM = 4
"""Episodes of each searched dataset beside the clip whose pictures components are learned from."""


@dataclass(frozen=True)
class FindRequest:
    """What is looked for, where, and by what."""

    clip: str
    """The stretch; see `open_clip`."""
    datasets: tuple[Path, ...]
    """Folders of the LeRobot v3 datasets that are searched."""
    seen: Seen = field(default_factory=Seen)
    """What is looked at; the state, or else all tracks, where it names nothing."""
    count: int = 10
    """Stretches that are wanted at most; 1 and above."""
    max_cost: float = np.inf
    """Cost per step up to which they count, in standard deviations of the clip's own motion."""


@dataclass(frozen=True, eq=False)
class Stretch:
    """Rows that are like the clip."""

    source: Demonstration
    """The episode."""
    start: int
    """First row."""
    end: int
    """Row after the last one."""
    cost: float
    """Mean distance along the warping, in standard deviations of the clip's own motion."""
    quantile: float
    """Share of all rows that were searched at which a way of the whole clip ends as cheaply."""


@dataclass(frozen=True, eq=False)
class Found:
    """What was found."""

    clip: Clip
    """What was looked for."""
    datasets: tuple[Dataset, ...]
    """What was searched, each once."""
    seen: Seen
    """What was looked at."""
    stretches: tuple[Stretch, ...]
    """The likest first."""
    lowest_cost: float
    """That of the likest, wanted or not; infinite where no stretch is of about the length."""


def find(request: FindRequest) -> Found:
    """The stretches that are most like the clip; no two share a row, none shares one with it.

    Raises:
        UsageError: The clip or a dataset is not named rightly, or a setting is out of its range.
        DatasetError: A dataset, a column or a camera is not there, or nothing moves in the clip.
    """
    _check(request)
    clip = open_clip(request.clip)
    datasets = tuple({p.resolve(): open_dataset(p) for p in request.datasets}.values())
    seen = request.seen.or_default(clip.source.dataset)
    read, names = open_reader(clip.source.dataset, _some(datasets), seen)
    shown = read(clip.source)
    asked = shown.features[clip.start : clip.end]
    scale = scale_of([asked], names_of(shown, names))
    asked = asked[scale.known(asked)]
    found, ends = _search(clip, asked, scale, datasets, read)
    found.sort(key=lambda one: one[0].cost)
    every = np.sort(np.concatenate(ends)) if ends else np.zeros(0)
    best = [
        replace(one, quantile=float(np.searchsorted(every, total, side="right")) / len(every))
        for one, total in found[: request.count]
        if one.cost <= request.max_cost
    ]
    lowest = found[0][0].cost if found else np.inf
    return Found(clip, datasets, seen, tuple(best), lowest)


def _check(request: FindRequest) -> None:
    if not request.datasets:
        raise UsageError("no dataset is named to search: give --in DATASET")
    if request.count < 1 or not request.max_cost >= 0:
        raise UsageError(
            f"--count {request.count} and --max-cost {request.max_cost} are not 1 and 0 or above"
        )


def _some(datasets: Sequence[Dataset]) -> list[Demonstration]:
    """Episodes spread over each dataset."""
    return [
        Demonstration(dataset, row)
        for dataset in datasets
        for row in range(0, len(dataset), max(1, len(dataset) // _COMPONENTS_FROM))
    ]


def _search(
    clip: Clip,
    asked: Float[np.ndarray, "row number"],
    scale: FeatureScale,
    datasets: Sequence[Dataset],
    read: Read,
) -> tuple[list[tuple[Stretch, float]], list[np.ndarray]]:
    """All places with the cost of their whole way, and the end costs of all rows."""
    found, every = [], []
    for source in (Demonstration(d, row) for d in datasets for row in range(len(d))):
        features = read(source).features
        for first, last in _parts(clip, source, len(features)):
            cost = _costs(asked, features[first:last], scale)
            if cost is None:
                continue
            places, ends = align_everywhere(
                cost,
                min_rows=ceil((clip.end - clip.start) / MAX_SPEED),
                max_rows=int((clip.end - clip.start) * MAX_SPEED),
            )
            every.append(ends)
            for place in places:
                start, end = (first + row for row in place.span)
                found.append((Stretch(source, start, end, place.mean_cost, 1.0), place.cost))
    return found, every


def _parts(clip: Clip, source: Demonstration, num_rows: int) -> list[tuple[int, int]]:
    """Rows that are searched: what comes before and after the clip where it is in the episode."""
    if not clip.is_of(source):
        return [(0, num_rows)]
    parts = [(0, clip.start), (clip.end, num_rows)]
    return [(first, last) for first, last in parts if first < last]


def _costs(
    asked: Float[np.ndarray, "row number"],
    rows: Float[np.ndarray, "other number"],
    scale: FeatureScale,
) -> Float[np.ndarray, "row other"] | None:
    """Distances; what is not known is as far as rows usually are. None where nothing is known."""
    cost = distances(asked, rows, scale)
    is_known = np.isfinite(cost)
    if not is_known.any():
        return None
    return np.where(is_known, cost, cost[is_known].mean())
