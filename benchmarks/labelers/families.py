"""Families of tasks: each is one module, and one line here makes it part of the table.

A family's module is light to import (simulators are loaded when a cell is measured) and holds:

- `cells(*, small: bool) -> list[Cell]`: its part of the table; none where its data are absent;
- `measure(cell: Cell) -> Row`: one cell, in a process of its own;
- `code(cell: Cell) -> tuple[str, ...]`: further modules that the cell runs, looked up by name;
  what the family's module imports counts by itself;
- `figures(rows: Sequence[Row]) -> list[Figure]`: its rows against their bars.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Protocol, cast

from benchmarks.figure import Figure
from benchmarks.labelers.cells import Cell, Row, cell_key

FAMILIES = {
    "classic": "benchmarks.labelers.classic_cells",
    "metaworld": "benchmarks.labelers.metaworld_cells",
    "latent": "benchmarks.labelers.latent_cells",
    "pusht": "benchmarks.labelers.pusht_cells",
    "video": "benchmarks.labelers.video_cells",
}
"""Module of every family, in the order of the table."""


class Family(Protocol):
    """What a family's module holds."""

    def cells(self, *, small: bool) -> list[Cell]:
        """Its part of the table."""
        ...

    def measure(self, cell: Cell) -> Row:
        """One cell."""
        ...

    def code(self, cell: Cell) -> tuple[str, ...]:
        """Modules that the cell runs beside those that the family's module imports."""
        ...

    def figures(self, rows: Sequence[Row]) -> list[Figure]:
        """Its rows against their bars."""
        ...


def family(name: str) -> Family:
    """A family's module."""
    return cast(Family, importlib.import_module(FAMILIES[name]))


def key(cell: Cell) -> str:
    """Under which a cell's row is kept."""
    return cell_key(cell, (FAMILIES[cell.family], *family(cell.family).code(cell)))
