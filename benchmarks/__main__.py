"""`python -m benchmarks NAME...`: measure, print one line a figure, exit 1 if a bar is missed."""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import sys

import benchmarks
from benchmarks._processes import one_thread
from benchmarks.figure import Figure

_NOT_BENCHMARKS = {"__main__", "figure", "paths"}


def names() -> list[str]:
    """Every benchmark: the public modules of this package that have a `run`."""
    found = [m.name for m in pkgutil.iter_modules(benchmarks.__path__)]
    return sorted(n for n in found if n not in _NOT_BENCHMARKS and not n.startswith("_"))


def measure(name: str) -> list[Figure]:
    """Runs one benchmark."""
    figures: list[Figure] = importlib.import_module(f"benchmarks.{name}").run()
    return figures


def main() -> int:
    """Parses the command line, runs, prints."""
    # Before NumPy is imported: a second thread that waits for work costs CPU time that no figure
    # is about, ten times the work itself with small matrices.
    for name, value in one_thread().items():
        os.environ.setdefault(name, value)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="*", help="which to run; see --list")
    parser.add_argument("--list", action="store_true", help="name every benchmark")
    parser.add_argument("--all", action="store_true", help="run every benchmark")
    args = parser.parse_args()
    if args.list:
        print("\n".join(names()))
        return 0
    chosen = names() if args.all else args.name
    unknown = sorted(set(chosen) - set(names()))
    if unknown or not chosen:
        print(f"name benchmarks to run; unknown: {unknown}; there are: {', '.join(names())}")
        return 2
    is_missed = False
    for name in chosen:
        for figure in measure(name):
            print(figure.line(), flush=True)
            is_missed |= figure.passed is False
    return int(is_missed)


if __name__ == "__main__":
    sys.exit(main())
