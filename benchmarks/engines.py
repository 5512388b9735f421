"""Ray and Dask against threads: speed of two workers over one, CPU, and the same bytes.

The videos do nothing but burn CPU, `ROTOSCOPE_ENGINE_SECONDS` each (6 unless told), 20 of them, so
that each of two workers has 60 s of work. Speed is counted from the first row to the last, wall
time: say how busy the machine was. CPU is that of the whole process tree, clusters included.
Beyond its start: less what a run of two of the videos takes.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks._processes import Cost, measure, rotoscope, tree_digest
from benchmarks._tiny_videos import lamp_recipe, tiny_videos
from benchmarks.figure import Bar, Figure
from rotoscope.pipeline.run.parts import Parts

VIDEOS, FEW = 20, 2


@dataclass(frozen=True)
class _Run:
    cost: Cost
    rate: float
    """Videos a second, from the first row on."""
    digest: str


def run() -> list[Figure]:
    """Takes some ten minutes on two idle cores."""
    seconds = float(os.environ.get("ROTOSCOPE_ENGINE_SECONDS", "6"))
    engines = os.environ.get("ROTOSCOPE_ENGINES", "ray dask").split()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        tiny_videos(root / "videos", VIDEOS)
        tiny_videos(root / "few", FEW)
        lamp_recipe(root / "lamp.yaml", seconds=seconds)
        plain = [_run(root, "plain", workers, []) for workers in (1, 2)]
        local = [_run(root, "local", workers, ["--prefect"]) for workers in (1, 2)]
        figures = [
            Figure("engines.load", os.getloadavg()[0], "1"),
            Figure("engines.plain_two_workers", plain[1].rate / plain[0].rate, "x", Bar(">=", 1.8)),
            Figure("engines.flow_two_workers", local[1].rate / local[0].rate, "x", Bar(">=", 1.8)),
            Figure("engines.flow_over_plain_cpu", local[1].cost.cpu_s / plain[1].cost.cpu_s, "x"),
        ]
        plain_s = _beyond_start_s(root, "plain", plain[1], [])
        flow_s = _beyond_start_s(root, "local", local[1], ["--prefect"])
        figures.append(_beyond_start("flow", flow_s / plain_s))
        for engine in engines:
            one, two = (_run(root, engine, workers, ["--engine", engine]) for workers in (1, 2))
            cpu = two.cost.cpu_s / local[1].cost.cpu_s
            beyond_s = _beyond_start_s(root, engine, two, ["--engine", engine])
            same = {one.digest, two.digest, local[1].digest} == {plain[0].digest}
            figures += [
                Figure(f"engines.{engine}_two_workers", two.rate / one.rate, "x", Bar(">=", 1.7)),
                Figure(f"engines.{engine}_cpu_over_local", cpu, "x", Bar("<=", 1.25)),
                _beyond_start(engine, beyond_s / plain_s),
                Figure(f"engines.{engine}_same_bytes", float(same), "1", Bar("==", 1)),
            ]
    return figures


def _beyond_start(engine: str, ratio: float) -> Figure:
    return Figure(f"engines.{engine}_cpu_over_plain_beyond_start", ratio, "x", Bar("<=", 1.1))


def _beyond_start_s(root: Path, name: str, whole: _Run, options: list[str]) -> float:
    few = _run(root, f"few-{name}", 2, options, videos="few")
    return whole.cost.cpu_s - few.cost.cpu_s


def _run(
    root: Path, name: str, workers: int, options: list[str], *, videos: str = "videos"
) -> _Run:
    out = root / f"{name}-{workers}"
    watch = _Watch(out.with_name(out.name + ".rotoscope"))
    cost = measure(
        rotoscope(
            "label", root / videos, "--out", out, "--recipe", root / "lamp.yaml",
            "--store", root / f"store-{out.name}", "--workers", workers, *options,
        ),
        env={"PREFECT_HOME": str(root / "prefect")},
    )  # fmt: skip
    if cost.exit_code != 0:
        raise subprocess.SubprocessError(cost.output)
    return _Run(cost, watch.rate(), tree_digest(out))


class _Watch:
    """When rows were there: in the ledger, or in the parts that it is made of."""

    def __init__(self, work: Path) -> None:
        self.work, self.seen, self.is_over = work, [(time.monotonic(), 0)], threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while not self.is_over.wait(0.1):
            files = [self.work / "ledger.jsonl", *Parts(self.work).folder.glob("*.jsonl")]
            count = len({line for file in files for line in _lines(file)})
            if count > self.seen[-1][1]:
                self.seen.append((time.monotonic(), count))

    def rate(self) -> float:
        self.is_over.set()
        (first_s, first), (last_s, last) = self.seen[:2][-1], self.seen[-1]
        return (last - first) / max(last_s - first_s, 1e-3)


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
