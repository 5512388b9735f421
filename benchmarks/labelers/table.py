"""The whole table: the cells of all families, their rows, the bars they are held against."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figure import Bar, Figure
from benchmarks.labelers import families, pool, render
from benchmarks.labelers.cells import Cell, Row, cells_folder, kept
from rotoscope.pipeline.errors import UsageError

DEFAULT_JOBS = 2


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which part of the table is wanted."""

    small: bool = False
    """One seed of what shows most: under ten minutes on two cores."""
    tasks: tuple[str, ...] = ()
    """Only these tasks; all where empty."""
    labelers: tuple[str, ...] = ()
    """Only these labelers; all where empty."""
    families: tuple[str, ...] = ()
    """Only these families; all where empty."""

    def cells(self) -> list[Cell]:
        """The cells, those of one task together.

        Raises:
            UsageError: A name that no cell has; the message says which there are.
        """
        names = self.families or tuple(families.FAMILIES)
        _check("family", names, families.FAMILIES)
        found = [c for name in names for c in families.family(name).cells(small=self.small)]
        _check("task", self.tasks, {c.task for c in found})
        _check("labeler", self.labelers, {c.labeler for c in found})
        return [
            cell
            for cell in found
            if (not self.tasks or cell.task in self.tasks)
            and (not self.labelers or cell.labeler in self.labelers)
        ]


@dataclass(frozen=True)
class Table:
    """What a run of the bench gives."""

    rows: tuple[Row, ...]
    """One for each cell."""
    figures: tuple[Figure, ...]
    """Rows against their bars."""

    @property
    def failed(self) -> list[Row]:
        """Cells without figures."""
        return [row for row in self.rows if row.failed]

    @property
    def is_good(self) -> bool:
        """Whether every cell was measured and every bar reached."""
        return not self.failed and all(f.passed is not False for f in self.figures)


def measure_table(
    choice: Choice, out: Path, *, jobs: int = DEFAULT_JOBS, listener: pool.Listener | None = None
) -> Table:
    """Measures what is not there yet and writes table and plots into `out`.

    A killed run goes on where it stopped; a cell that fails is a row that says why, and is tried
    again by the next run.
    """
    rows = pool.rows_of(choice.cells(), jobs=jobs, listener=listener)
    found = [
        figure
        for name in families.FAMILIES
        if (own := [row for row in rows if row.family == name and not row.failed])
        for figure in families.family(name).figures(own)
    ]
    render.write(rows, found, out)
    return Table(tuple(rows), tuple(found))


def listing(choice: Choice) -> list[str]:
    """One line a cell: what it is, and its score where it was measured with today's code."""
    lines = []
    for cell in choice.cells():
        row = kept(families.key(cell), folder=cells_folder())
        state = "not measured" if row is None else f"{row.score:.3f} ({row.cpu_s:.0f} s of CPU)"
        lines.append(f"{cell.family} {cell.title}: {state}")
    return lines


def figures(choice: Choice) -> list[Figure]:
    """The figures of `python -m benchmarks labelers`; failed cells count as one missed bar."""
    table = measure_table(choice, default_out(), jobs=default_jobs(), listener=print_progress)
    return [*table.figures, failures(table)]


def failures(table: Table) -> Figure:
    """How many cells have no figures; there must be none."""
    return Figure("labelers.failed_cells", len(table.failed), "cells", Bar("==", 0))


def default_out() -> Path:
    """Where the table is written: `ROTOSCOPE_BENCH_OUT`, or `outputs/labelers`."""
    return Path(os.environ.get("ROTOSCOPE_BENCH_OUT", "outputs/labelers"))


def default_jobs() -> int:
    """One process a core, two at most where nobody asks for more: cells take 1 GiB each."""
    return min(DEFAULT_JOBS, len(os.sched_getaffinity(0)))


def print_progress(done: pool.CellDone) -> None:
    """One line a measured cell."""
    if done.is_new:
        print(progress_line(done), flush=True)


def progress_line(done: pool.CellDone) -> str:
    """`12/200 push-v3 ridge PLAY seed 0: 0.980 (14 s)`."""
    outcome = f"failed: {done.row.failed}" if done.row.failed else f"{done.row.score:.3f}"
    return f"{done.number}/{done.total} {done.title}: {outcome} ({done.wall_s:.0f} s)"


def _check(
    what: str, names: Sequence[str], known: Sequence[str] | set[str] | dict[str, str]
) -> None:
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise UsageError(
            f"unknown {what} {', '.join(map(repr, unknown))}; there are {', '.join(sorted(known))}"
        )


def main() -> int:
    """Runs the table or a part of it; exit code 1 where a bar is missed or a cell failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="one seed, under ten minutes")
    parser.add_argument("--list", action="store_true", help="name the cells; no run")
    for what in ("task", "labeler", "family"):
        parser.add_argument(f"--{what}", action="append", default=[], help=f"only this {what}")
    asked = parser.parse_args()
    choice = Choice(
        small=asked.small,
        tasks=tuple(asked.task),
        labelers=tuple(asked.labeler),
        families=tuple(asked.family),
    )
    if asked.list:
        print("\n".join(listing(choice)))
        return 0
    shown = figures(choice)
    print("\n".join(figure.line() for figure in shown))
    return int(any(figure.passed is False for figure in shown))


if __name__ == "__main__":
    raise SystemExit(main())
