"""What a whole run costs: against decoding and the hand stage alone, again, and with two workers.

Baseline: one process that decodes the ten clips and runs the hand stage on them, nothing else.
Run: `rotoscope label` on the same ten clips, cold store, until the dataset is published. Plain
loop: decoding and MediaPipe's own loop with two hands on every frame. CPU time of the whole process
tree; wall time only for the two-worker ratio.
"""

from __future__ import annotations

import compileall
import tempfile
from pathlib import Path

from benchmarks._clips import ten_clips
from benchmarks._processes import ROOT, Cost, measure, rotoscope, tree_digest
from benchmarks.figure import Bar, Figure
from rotoscope.pipeline.processes import python_module


def run() -> list[Figure]:
    """Measures all figures; takes a few minutes on two cores."""
    # As an installed package is, and as no process that is measured needs to do again.
    for room in ("rotoscope", "pipeline", "models", "retarget", "flows", "benchmarks"):
        compileall.compile_dir(ROOT / room, quiet=1)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        clips = ten_clips(root / "videos")
        alone = python_module("benchmarks._hands_alone")
        base = measure([*alone, *map(str, clips)])
        plain = measure([*alone, "--plain", *map(str, clips)])
        _require(base)
        _require(plain)
        first = _label(root, "one", workers=1)
        digest = tree_digest(root / "one")
        second = _label(root, "one", workers=1)
        unchanged = tree_digest(root / "one") == digest
        again = _label(root, "again", workers=1, store="one")
        double = _label(root, "two", workers=2)
        same = tree_digest(root / "two") == digest
    return [
        Figure("label.baseline_cpu", base.cpu_s, "s"),
        Figure("label.cpu_over_hands_alone", first.cpu_s / base.cpu_s, "x", Bar("<=", 1.25)),
        # What does not grow with the videos: start-up, LeRobot's import, writing the dataset.
        Figure("label.fixed_cpu", again.cpu_s, "s"),
        Figure(
            "label.cpu_over_hands_alone_less_fixed", (first.cpu_s - again.cpu_s) / base.cpu_s, "x"
        ),
        Figure("label.cpu_over_plain_loop", first.cpu_s / plain.cpu_s, "x"),
        Figure("label.second_run_cpu", second.cpu_s / first.cpu_s, "1", Bar("<=", 0.05)),
        Figure("label.second_run_unchanged", float(unchanged), "1", Bar("==", 1)),
        Figure("label.two_workers_speedup", first.wall_s / double.wall_s, "x", Bar(">=", 1.8)),
        Figure("label.two_workers_same_bytes", float(same), "1", Bar("==", 1)),
    ]


def _label(root: Path, name: str, *, workers: int, store: str = "") -> Cost:
    cost = measure(
        rotoscope(
            "label", root / "videos", "--out", root / name, "--workers", workers,
            "--store", root / f"store-{store or name}",
        )
    )  # fmt: skip
    _require(cost)
    return cost


def _require(cost: Cost) -> None:
    if cost.exit_code != 0:
        raise SystemExit(f"the measured command failed ({cost.exit_code}):\n{cost.output}")
