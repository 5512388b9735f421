"""`kill -9` at random moments, then the same command: the same bytes as an undisturbed run.

In turn the run itself is killed, one of its children, the fork server, the writer in its first
second, the run in the writer's first second, and the run under Prefect. Whatever is killed, no
process is left 5 s later, and the last run leaves nothing beside what it wrote.

`ROTOSCOPE_KILLS` sets how often (40 unless told).
"""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import av

from benchmarks._processes import ROOT, adopt_orphans, measure, one_thread, rotoscope, tree_digest
from benchmarks.figure import Bar, Figure
from rotoscope.pipeline.assets import asset_path
from rotoscope.pipeline.files.atomic import remove
from rotoscope.pipeline.run import process_tree

Target = Literal["run", "child", "server", "writer", "run_while_writing", "prefect"]
TARGETS: tuple[Target, ...] = (
    *("run", "child", "server", "writer", "run", "run_while_writing", "child", "prefect"),
)
CLIPS = (("cup.mp4", 40), ("cup.mp4", 60), ("box.mp4", 40))
"""Assets and how many of their first frames make a clip."""
LEFT_AFTER_S = 5.0
RUN_LIMIT_S = 600.0


@dataclass
class _Seen:
    """What the kills did."""

    hits: Counter[Target] = field(default_factory=Counter)
    compared: int = 0
    same: bool = True
    left: int = 0
    slowest_s: float = 0.0


def run() -> list[Figure]:
    """Kills at moments spread over the length of an undisturbed run."""
    kills = int(os.environ.get("ROTOSCOPE_KILLS", "40"))
    adopt_orphans()
    with tempfile.TemporaryDirectory() as name:
        storm = _Storm(Path(name))
        while storm.seen.hits.total() < kills:
            storm.strike(TARGETS[storm.seen.hits.total() % len(TARGETS)])
        storm.finish()
        leftovers = storm.leftovers()
    seen = storm.seen
    for path in leftovers:
        print(f"left behind: {path}")
    return [
        Figure("kill.killed_while_running", seen.hits.total(), "kills", Bar(">=", kills)),
        *(Figure(f"kill.hits_{name}", seen.hits[name], "kills") for name in dict.fromkeys(TARGETS)),
        Figure("kill.datasets_compared", seen.compared, "1"),
        Figure("kill.same_bytes", float(seen.same), "1", Bar("==", 1)),
        Figure("kill.processes_left_after_5s", seen.left, "processes", Bar("==", 0)),
        Figure("kill.slowest_end", seen.slowest_s, "s"),
        Figure("kill.leftovers", len(leftovers), "files", Bar("==", 0)),
    ]


