"""The comparison itself: numbers first, pictures only where a page asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.compare.agreement import (
    Agreement,
    Lag,
    agreements,
    differences,
    overall_lag,
    scales,
)
from rotoscope.pipeline.compare.changes import Change, episode_changes, setting_changes
from rotoscope.pipeline.compare.matching import Matching, Pair, match
from rotoscope.pipeline.compare.sides import (
    PairedRows,
    SharedNumber,
    Side,
    paired_rows,
    shared_numbers,
)
from rotoscope.pipeline.datasets.label_columns import ACTION, side_columns
from rotoscope.pipeline.datasets.read import Dataset, open_dataset
from rotoscope.pipeline.errors import DatasetError, UsageError, quoted

MOMENTS = 6
"""Moments that are shown where the two differ most."""
APART_S = 0.5
"""Moments of one episode lie at least this far apart [s]."""


@dataclass(frozen=True)
class Moment:
    """A row in which the two differ much."""

    pair: Pair
    """Stretch that it belongs to."""
    row: int
    """Row of the first's episode."""
    size: float
    """Mean difference over the numbers, each in its spread."""
    values: tuple[tuple[str, float, float], ...]
    """Name, first and second of the numbers that differ most."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """What `rotoscope compare` found."""

    a: Side
    """The first."""
    b: Side
    """The second."""
    matching: Matching
    """Which of their rows are about the same."""
    numbers: tuple[SharedNumber, ...]
    """What both have."""
    agreements: tuple[Agreement, ...]
    """One for each number."""
    lag: Lag
    """Over all numbers."""
    rows: dict[str, int]
    """Rows that both are about, by in which they count, such as `in both`."""
    confidence: tuple[float, float]
    """Mean confidence of both where both count; NaN where one does not say."""
    stretches: tuple[PairedRows, ...]
    """The rows themselves."""
    moments: tuple[Moment, ...]
    """Where they differ most."""
    settings: tuple[Change, ...]
    """Settings, versions and contracts that differ."""
    episodes: tuple[Change, ...]
    """Episodes that differ."""
    truth: Side | None
    """True actions, where given."""
    notes: tuple[str, ...]
    """What was not compared, and why."""

    def title(self, side: Side) -> str:
        """What a side is called."""
        same = self.a.dataset.root == self.b.dataset.root
        return side.column.name if same else f"{side.dataset.root.name} {side.column.name}"


def compare(
    a: Path, b: Path | None = None, *, of: str = ACTION, to: str = "", truth: str = ""
) -> Comparison:
    """Compares two datasets, or two columns of one.

    Args:
        a: Folder of a dataset.
        b: Folder of another; `None` for two columns of the first.
        of: Column of the first.
        to: Column of the second; the same one as of the first, or the only other one of it.
        truth: Column of the first that holds true actions, or folder of a dataset whose `action`
            does; empty where nobody knows them.

    Raises:
        UsageError: No such column, or nothing with the same name and unit.
        DatasetError: The two are about nothing in common, or no row of it counts on both sides.
    """
    first = open_dataset(a)
    second = first if b is None else open_dataset(b)
    sides = Side.of(first, of), Side.of(second, to or _other(first, of, is_one=b is None))
    if b is None and sides[0].column.name == sides[1].column.name:
        raise UsageError(f"{of} is compared with itself; name another column with --with")
    known = _truth(first, truth)
    everyone = [*sides, *([known] if known else [])]
    numbers, notes = shared_numbers(everyone)
    matching = match(first, second)
    stretches = [paired_rows(*sides, pair, numbers) for pair in matching.pairs]
    if not any(one.both.any() for one in stretches):
        raise DatasetError(
            f"{a} and {b or a} have {sum(len(s.a) for s in stretches)} rows in common, and in none "
            "of them both are valid and know one same number: nothing to compare"
        )
    errors = None
    if known is not None:
        errors = _errors(sides[0], known, numbers), _errors(sides[1], known, numbers)
    fps = first.fps
    return Comparison(
        a=sides[0],
        b=sides[1],
        matching=matching,
        numbers=tuple(numbers),
        agreements=tuple(agreements(stretches, numbers, fps=fps, errors=errors)),
        lag=overall_lag(stretches, numbers, fps=fps),
        rows=_counts(stretches),
        confidence=(_sure(stretches, "a"), _sure(stretches, "b")),
        stretches=tuple(stretches),
        moments=_moments(stretches, numbers, fps),
        settings=tuple(setting_changes(*sides)),
        episodes=tuple(episode_changes(first, second, matching)),
        truth=known,
        notes=(*notes, *_less_known(stretches, numbers)),
    )


def _other(dataset: Dataset, of: str, *, is_one: bool) -> str:
    if not is_one:
        return of
    others = [c.name for c in side_columns(dataset) if c.name != of]
    if of != ACTION and ACTION in dataset.info["features"]:
        others.append(ACTION)
    if len(others) != 1:
        raise UsageError(
            f"{dataset.root} alone: name a second dataset, or with --with one of its columns "
            f"({quoted(others) if others else 'it has one labeler only'})"
        )
    return others[0]


def _truth(dataset: Dataset, truth: str) -> Side | None:
    if not truth:
        return None
    if truth in dataset.info["features"]:
        return Side.of(dataset, truth)
    if not (Path(truth) / "meta" / "info.json").is_file():
        raise UsageError(
            f"--truth {truth!r} is neither a column of {dataset.root} nor the folder of a dataset"
        )
    return Side.of(open_dataset(truth), ACTION)


def _errors(
    side: Side, truth: Side, numbers: Sequence[SharedNumber]
) -> Float[np.ndarray, " number"]:
    """Mean absolute error of a side against true actions, where both count."""
    pairs = match(side.dataset, truth.dataset).pairs
    found = [paired_rows(side, truth, pair, numbers) for pair in pairs]
    parts = [np.where(s.both_know, differences(s.a, s.b, numbers), np.nan) for s in found]
    off = np.abs(np.concatenate([np.zeros((0, len(numbers))), *parts]))
    known = [column[np.isfinite(column)] for column in off.T]
    return np.array([column.mean() if len(column) else np.nan for column in known])


def _less_known(stretches: Sequence[PairedRows], numbers: Sequence[SharedNumber]) -> list[str]:
    """Sentences about numbers that are unknown in rows in which others are compared."""
    rows = sum(int(one.both.sum()) for one in stretches)
    out = []
    for column, number in enumerate(numbers):
        count = sum(int(one.both_know[:, column].sum()) for one in stretches)
        if count < rows:
            out.append(f"{number.name} is known to both in {count} of the {rows} rows compared")
    return out


def _counts(stretches: Sequence[PairedRows]) -> dict[str, int]:
    both = np.concatenate([s.both for s in stretches])
    a = np.concatenate([s.known_a.any(axis=1) for s in stretches])
    b = np.concatenate([s.known_b.any(axis=1) for s in stretches])
    parts = {"in both": both, "in A alone": a & ~b, "in B alone": b & ~a, "in neither": ~a & ~b}
    return {name: int(part.sum()) for name, part in parts.items()}


def _sure(stretches: Sequence[PairedRows], side: str) -> float:
    parts = [
        values[s.both]
        for s in stretches
        if (values := getattr(s, f"confidence_{side}")) is not None
    ]
    whole = np.concatenate(parts) if parts else np.zeros(0)
    return float(whole.mean()) if len(whole) else float("nan")


def _moments(
    stretches: Sequence[PairedRows], numbers: Sequence[SharedNumber], fps: float
) -> tuple[Moment, ...]:
    scale = scales(stretches)
    found = []
    for one in stretches:
        off = np.abs(differences(one.a, one.b, numbers)) / scale
        known = one.both_know & np.isfinite(off)
        off = np.where(known, off, 0.0)
        size = off.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        size = np.where(one.both, size, -np.inf)
        for _ in range(MOMENTS):
            if not size.max(initial=-np.inf) > 0:
                break
            row = int(np.argmax(size))
            most = np.argsort(-off[row], kind="stable")[:3].tolist()
            values = tuple(
                (numbers[i].name, float(one.a[row, i]), float(one.b[row, i])) for i in most
            )
            found.append(Moment(one.pair, one.pair.start + row, float(size[row]), values))
            near = np.abs(np.arange(len(size)) - row) < APART_S * fps
            size = np.where(near, -np.inf, size)
    return tuple(sorted(found, key=lambda moment: -moment.size)[:MOMENTS])
