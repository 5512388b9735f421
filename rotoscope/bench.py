"""What `rotoscope bench labelers` does: cells in children, kept one by one, and their table."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rotoscope.pipeline.errors import UsageError, WorkerError
from rotoscope.pipeline.files.atomic import write_text_atomic
from rotoscope.pipeline.files.paths import StrPath

if TYPE_CHECKING:
    from rotoscope.models.labeler_bench.cells import Cell, Row
    from rotoscope.models.labeler_bench.results import Line

TELLING = (
    "metaworld:sweep-into-v3",
    "metaworld:handle-pull-side-v3",
    "metaworld:peg-insert-side-v3",
)
"""Tasks on which policies tell labelers apart."""
SANITY = ("metaworld:push-v3", "metaworld:drawer-open-v3")
"""Tasks on which a labeler with R2 .18 may score .98: something is wrong where one falls short."""
CELL_LIMIT_S = 1800.0
"""A cell that runs longer has failed."""


@dataclass(frozen=True, kw_only=True)
class BenchRequest:
    """Which labelers are measured on what."""

    out: Path
    """Folder of the table and of what is kept for the next run."""
    labelers: tuple[str, ...] = ()
    """`NAME` or `NAME KEY=VALUE ...`; the product's own and trivial ones where empty."""
    environments: tuple[str, ...] = ()
    """Simulators; those that tell labelers apart where neither they nor data are named."""
    data: tuple[Path, ...] = ()
    """Folders of LeRobot v3 datasets with true actions."""
    inputs: tuple[str, ...] = ()
    """What labelers see that name nothing; `observation.state` where empty."""
    num_seeds: int = 1
    """How often, with other labeled episodes and other random numbers."""
    num_labeled: int = 5
    """Labeled episodes."""
    num_hidden: int = 35
    """Episodes of a simulator whose actions are hidden."""
    num_starts: int = 50
    """Starts that policies are tried from; no policies where 0."""

    def cells(self) -> list[Cell]:
        """What is measured, task by task.

        Raises:
            UsageError: No such labeler, or one that does not take its settings.
        """
        from rotoscope.models.labeler_bench.cells import DATA, Cell
        from rotoscope.models.labeler_bench.entry import ALONE, DEFAULT, TRUE, BenchedLabeler

        seen = {"inputs": self.inputs} if self.inputs else {}
        named = [BenchedLabeler.of(text, **seen).text for text in self.labelers or DEFAULT]
        own = () if self.data else (*TELLING, *SANITY)
        tasks = [(name, True) for name in self.environments or own]
        tasks += [(f"{DATA}{folder.resolve()}", False) for folder in self.data]
        found = []
        for task, is_simulator in tasks:
            bare = (TRUE, ALONE) if is_simulator and self.num_starts else ()
            for labeler in (*bare, *named):
                found += [
                    Cell(
                        task=task,
                        labeler=labeler,
                        seed=seed,
                        num_labeled=self.num_labeled,
                        num_hidden=self.num_hidden,
                        num_starts=self.num_starts if is_simulator else 0,
                    )
                    for seed in range(self.num_seeds)
                ]
        return found


@dataclass(frozen=True)
class CellDone:
    """One more cell is there."""

    cell: Cell
    """Which."""
    row: Row
    """What came out."""
    is_new: bool
    """Whether it was measured now; otherwise an earlier run had."""
    number: int
    """Cells so far, this one included."""
    total: int
    """Cells there will be."""


Listener = Callable[[CellDone], None]


def labelers(
    request: BenchRequest, *, jobs: int = 1, listener: Listener = lambda done: None
) -> list[Line]:
    """Measures what an earlier run has not, and writes `labelers.md` and `labelers.json`.

    A cell that fails, or crashes, costs its own row, and is tried again by the next run.

    Args:
        request: What is measured.
        jobs: Cells at the same time.
        listener: Told of every cell.

    Raises:
        UsageError: No such labeler, or settings that one does not take.
    """
    from rotoscope.models.labeler_bench.results import lines, write

    cells = request.cells()
    rows: dict[int, Row] = {}
    for index, row, is_new in _rows(cells, request.out, jobs):
        rows[index] = row
        listener(CellDone(cells[index], row, is_new, len(rows), len(cells)))
    measured = [(cell, rows[index]) for index, cell in enumerate(cells)]
    found = lines(measured)
    write(found, measured, request.out)
    return found


def listing(request: BenchRequest) -> Iterator[str]:
    """One line a cell: what it is, and whether it was measured with today's code."""
    for cell in request.cells():
        state = "measured" if _path(cell, request.out).is_file() else "not measured"
        yield f"{cell.place}: {cell.title}, seed {cell.seed}: {state}"


def measure_cell(job: tuple[Cell, Path, Path], report: Callable[..., Any]) -> None:
    """One cell, in its own process; what came out is written to a file."""
    from rotoscope.models.labeler_bench.cells import measure

    cell, path, episodes = job
    row = measure(cell, episodes)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomic(path, json.dumps(asdict(row)))


def _rows(cells: Sequence[Cell], out: Path, jobs: int) -> Iterator[tuple[int, Row, bool]]:
    left = []
    for index, cell in enumerate(cells):
        path = _path(cell, out)
        if path.is_file():
            yield index, _read(path), False
        else:
            left.append((index, cell, path))
    with ThreadPoolExecutor(jobs) as workers:
        try:
            yield from (
                (index, row, True)
                for index, row in workers.map(
                    lambda one: (one[0], _measured(one[1], one[2], out)), left
                )
            )
        finally:
            workers.shutdown(cancel_futures=True)


def _measured(cell: Cell, path: Path, out: Path) -> Row:
    from rotoscope.models.labeler_bench.cells import Row
    from rotoscope.pipeline.run.isolation import Limits, run_isolated

    limits = Limits(memory_bytes=2**62, stall_s=CELL_LIMIT_S, base_s=CELL_LIMIT_S, per_item_s=0.0)
    job = (cell, path, out / "episodes")
    try:
        answer = run_isolated(f"{__name__}:measure_cell", job, limits=limits)
    except WorkerError as error:
        return Row(failed=str(error))
    if answer.error is not None:
        return Row(failed=f"{answer.error.kind}: {answer.error.message}")
    return _read(path)


def _path(cell: Cell, out: Path) -> Path:
    return out / "cells" / f"{cell.key()}.json"


def _read(path: Path) -> Row:
    from rotoscope.models.labeler_bench.cells import Row

    stored = json.loads(path.read_text())
    tuples = {k: _tuple(v) for k, v in stored.items() if isinstance(v, list)}
    return Row(**stored | tuples)


def _tuple(values: list[Any]) -> tuple[Any, ...]:
    return tuple(_tuple(v) if isinstance(v, list) else v for v in values)


def checked_folder(out: StrPath) -> Path:
    """The folder of a bench, which must be one or hold nothing.

    Raises:
        UsageError: It holds something else.
    """
    folder = Path(out)
    own = {"cells", "episodes", "labelers.md", "labelers.json"}
    if folder.exists() and (not folder.is_dir() or {p.name for p in folder.iterdir()} - own):
        raise UsageError(f"{folder} holds something else than a bench; name another --out")
    return folder
