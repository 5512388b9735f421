"""Cells in processes of their own, some at a time: a crash costs one row, never the others.

They run as videos do (`rotoscope.pipeline.run.isolation`): a server process loads what all cells
need once and is copied for each, so that a cell pays no start and its memory is its own. It writes
its row itself; killing the whole leaves all rows that were finished.
"""

from __future__ import annotations

import importlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.labelers import families
from benchmarks.labelers.cells import Cell, Row, cells_folder, keep, kept, peak_memory_mib
from rotoscope.pipeline.errors import TimeLimitError, WorkerError
from rotoscope.pipeline.run.isolation import Limits, Progress, run_isolated

CELL_LIMIT_S = 1800.0
"""A cell that runs longer has failed."""
_LOADED_ONCE = ["numpy", "scipy.stats", "torch", "benchmarks.labelers.cells"]


@dataclass(frozen=True)
class CellDone:
    """One more row of the table is there."""

    row: Row
    """What came out."""
    title: str
    """The cell in one line."""
    is_new: bool
    """Whether it was measured now; otherwise an earlier run had."""
    number: int
    """Rows so far, this one included."""
    total: int
    """Rows there will be."""
    wall_s: float
    """How long it took [s]."""


Listener = Callable[[CellDone], None]


def rows_of(
    cells: Sequence[Cell],
    *,
    jobs: int,
    listener: Listener | None = None,
    limit_s: float = CELL_LIMIT_S,
) -> list[Row]:
    """A row for every cell, in their order; what earlier runs measured is taken from disk.

    Args:
        cells: What to measure.
        jobs: Processes at a time.
        listener: Told of every row.
        limit_s: Seconds after which a cell is stopped and has failed.
    """
    rows: dict[Cell, Row] = {}

    def done(cell: Cell, row: Row, *, is_new: bool, wall_s: float = 0.0) -> None:
        rows[cell] = row
        if listener is not None:
            listener(CellDone(row, cell.title, is_new, len(rows), len(cells), wall_s))

    left: list[tuple[Cell, str]] = []
    for cell in cells:
        key = families.key(cell)
        found = kept(key, folder=cells_folder())
        if found is None:
            left.append((cell, key))
        else:
            done(cell, found, is_new=False)
    stop = threading.Event()
    with ThreadPoolExecutor(jobs) as workers:
        running = {workers.submit(_measured, *cell, limit_s, stop): cell[0] for cell in left}
        try:
            for over in as_completed(running):
                row, wall_s = over.result()
                done(running[over], row, is_new=True, wall_s=wall_s)
        finally:
            stop.set()
            workers.shutdown(cancel_futures=True)
    return [rows[cell] for cell in cells]


def _measured(cell: Cell, key: str, limit_s: float, stop: threading.Event) -> tuple[Row, float]:
    """One cell's row and how long it took [s]."""
    log = cells_folder() / "logs" / f"{key}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    started_s = time.monotonic()
    failed = ""
    try:
        answer = run_isolated(
            f"{__name__}:_work",
            (cell, families.FAMILIES[cell.family], key, cells_folder(), log),
            limits=Limits(memory_bytes=2**62, stall_s=limit_s, base_s=limit_s, per_item_s=0.0),
            preload=_LOADED_ONCE,
            stop=stop,
            has_network=True,
        )
    except TimeLimitError:
        failed = f"stopped after {limit_s:g} s"
    except WorkerError as error:
        failed = str(error)
    else:
        if answer.error is not None:
            failed = f"{answer.error.kind}: {answer.error.message}"
            with log.open("a") as file:
                file.write(answer.error.traceback)
    row = kept(key, folder=cells_folder()) or Row.of(cell, failed=f"{failed} (log: {log})")
    return row, time.monotonic() - started_s


def _work(job: tuple[Cell, str, str, Path, Path], _: Progress) -> None:
    """One cell, in its own process; what it says goes to its log."""
    cell, module, key, folder, log = job
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 1)
    os.dup2(file, 2)
    started_s = time.process_time()
    row = importlib.import_module(module).measure(cell)
    row = replace(row, cpu_s=time.process_time() - started_s, peak_memory_mib=peak_memory_mib())
    keep(key, row, folder=folder)
