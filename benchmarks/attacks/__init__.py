"""Attacks with inputs of our own, by kind: nothing runs, nothing leaks, nothing is lost.

`ROTOSCOPE_ATTACKS=code,paths` chooses kinds, `ROTOSCOPE_ATTACKS=code.modules_where_one_stands` one.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks.attacks.catalogue import ATTACKS, VERDICTS
from benchmarks.attacks.ground import Ground
from benchmarks.figure import Bar, Figure


def run() -> list[Figure]:
    """Every attack, each on a ground of its own."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    chosen = os.environ.get("ROTOSCOPE_ATTACKS", "").split(",")
    out = []
    for kind, attacks in ATTACKS.items():
        names = [f"{kind}.{made.__name__}" for made in attacks]
        wanted = [n for n in names if chosen == [""] or kind in chosen or n in chosen]
        if wanted:
            out += _of_kind(kind, wanted)
    return out


def _of_kind(kind: str, names: list[str]) -> list[Figure]:
    counts: Counter[str] = Counter()
    for made in ATTACKS[kind]:
        name = f"{kind}.{made.__name__}"
        if name not in names:
            continue
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="ground-") as folder:
            for finding in made(Ground(Path(folder).resolve())):
                counts[finding.verdict] += 1
                if finding.verdict != "held":
                    print(f"{name} [{finding.name}]: {finding.verdict}: {finding.why}")
        print(f"{name}: {time.monotonic() - began:.1f} s", flush=True)
    return [
        Figure(f"attacks.{kind}", counts.total(), "attacks"),
        *(Figure(f"attacks.{kind}.{v}", counts[v], "", Bar("==", 0)) for v in VERDICTS[1:]),
    ]
