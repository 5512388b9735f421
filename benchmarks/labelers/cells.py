"""One cell of the table: what is measured, what came out, and where that is kept."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from benchmarks.labelers.code import code_hash
from rotoscope.pipeline.files.atomic import write_text_atomic


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What is measured: a labeler on a task with one seed."""

    family: str
    """Which simulators or recordings; a name in `families.FAMILIES`."""
    task: str
    """Name of the task in its family."""
    labeler: str
    """Name of the labeler."""
    labelled_set: str = ""
    """Which labeled episodes it learns from; empty where it uses none."""
    inputs: str = "state"
    """What the labeler sees: `state`, `tracks2` (two views), `tracks1`, `pixels64` ..."""
    distractors: bool = False
    """Whether things move in the picture that no action moves."""
    seed: int = 0
    """Of labeler and policy."""

    @property
    def title(self) -> str:
        """The cell in one line."""
        shown = [self.task, self.labeler, self.labelled_set]
        shown += [] if self.inputs == "state" else [self.inputs]
        shown += ["distractors"] if self.distractors else []
        return " ".join([part for part in shown if part] + [f"seed {self.seed}"])


@dataclass(frozen=True, kw_only=True)
class Row:
    """What came out; NaN or empty where a column does not apply. `Row.of` fills in the cell."""

    family: str
    """See `Cell`."""
    task: str
    """See `Cell`."""
    labeler: str
    """See `Cell`."""
    labelled_set: str
    """See `Cell`."""
    inputs: str = "state"
    """See `Cell`."""
    distractors: bool = False
    """See `Cell`."""
    seed: int
    """See `Cell`."""
    failed: str = ""
    """Why the cell has no figures; empty where it was measured."""
    num_labelled: int = 0
    """Labeled episodes that were learned from."""
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
    best_lags: tuple[float, ...] = ()
    """The same of each dimension; NaN where moving the labels changes next to nothing."""
    lag_scan: tuple[float, ...] = ()
    """Mean R2 of labels moved by -5 to 5 frames."""
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
    """Layouts it was tried on; 0 in tasks scored otherwise."""
    score: float = math.nan
    """Success rate, return between random (0) and teacher (1), coverage; R2 without a policy."""
    label_cpu_s: float = math.nan
    """CPU time of learning and labeling [s]."""
    policy_cpu_s: float = math.nan
    """CPU time of cloning [s]."""
    cpu_s: float = math.nan
    """CPU time of the whole cell, simulator and scores included [s]."""
    num_parameters: int = 0
    """Of the labeler."""
    peak_memory_mib: float = math.nan
    """Largest resident memory of the cell's own process [MiB]."""

    @classmethod
    def of(cls, cell: Cell, **columns: Any) -> Row:
        """A cell's row with these columns."""
        return cls(**asdict(cell), **columns)


def bench_folder() -> Path:
    """Where episodes and cells are kept: `ROTOSCOPE_BENCH`, or in the user's cache."""
    named = os.environ.get("ROTOSCOPE_BENCH")
    if named:
        return Path(named)
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("rotoscope")) / "bench"


def cells_folder() -> Path:
    """Where measured cells are kept."""
    return bench_folder() / "cells"


def cell_key(cell: Cell, modules: tuple[str, ...]) -> str:
    """Hash of a cell and of the code it runs: `modules` and whatever they import."""
    text = json.dumps(asdict(cell), sort_keys=True) + code_hash(modules)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def kept(key: str, *, folder: Path) -> Row | None:
    """The row measured under this key earlier, if any."""
    path = folder / f"{key}.json"
    return _row(json.loads(path.read_text())) if path.is_file() else None


def keep(key: str, row: Row, *, folder: Path) -> None:
    """Writes a row for later runs."""
    write_text_atomic(folder / f"{key}.json", json.dumps(asdict(row)))


def measured(
    cell: Cell, measure: Callable[[Cell], Row], *, key: str, folder: Path
) -> tuple[Row, bool]:
    """The cell's row, and whether it was measured just now: a killed table goes on where it was."""
    found = kept(key, folder=folder)
    if found is not None:
        return found, False
    row = measure(cell)
    keep(key, row, folder=folder)
    return row, True


def peak_memory_mib() -> float:
    """Largest resident memory of this process so far [MiB]; `pool` gives each cell its own."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _row(stored: dict[str, Any]) -> Row:
    known = {field.name for field in fields(Row)}
    values = {key: value for key, value in stored.items() if key in known}
    tuples = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return Row(**values | tuples)
