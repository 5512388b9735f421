"""Small changes of the light numeric modules: does a test of the module notice?

`ROTOSCOPE_MUTANTS=smoothing/knots,geometry` chooses modules by parts of their paths,
`ROTOSCOPE_MUTANTS_SEED` draws others, `ROTOSCOPE_MUTANTS_JOBS` is how many modules at a time.
Survivors are printed, one a line.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.figure import Bar, Figure
from benchmarks.mutants.table import FLOOR, MODULES, SEED

ROOT = Path(__file__).resolve().parents[2]


def run() -> list[Figure]:
    """Share of mutants killed, of every module and of every group."""
    parts = os.environ.get("ROTOSCOPE_MUTANTS", "").split(",")
    chosen = [module for module in MODULES if any(part in module for part in parts)]
    jobs = int(os.environ.get("ROTOSCOPE_MUTANTS_JOBS", os.cpu_count() or 1))
    tried, killed = Counter[str](), Counter[str]()
    figures = []
    with ThreadPoolExecutor(jobs) as pool:
        for module, counts in zip(chosen, pool.map(_counts, chosen), strict=True):
            share = counts["killed"] / counts["tried"]
            figures.append(Figure(f"mutants.{module}", share, f"of {counts['tried']}"))
            group = str(Path(module).parent)
            tried[group] += counts["tried"]
            killed[group] += counts["killed"]
    groups = (
        Figure(f"mutants.{group}", killed[group] / num, f"of {num}", Bar(">=", FLOOR))
        for group, num in tried.items()
    )
    return [*figures, *groups]


def _counts(module: str) -> dict[str, int]:
    seed = os.environ.get("ROTOSCOPE_MUTANTS_SEED", str(SEED))
    # Nothing of Rotoscope is imported here: its shapes are checked from the first import on.
    done = subprocess.run(
        [sys.executable, "-P", "-m", "benchmarks.mutants", module, seed],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    lines = done.stdout.strip().splitlines()
    counts: dict[str, int] = json.loads(lines[-1])
    survivors = [line for line in lines if line.startswith("survived ")]
    print("\n".join([*survivors, f"{module}: {counts}"]), flush=True)
    return counts
