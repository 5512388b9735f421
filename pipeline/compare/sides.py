"""What is compared: a column of actions on each side, row by row, and true actions where known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.compare.matching import Pair
from rotoscope.pipeline.datasets.label_columns import LabelColumn, label_column
from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows
from rotoscope.pipeline.errors import UsageError, quoted


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two that are compared."""

    dataset: Dataset
    """Where it stands."""
    column: LabelColumn
    """Which column of it."""

    @classmethod
    def of(cls, dataset: Dataset, column: str) -> Side:
        """A column of a dataset by its name.

        Raises:
            UsageError: It has no such column.
        """
        return cls(dataset, label_column(dataset, column))


@dataclass(frozen=True)
class SharedNumber:
    """A number of an action that both sides have."""

    name: str
    """Its name."""
    unit: str
    """Its unit; empty where nobody says."""
    quantity: str
    """What it is: `joint`, `rotation_vector`, ...; empty where nobody says."""


def shared_numbers(sides: Sequence[Side]) -> tuple[list[SharedNumber], list[str]]:
    """Numbers that all sides have, and sentences about those that cannot be compared.

    Raises:
        UsageError: There is none.
    """
    first, *others = sides
    shared, notes = [], []
    for name in first.column.names:
        if not all(name in other.column.names for other in others):
            continue
        units = {u for side in sides if (u := side.column.unit(name))}
        if len(units) > 1:
            notes.append(f"{name} is in {' and '.join(sorted(units))}: not compared")
            continue
        quantity = next((q for side in sides if (q := side.column.quantity(name))), "")
        shared.append(SharedNumber(name, next(iter(units), ""), quantity))
    if not shared:
        parts = [f"{s.dataset.root.name} {s.column.name}: {quoted(s.column.names)}" for s in sides]
        raise UsageError(f"nothing has the same name and unit on both sides: {'; '.join(parts)}")
    for side in sides:
        rest = [n for n in side.column.names if n not in {number.name for number in shared}]
        if rest:
            notes.append(f"only in {side.dataset.root.name} {side.column.name}: {', '.join(rest)}")
    return shared, notes


@dataclass(frozen=True, eq=False)
class PairedRows:
    """A stretch that both sides are about, on the first's rows."""

    pair: Pair
    """Where it stands."""
    a: Float[np.ndarray, "row number"]
    """What the first says."""
    b: Float[np.ndarray, "row number"]
    """What the second says."""
    known_a: Bool[np.ndarray, "row number"]
    """Numbers of valid rows that the first knows; the three of a rotation count together."""
    known_b: Bool[np.ndarray, "row number"]
    """And the second."""
    confidence_a: Float[np.ndarray, " row"] | None
    """How sure the first is, 0..1; `None` where it does not say."""
    confidence_b: Float[np.ndarray, " row"] | None
    """And the second."""

    @property
    def both_know(self) -> Bool[np.ndarray, "row number"]:
        """Numbers that both know."""
        return self.known_a & self.known_b

    @property
    def both(self) -> Bool[np.ndarray, " row"]:
        """Rows in which both know some number."""
        return np.asarray(self.both_know.any(axis=1))


def paired_rows(a: Side, b: Side, pair: Pair, numbers: Sequence[SharedNumber]) -> PairedRows:
    """The rows of a stretch on both sides; between two rows of the second lies a straight line."""
    rows = slice(pair.start, pair.end)
    first, other = a.column.read(_episode(a, pair.a)), b.column.read(_episode(b, pair.b))
    ours, others = _columns(a, numbers), _columns(b, numbers)
    mine = first.values[rows][:, ours]
    raw = other.values[:, others]
    theirs = pair.resampler.linear(raw)
    for column, number in enumerate(numbers):
        if number.quantity == "discrete":
            theirs[:, column] = raw[pair.resampler.nearest, column]
    sure = other.confidence
    known_b = np.column_stack([pair.resampler.both(known) for known in other.known[:, others].T])
    return PairedRows(
        pair=pair,
        a=mine,
        b=theirs,
        known_a=known_by_rotation(first.known[rows][:, ours], numbers),
        known_b=known_by_rotation(known_b, numbers),
        confidence_a=None if first.confidence is None else first.confidence[rows],
        confidence_b=None if sure is None else pair.resampler.linear(sure),
    )


def known_by_rotation(
    known: Bool[np.ndarray, "row number"], numbers: Sequence[SharedNumber]
) -> Bool[np.ndarray, "row number"]:
    """A rotation vector is known where all three of its numbers are."""
    out = known.copy()
    for three in rotations(numbers):
        out[:, three] = known[:, three].all(axis=1, keepdims=True)
    return out


def rotations(numbers: Sequence[SharedNumber]) -> list[slice]:
    """Columns of each rotation vector."""
    kinds = [number.quantity for number in numbers]
    found, column = [], 0
    while column < len(kinds):
        is_turn = kinds[column : column + 3] == ["rotation_vector"] * 3
        if is_turn:
            found.append(slice(column, column + 3))
        column += 3 if is_turn else 1
    return found


def _episode(side: Side, row: int) -> EpisodeRows:
    return side.dataset.episode(row)


def _columns(side: Side, numbers: Sequence[SharedNumber]) -> list[int]:
    return [side.column.names.index(number.name) for number in numbers]
