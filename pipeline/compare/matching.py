"""Which rows of two datasets are about the same moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rotoscope.pipeline.datasets.read import Dataset
from rotoscope.pipeline.episodes.resample import Resampler
from rotoscope.pipeline.errors import DatasetError

MIN_ROWS = 3
"""Fewer rows in common are no stretch to compare."""


@dataclass(frozen=True, eq=False)
class Pair:
    """Some rows of an episode of one dataset, and the way from another's episode to them."""

    a: int
    """Row of the first dataset's table."""
    b: int
    """Row of the second's."""
    start: int
    """First row of the first's episode that both have."""
    end: int
    """One past the last."""
    resampler: Resampler
    """From the second's rows to these."""


@dataclass(frozen=True, eq=False)
class Matching:
    """Episodes of two datasets that are about the same."""

    pairs: tuple[Pair, ...]
    """In the order of the first dataset."""
    only_a: tuple[int, ...]
    """Rows of the first's table without anything in the second."""
    only_b: tuple[int, ...]
    """And of the second's."""
    how: str
    """By what they were matched, for people."""


def match(a: Dataset, b: Dataset) -> Matching:
    """Matches by the file that episodes come from, whom they are about and when; else by place.

    Raises:
        DatasetError: Nothing of the one is in the other.
    """
    if a.root == b.root:
        return _closed(a, b, [_whole(i, _length(a, i)) for i in range(len(a))], "the same rows")
    if _has_sources(a) and _has_sources(b):
        found = [
            pair
            for i in range(len(a))
            for j in range(len(b))
            if _source(a, i) == _source(b, j)
            if (pair := _overlap(a, i, b, j)) is not None
        ]
        how = "by source, subject and time"
        if found:
            return _closed(a, b, found, how)
    if len(a) != len(b):
        raise DatasetError(
            f"{a.root} and {b.root} share no moment of any video, and {len(a)} and {len(b)} "
            "episodes cannot be told to be the same by their number: nothing to compare"
        )
    clocks = [_by_place(a, b, i) for i in range(len(a))]
    return _closed(a, b, [pair for pair in clocks if pair is not None], "by number of the episode")


def _closed(a: Dataset, b: Dataset, pairs: list[Pair], how: str) -> Matching:
    seen_a, seen_b = {p.a for p in pairs}, {p.b for p in pairs}
    return Matching(
        tuple(sorted(pairs, key=lambda p: (p.a, p.start))),
        tuple(i for i in range(len(a)) if i not in seen_a),
        tuple(j for j in range(len(b)) if j not in seen_b),
        how,
    )


def _source(dataset: Dataset, row: int) -> tuple[Any, ...]:
    source: Mapping[str, Any] = dataset.episodes_meta.get(row, {}).get("source", {})
    return source.get("video_sha256"), source.get("subject"), source.get("person", "")


def _has_sources(dataset: Dataset) -> bool:
    return all(_source(dataset, row)[0] for row in range(len(dataset)))


def _overlap(a: Dataset, i: int, b: Dataset, j: int) -> Pair | None:
    first, other = _times(a, i), _times(b, j)
    inside = (first >= other[0] - 1e-6) & (first <= other[-1] + 1e-6)
    return _pair(i, j, inside, first, other)


def _by_place(a: Dataset, b: Dataset, row: int) -> Pair | None:
    first = np.arange(_length(a, row)) / a.fps
    other = np.arange(_length(b, row)) / b.fps
    return _pair(row, row, first <= other[-1] + 1e-6, first, other)


def _pair(i: int, j: int, inside: np.ndarray, first: np.ndarray, other: np.ndarray) -> Pair | None:
    there = np.flatnonzero(inside)
    if len(there) < MIN_ROWS:
        return None
    start, end = int(there[0]), int(there[-1]) + 1
    return Pair(i, j, start, end, Resampler.between(other, first[start:end]))


def _whole(row: int, length: int) -> Pair:
    clock = np.arange(float(length))
    return Pair(row, row, 0, length, Resampler.between(clock, clock))


def _times(dataset: Dataset, row: int) -> np.ndarray:
    """When each row was, on the clock of the file that it comes from [s]."""
    start_s = dataset.episodes_meta[row].get("source", {}).get("start_s") or 0.0
    return float(start_s) + np.arange(_length(dataset, row)) / dataset.fps


def _length(dataset: Dataset, row: int) -> int:
    return int(dataset.table[row]["length"])
