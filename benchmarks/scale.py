"""Many tiny videos without perception: what a video costs beside its child, killed at half.

`ROTOSCOPE_SCALE_VIDEOS` sets how many (1,000 unless told; 10,000 take some 25 minutes of CPU). The
bookkeeping of 2,000 and 20,000 videos is measured without their children: rows are made up where
a child would answer.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks._processes import ROOT, Cost, measure, one_thread, rotoscope, tree_digest
from benchmarks._tiny_videos import lamp_recipe, tiny_videos
from benchmarks.figure import Bar, Figure
from rotoscope.pipeline.processes import python_module
from rotoscope.pipeline.run import process_tree
from rotoscope.pipeline.run.ledger import Ledger

WORKERS = 2


def run() -> list[Figure]:
    """Measures all figures."""
    count = int(os.environ.get("ROTOSCOPE_SCALE_VIDEOS", "1000"))
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        tiny_videos(root / "videos", count)
        lamp_recipe(root / "lamp.yaml")
        memory = _Memory(root / "calm.rotoscope" / "ledger.jsonl")
        whole = _required(measure(_command(root, "calm")), memory)
        rows = Ledger(root / "calm.rotoscope" / "ledger.jsonl").rows()
        wanted = tree_digest(root / "calm")
        shutil.rmtree(root / "calm")
        publishing = _required(measure(_command(root, "calm")))
        twice = _kill_at_half(root, count)
        same = tree_digest(root / "stormy") == wanted
    children_s = sum(row.cpu_s for row in rows)
    beside_ms = 1e3 * (whole.cpu_s - publishing.cpu_s - children_s) / count
    return [
        Figure("scale.videos_done", sum(r.status == "done" for r in rows), "1", Bar("==", count)),
        Figure("scale.child_cpu_a_video", 1e3 * children_s / count, "ms"),
        Figure("scale.cpu_a_video_beside_its_child", beside_ms, "ms", Bar("<=", 30)),
        Figure("scale.start_and_publish_cpu_a_video", 1e3 * publishing.cpu_s / count, "ms"),
        Figure("scale.run_memory_a_video", memory.kib_a_video(), "KiB"),
        Figure("scale.made_twice_after_a_kill_at_half", twice, "videos", Bar("<=", WORKERS)),
        Figure("scale.same_bytes_after_it", float(same), "1", Bar("==", 1)),
        *_bookkeeping(2_000),
        *_bookkeeping(20_000),
    ]


def _bookkeeping(count: int) -> list[Figure]:
    cost = _required(measure(python_module("benchmarks._bookkeeping", str(count))))
    kib = float(cost.output.split()[-1])
    name = f"scale.bookkeeping_of_{count}"
    return [
        Figure(f"{name}_cpu_a_video", 1e3 * cost.cpu_s / count, "ms", Bar("<=", 5)),
        Figure(f"{name}_memory_a_video", kib, "KiB"),
    ]


def _command(root: Path, out: str) -> list[str]:
    return rotoscope(
        "label", root / "videos", "--out", root / out, "--recipe", root / "lamp.yaml",
        "--store", root / f"store-{out}", "--workers", WORKERS,
    )  # fmt: skip


def _kill_at_half(root: Path, count: int) -> int:
    """How many videos gave a row that they had given before."""
    ledger = root / "stormy.rotoscope" / "ledger.jsonl"
    run = subprocess.Popen(
        _command(root, "stormy"),
        cwd=ROOT,
        env=os.environ | one_thread(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while run.poll() is None and _num_lines(ledger) < count // 2:
        time.sleep(0.1)
    process_tree.kill(run.pid)
    run.wait()
    _required(measure(_command(root, "stormy")))
    # What was under way when it was killed had no row yet.
    return _num_lines(ledger) - count


def _num_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.is_file() else 0


@dataclass
class _Memory:
    """Resident memory of the run itself against the rows that it has written."""

    ledger: Path
    seen: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.is_over = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while not self.is_over.wait(0.5):
            rows = _num_lines(self.ledger)
            for pid in process_tree.children(os.getpid()):
                if rows:
                    self.seen.append((rows, process_tree.resident_bytes([pid])))
                    break

    def kib_a_video(self) -> float:
        """Growth from a quarter of the rows on, before the dataset is written."""
        most = max(rows for rows, _ in self.seen)
        late = [pair for pair in self.seen if most / 4 <= pair[0] < most]
        (first_rows, first), (last_rows, last) = late[0], max(late)
        return (last - first) / 1024 / max(last_rows - first_rows, 1)


def _required(cost: Cost, memory: _Memory | None = None) -> Cost:
    if memory is not None:
        memory.is_over.set()
    if cost.exit_code != 0:
        raise SystemExit(f"the measured command failed ({cost.exit_code}):\n{cost.output}")
    return cost
