"""Cells in processes of their own, some at a time: a crash costs one row, never the others.

A server process loads what all cells need once and is copied for each (`forkserver`): a cell pays
no start, and its memory is its own. It writes its row itself; killing the whole leaves all rows
that were finished.
"""

from __future__ import annotations

import ctypes
import importlib
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

from benchmarks._processes import one_thread
from benchmarks.labelers import families
from benchmarks.labelers.cells import Cell, Row, cells_folder, keep, kept, peak_memory_mib

CELL_LIMIT_S = 1800.0
"""A cell that runs longer has failed."""
_LOADED_ONCE = ["numpy", "scipy.stats", "torch", "benchmarks.labelers.cells"]
_PR_SET_PDEATHSIG = 1


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


@dataclass(frozen=True)
class _Running:
    cell: Cell
    key: str
    process: ForkServerProcess
    started_s: float


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
    for over in _ended(left, jobs, limit_s):
        row = kept(over.key, folder=cells_folder())
        wall_s = time.monotonic() - over.started_s
        done(over.cell, row or _failed(over, limit_s), is_new=True, wall_s=wall_s)
    return [rows[cell] for cell in cells]


def _ended(left: Sequence[tuple[Cell, str]], jobs: int, limit_s: float) -> Iterator[_Running]:
    """Runs all of them and yields each when its process has ended."""
    waiting, running = list(reversed(left)), list[_Running]()
    # Before any library is loaded: a second thread that waits for work costs CPU time.
    os.environ.update(one_thread())
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_LOADED_ONCE)
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(_started(*waiting.pop(), context))
            oldest_s = min(r.started_s for r in running)
            sentinels = [r.process.sentinel for r in running]
            wait(sentinels, timeout=max(0.0, oldest_s + limit_s - time.monotonic()))
            for one in running:
                if time.monotonic() - one.started_s > limit_s:
                    one.process.kill()
                    one.process.join()
            over = [r for r in running if not r.process.is_alive()]
            running = [r for r in running if r not in over]
            yield from over
    finally:
        for one in running:
            one.process.kill()


def _started(cell: Cell, key: str, context: ForkServerContext) -> _Running:
    log = _log_path(key)
    log.parent.mkdir(parents=True, exist_ok=True)
    process = context.Process(
        target=_work, args=(cell, families.FAMILIES[cell.family], key, str(log), os.getpid())
    )
    process.start()
    return _Running(cell, key, process, time.monotonic())


def _work(cell: Cell, module: str, key: str, log: str, parent: int) -> None:
    """One cell, in its own process; what it says goes to its log."""
    # The server that this was copied from ends with the run; so shall its copies.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if not Path(f"/proc/{parent}").exists():
        return
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, sys.stdout.fileno())
    os.dup2(file, sys.stderr.fileno())
    started_s = time.process_time()
    row = importlib.import_module(module).measure(cell)
    row = replace(row, cpu_s=time.process_time() - started_s, peak_memory_mib=peak_memory_mib())
    keep(key, row, folder=cells_folder())


def _failed(over: _Running, limit_s: float) -> Row:
    code = over.process.exitcode
    log = _log_path(over.key)
    lines = log.read_text(errors="replace").strip().splitlines() if log.is_file() else []
    if time.monotonic() - over.started_s > limit_s:
        reason = f"stopped after {limit_s:g} s"
    elif code is not None and code < 0:
        reason = f"killed by {signal.Signals(-code).name}"
    else:
        reason = lines[-1] if lines else f"ended with exit code {code}"
    return Row.of(over.cell, failed=f"{reason} (log: {log})")


def _log_path(key: str) -> Path:
    return cells_folder() / "logs" / f"{key}.log"