class _Storm:
    """One dataset that is written again and again, and what happens to it."""

    def __init__(self, root: Path) -> None:
        self.root, self.seen, self.moments = root, _Seen(), random.Random(7)
        _cut_clips(root / "videos")
        (root / "tmp").mkdir()
        self.env = {"TMPDIR": str(root / "tmp"), "PREFECT_HOME": str(root / "prefect")}
        self.before = set(process_tree.tree(os.getpid()))
        self.calm_s = {is_prefect: self._calm(is_prefect) for is_prefect in (False, True)}
        self.wanted = tree_digest(root / "calm")

    def _calm(self, is_prefect: bool) -> float:
        self._wipe("calm")
        cost = measure(self._command("calm", is_prefect), env=self.env)
        if cost.exit_code != 0:
            raise SystemExit(cost.output)
        return cost.wall_s

    def strike(self, target: Target) -> None:
        """Runs the command and kills the target once; compares the dataset where it came too late.

        Raises:
            SystemExit: A run that was not hit failed.
        """
        run = self._start(is_prefect=target == "prefect")
        victim = self._wait_for(target, run)
        if victim is not None:
            process_tree.kill(victim)
            self.seen.hits[target] += 1
        try:
            code = run.wait(RUN_LIMIT_S)
        except subprocess.TimeoutExpired:
            raise SystemExit(f"the run did not end after its {target} was killed") from None
        self._count_left(target)
        if victim is None:
            # What was kept let it end before its time: begin again from nothing.
            self._compare(code)
            self._wipe("stormy")

    def finish(self) -> None:
        """One run that nobody disturbs."""
        run = self._start(is_prefect=False)
        code = run.wait(RUN_LIMIT_S)
        self._count_left("run")
        self._compare(code)

    def leftovers(self) -> list[str]:
        """Temporaries beside and inside whatever the runs wrote, and in the system's folder."""
        found = [p for p in self.root.rglob("*") if ".tmp-" in p.name or ".old-" in p.name]
        found += (self.root / "tmp").iterdir()
        return sorted({str(path.relative_to(self.root)) for path in found})

    def _command(self, name: str, is_prefect: bool) -> list[str]:
        out, store = self.root / name, self.root / f"store-{name}"
        options = ["--out", out, "--store", store, "--workers", 2]
        return rotoscope(
            "label", self.root / "videos", *options, *(["--prefect"] if is_prefect else [])
        )

    def _start(self, *, is_prefect: bool) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command("stormy", is_prefect),
            cwd=ROOT,
            env=os.environ | one_thread() | self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _wait_for(self, target: Target, run: subprocess.Popen[bytes]) -> int | None:
        """The process to kill, at the moment to kill it; `None` where the run ended before."""
        is_writing = target in ("writer", "run_while_writing")
        calm_s = self.calm_s[target == "prefect"]
        delay_s = 0.0 if is_writing else self.moments.uniform(0.1, 0.8 * calm_s)
        moment = time.monotonic() + delay_s
        while run.poll() is None:
            if time.monotonic() >= moment:
                found = _find("writer" if is_writing else target, run.pid)
                if found is not None:
                    if is_writing:
                        time.sleep(self.moments.uniform(0.0, 1.0))
                    victim = run.pid if target == "run_while_writing" else found
                    return victim if run.poll() is None and _is_running(victim) else None
            time.sleep(0.005)
        return None

    def _count_left(self, target: Target) -> None:
        """Waits for all that the run had started to be gone; kills and counts what is not."""
        started = time.monotonic()
        while left := others(self.before):
            if time.monotonic() - started > LEFT_AFTER_S:
                print(f"left after {target} was killed: {[command_line(pid) for pid in left]}")
                self.seen.left += len(left)
                for pid in left:
                    process_tree.kill(pid)
            time.sleep(0.01)
        self.seen.slowest_s = max(self.seen.slowest_s, time.monotonic() - started)

    def _compare(self, code: int) -> None:
        self.seen.compared += 1
        is_same = code == 0 and tree_digest(self.root / "stormy") == self.wanted
        if not is_same:
            print(f"not the same bytes, exit code {code}, after {dict(self.seen.hits)}")
        self.seen.same &= is_same

    def _wipe(self, name: str) -> None:
        for part in (name, f"{name}.rotoscope", f"store-{name}"):
            remove(self.root / part)


def others(before: Collection[int] = ()) -> list[int]:
    """What descends from this process and runs, but for itself and what was there before."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    known = {os.getpid(), *before}
    return [p for p in process_tree.tree(os.getpid()) if p not in known and _is_running(p)]


def _cut_clips(folder: Path) -> None:
    """Writes the first frames of real clips, not encoded again."""
    folder.mkdir()
    for name, num_frames in CLIPS:
        path = folder / f"{Path(name).stem}{num_frames}.mp4"
        with av.open(str(asset_path(name))) as source, av.open(str(path), "w") as target:
            stream = source.streams.video[0]
            copy = target.add_stream_from_template(stream)
            for number, packet in enumerate(source.demux(stream)):
                if number == num_frames or packet.dts is None:
                    break
                packet.stream = copy
                target.mux(packet)


def _find(target: str, run: int) -> int | None:
    """A process of that part in the run, if it is there now."""
    if target in ("run", "prefect"):
        return run
    module = (
        b"rotoscope.pipeline.export.publish"
        if target == "writer"
        else b"rotoscope.pipeline.run.fork_main"
    )
    found = next((pid for pid in process_tree.children(run) if module in command_line(pid)), None)
    if target == "child" and found is not None:
        return next(iter(process_tree.children(found)), None)
    return found


def command_line(pid: int) -> bytes:
    """How a process was called; empty where it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
