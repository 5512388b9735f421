"""`kill -9` at random moments, then the same command: the same bytes as an undisturbed run.

`ROTOSCOPE_KILLS` sets how often (20 unless told).
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks._processes import ROOT, measure, one_thread, rotoscope, tree_digest
from benchmarks.figure import Bar, Figure
from pipeline.assets import asset_path
from pipeline.atomic import remove


def run() -> list[Figure]:
    """Kills at moments spread over the length of an undisturbed run."""
    kills = int(os.environ.get("ROTOSCOPE_KILLS", "20"))
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        videos = root / "videos"
        videos.mkdir()
        for clip in ("cup.mp4", "box.mp4"):
            (videos / clip).write_bytes(asset_path(clip).read_bytes())
        calm = measure(_command(root, "calm"))
        if calm.exit_code != 0:
            raise SystemExit(calm.output)
        wanted = tree_digest(root / "calm")
        moments = random.Random(7)
        hits = finished = 0
        same = True
        while hits < kills:
            if _kill_after(_command(root, "stormy"), moments.uniform(0.1, 0.8 * calm.wall_s)):
                hits += 1
                continue
            # What was kept let it end before its time: compare, and begin again from nothing.
            finished += 1
            same &= tree_digest(root / "stormy") == wanted
            for part in ("stormy", "stormy.rotoscope", "store-stormy"):
                remove(root / part)
        last = measure(_command(root, "stormy"))
        same &= last.exit_code == 0 and tree_digest(root / "stormy") == wanted
        leftovers = [p for p in root.iterdir() if p.name.startswith(".stormy")]
    return [
        Figure("kill.killed_while_running", hits, "kills", Bar(">=", kills)),
        Figure("kill.datasets_compared", finished + 1, "1"),
        Figure("kill.same_bytes", float(same), "1", Bar("==", 1)),
        Figure("kill.half_datasets_left", len(leftovers), "folders", Bar("==", 0)),
    ]


def _command(root: Path, name: str) -> list[str]:
    return rotoscope(
        "label", root / "videos", "--out", root / name, "--store", root / f"store-{name}"
    )


def _kill_after(command: list[str], seconds: float) -> bool:
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | one_thread(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    time.sleep(seconds)
    was_running = process.poll() is None
    if was_running:
        # The parent alone: its children must notice and leave by themselves.
        process.send_signal(signal.SIGKILL)
    process.wait()
    return was_running
