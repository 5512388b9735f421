"""One cell of the table: a labeler on a task with one seed, measured once and kept."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal

from benchmarks.labelers.episodes import source_hash
from pipeline.atomic import write_text_atomic


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What is measured."""

    family: Literal["classic", "metaworld"]
    """Which simulators."""
    task: str
    """Name of the task in its family."""
    labeler: str
    """Name of the labeler."""
    labelled_set: str = ""
    """Which labelled episodes it learns from; empty where it uses none."""
    seed: int = 0
    """Of labeler and policy."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """What came out; NaN where a column does not apply."""

    family: str
    """See `Cell`."""
    task: str
    """See `Cell`."""
    labeler: str
    """See `Cell`."""
    labelled_set: str
    """See `Cell`."""
    seed: int
    """See `Cell`."""
    r2: tuple[float, ...] = ()
    """Of each dimension; NaN where the true action is constant."""
    mae: tuple[float, ...] = ()
    """Of each dimension, in the action's unit."""
    r2_mean: float = math.nan
    """Over the dimensions that vary."""
    mae_mean: float = math.nan
    """Over all dimensions."""
    accuracy: float = math.nan
    """Of discrete labels."""
    macro_f1: float = math.nan
    """Of discrete labels."""
    best_lag: float = math.nan
    """Frames by which moved labels fit best; 0 where they stand right."""
    drift_m: float = math.nan
    """Distance between integrated labels and integrated truth at the end, RMS [m]."""
    coverage_90: float = math.nan
    """Share of true values inside the 90 % interval."""
    error_left_10: float = math.nan
    """Share of the error left after the least sure 10 % of steps are dropped."""
    error_left_20: float = math.nan
    """The same for 20 %."""
    error_left_50: float = math.nan
    """The same for 50 %."""
    replay_success: float = math.nan
    """Share of demonstrations solved by executing their labels without looking."""
    replay_error_m: float = math.nan
    """How far the hand then ends from where it did, RMS [m]."""
    num_successes: int = 0
    """Layouts the policy solved."""
    num_trials: int = 0
    """Layouts it was tried on; 0 in tasks scored by return."""
    score: float = math.nan
    """Success rate, or the return between random (0) and teacher (1)."""
    label_cpu_s: float = math.nan
    """CPU time of learning and labelling [s]."""
    policy_cpu_s: float = math.nan
    """CPU time of cloning [s]."""
    num_parameters: int = 0
    """Of the labeler."""
    peak_memory_mib: float = math.nan
    """Largest resident memory of the process so far [MiB]."""


def bench_folder() -> Path:
    """Where episodes and cells are kept: `ROTOSCOPE_BENCH`, or in the user's cache."""
    named = os.environ.get("ROTOSCOPE_BENCH")
    if named:
        return Path(named)
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("rotoscope")) / "bench"


def measured(cell: Cell, measure: Callable[[Cell], Row], *, folder: Path) -> tuple[Row, bool]:
    """The cell's row, and whether it was measured just now.

    Rows are kept under a hash of the cell and of this package's code: a killed table goes on where
    it stopped, and nothing measured with other code is taken for new.
    """
    path = folder / f"{_key(cell)}.json"
    if path.is_file():
        return _row(json.loads(path.read_text())), False
    row = measure(cell)
    write_text_atomic(path, json.dumps(asdict(row)))
    return row, True


def peak_memory_mib() -> float:
    """Largest resident memory of this process so far [MiB]."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


_NOT_MEASURING = {"table.py", "render.py", "__init__.py"}


@cache
def _code() -> str:
    """Of the code as it was when this process began to measure; edits meanwhile do not run."""
    package = Path(__file__).parent
    return source_hash(*(f for f in package.rglob("*.py") if f.name not in _NOT_MEASURING))


def _key(cell: Cell) -> str:
    text = json.dumps(asdict(cell), sort_keys=True) + _code()
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _row(stored: dict[str, Any]) -> Row:
    known = {field.name for field in fields(Row)}
    values = {key: value for key, value in stored.items() if key in known}
    return Row(**values | {name: tuple(values[name]) for name in ("r2", "mae")})
