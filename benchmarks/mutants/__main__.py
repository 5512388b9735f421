"""`python -m benchmarks.mutants MODULE SEED`: one module, in a process of its own."""

from __future__ import annotations

import json
import sys
import time

from benchmarks.mutants.mutate import sampled
from benchmarks.mutants.table import MODULES, SAMPLE
from benchmarks.mutants.trial import ROOT, verdict, wall_s_unchanged


def main(module: str, seed: int) -> None:
    """Prints survivors, one a line, and last the counts as JSON."""
    path, tests = ROOT / module, MODULES[module]
    original = path.read_text()
    began = time.monotonic()
    chosen, num_all = sampled(original, SAMPLE, seed)
    # An endless loop is noticed too; the slack is for a machine that others use.
    limit_s = 10.0 + 5.0 * wall_s_unchanged(tests)
    verdicts = [verdict(tests, path, mutant.source, limit_s) for mutant in chosen]
    for mutant, outcome in zip(chosen, verdicts, strict=True):
        if outcome == "survived":
            print(f"survived {module}:{mutant.description(original)}")
    counts = {
        "tried": len(chosen),
        "killed": len(chosen) - verdicts.count("survived"),
        "by_time": verdicts.count("timeout"),
        "places": num_all,
        "wall_s": round(time.monotonic() - began),
    }
    print(json.dumps(counts))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
