"""200 videos while something is killed every ten seconds, on each engine: the same bytes.

Killed are, in turn, a child, a fork server, a worker (Ray, Dask), Ray's node (its raylet), and
Prefect's server. The same command is then given until it ends well. `ROTOSCOPE_STORM_VIDEOS` and
`ROTOSCOPE_STORM_PAUSE_S` set how many videos and how often; `ROTOSCOPE_ENGINES` which engines.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks import kill
from benchmarks._processes import ROOT, adopt_orphans, measure, one_thread, rotoscope, tree_digest
from benchmarks._tiny_videos import lamp_recipe, tiny_videos
from benchmarks.figure import Bar, Figure
from rotoscope.pipeline.run import process_tree
from rotoscope.pipeline.run.ledger import Ledger

TARGETS = {
    "local": ("child", "fork_main", "flows.server"),
    "ray": ("child", "worker", "raylet/raylet", "fork_main", "flows.server"),
    "dask": ("child", "worker", "fork_main", "flows.server"),
}
BUSY_S = 0.3
MOST_RUNS = 6
RUN_LIMIT_S = 1800.0


def run() -> list[Figure]:
    """Takes some ten minutes on two idle cores."""
    count = int(os.environ.get("ROTOSCOPE_STORM_VIDEOS", "200"))
    pause_s = float(os.environ.get("ROTOSCOPE_STORM_PAUSE_S", "10"))
    engines = os.environ.get("ROTOSCOPE_ENGINES", "local ray dask").split()
    adopt_orphans()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        tiny_videos(root / "videos", count)
        lamp_recipe(root / "lamp.yaml", seconds=BUSY_S)
        calm = measure(_command(root, "calm"))
        if calm.exit_code != 0:
            raise SystemExit(calm.output)
        wanted = tree_digest(root / "calm")
        for engine in engines:
            figures += _storm(root, engine, wanted, count, pause_s)
    return figures


def _storm(root: Path, engine: str, wanted: str, count: int, pause_s: float) -> list[Figure]:
    hits: Counter[str] = Counter()
    targets = itertools.cycle(TARGETS[engine])
    left = num_runs = 0
    code = -1
    while code != 0 and num_runs < MOST_RUNS:
        num_runs += 1
        code = _one_run(root, engine, hits, targets, pause_s)
        left += _left()
    rows = Ledger(root / f"{engine}.rotoscope" / "ledger.jsonl").rows()
    same = code == 0 and tree_digest(root / engine) == wanted
    print(f"{engine}: killed {dict(hits)}")
    name = f"kill_engines.{engine}"
    return [
        Figure(f"{name}_kills", hits.total(), "kills", Bar(">=", 1)),
        Figure(f"{name}_commands_until_all_was_done", num_runs, "1", Bar("<=", MOST_RUNS)),
        Figure(f"{name}_videos_with_a_row", len(rows), "1", Bar("==", count)),
        Figure(f"{name}_same_bytes", float(same), "1", Bar("==", 1)),
        Figure(f"{name}_processes_left_after_30s", left, "1", Bar("==", 0)),
    ]


def _one_run(
    root: Path, engine: str, hits: Counter[str], targets: itertools.cycle[str], pause_s: float
) -> int:
    command = subprocess.Popen(
        _command(root, engine, "--engine", engine, "--prefect"),
        cwd=ROOT,
        env=os.environ | one_thread() | {"PREFECT_HOME": str(root / "prefect")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + RUN_LIMIT_S
    while command.poll() is None:
        if time.monotonic() > end:
            raise SystemExit(f"the run on {engine} did not end")
        try:
            command.wait(pause_s)
        except subprocess.TimeoutExpired:
            target = next(targets)
            victim = _find(target, command.pid)
            if victim is not None:
                process_tree.kill(victim)
                hits[target] += 1
    return command.returncode


def _find(target: str, run: int) -> int | None:
    """A process of that part below the run; a worker is whoever has a fork server."""
    for pid in process_tree.tree(run):
        line = kill.command_line(pid)
        if target in ("child", "worker") and b"run.fork_main" in line:
            found = process_tree.children(pid) if target == "child" else [_parent_of(pid)]
            if found:
                return found[0]
        elif target.encode() in line:
            return pid
    return None


def _parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _left() -> int:
    """Processes of the run that are there half a minute later; they are ended then."""
    end = time.monotonic() + 30.0
    while left := kill.others():
        if time.monotonic() > end:
            for pid in left:
                print(f"left: {kill.command_line(pid)!r}")
                process_tree.kill(pid)
            return len(left)
        time.sleep(0.1)
    return 0


def _command(root: Path, out: str, *more: str) -> list[str]:
    return rotoscope(
        "label", root / "videos", "--out", root / out, "--recipe", root / "lamp.yaml",
        "--store", root / f"store-{out}", "--workers", 2, *more,
    )  # fmt: skip
