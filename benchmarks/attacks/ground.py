"""Where an attack is tried: a folder with videos, a recipe, a secret, and the product to run."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import yaml

from benchmarks._processes import ROOT, adopt_orphans, one_thread
from benchmarks.attacks.catalogue import Finding, Verdict
from rotoscope.pipeline.run import process_tree
from rotoscope.pipeline.run.ledger import Ledger, Row

STAGES = Path(__file__).with_name("lamp.py")
LIMIT_S = 120.0
LEFT_AFTER_S = 5.0
ENTRY = "from rotoscope.cli.main import main\nmain()\n"
"""What an installed console script does."""
SIZE = (64, 48)


@dataclass(frozen=True)
class Done:
    """What one command said."""

    code: int
    """Exit code; negative for a signal, and where it did not end in time."""
    said: str
    """Standard output and error."""

    @property
    def is_raw(self) -> bool:
        """Whether it ended in a way that nobody meant."""
        return (
            self.code not in (0, 1, 2, 130, 141, 143)
            or "Traceback (most recent call last)" in self.said
            or "this is a defect" in self.said
        )


class Ground:
    """A fresh folder.

    Args:
        folder: An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.videos, self.out, self.store = folder / "videos", folder / "out", folder / "store"
        self.recipe, self.mark = folder / "lamp.yaml", folder / "executed"
        self.videos.mkdir()
        self.canary = f"canary{secrets.token_hex(8)}"
        self.secret = folder / "elsewhere" / "secret.txt"
        self.secret.parent.mkdir()
        self.secret.write_text(f"{self.canary}\n" * 3)
        self.script = folder / "bin" / "rotoscope"
        self.script.parent.mkdir()
        self.script.write_text(ENTRY)
        self.write_recipe(self.recipe)

    def write_recipe(self, path: Path, *stages: object, **more: object) -> Path:
        """A recipe of the lamp's stages, or of others."""
        given = stages or (f"{STAGES}:Bright as bright", f"{STAGES}:Lamp as lamp", "curate")
        export = {"width": SIZE[0], "height": SIZE[1]}
        raw = {"name": "lamp", "stages": list(given), "export": export, **more}
        path.write_text(yaml.safe_dump(raw))
        return path

    def trap(self, name: str = "") -> str:
        """Code that leaves a mark, with a name in it."""
        return f"import os as _os; _os.write(_os.open({os.fspath(self.mark)!r}, 1089, 0o644), " + (
            f"{name + ' '!r}.encode())\n"
        )

    def run(
        self,
        *arguments: object,
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
        limit_s: float = LIMIT_S,
    ) -> Done:
        """The console command, as installed."""
        words = [os.fspath(a) if isinstance(a, Path) else str(a) for a in arguments]
        return self.execute([sys.executable, str(self.script), *words], cwd, env, limit_s)

    def execute(
        self,
        command: list[str],
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
        limit_s: float = LIMIT_S,
    ) -> Done:
        """A command with this checkout on its path, ended with all that it started when late."""
        adopt_orphans()
        surroundings = os.environ | one_thread() | {"PYTHONPATH": str(ROOT), "COLUMNS": "300"}
        process = subprocess.Popen(
            command,
            cwd=cwd or self.folder,
            env=surroundings | {"ROTOSCOPE_STORE": str(self.store)} | (env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            said, _ = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            process_tree.kill_tree(process.pid)
            said, _ = process.communicate()
            return Done(-int(signal.SIGALRM), said.decode(errors="replace"))
        return Done(process.returncode, said.decode(errors="replace"))

    def label(self, *more: object, cwd: Path | None = None, **kwargs: object) -> Done:
        """Labels the folder of videos."""
        given = ["--recipe", self.recipe, "--out", self.out, "--store", self.store]
        return self.run("label", self.videos, *given, *more, cwd=cwd, **kwargs)  # type: ignore[arg-type]

    def rows(self, out: Path | None = None) -> dict[str, Row]:
        """What became of every video, as the run recorded it."""
        ledger = (out or self.out).with_name(f"{(out or self.out).name}.rotoscope")
        return {row.name: row for row in Ledger(ledger / "ledger.jsonl").rows()}

    def judge(self, name: str, done: Done, wrong: str = "", *, as_: Verdict = "wrong") -> Finding:
        """The verdict of one input: the worst of what can be seen, then what the attack saw."""
        if self.mark.exists():
            ran = self.mark.read_text(errors="replace")
            self.mark.unlink()
            return Finding(name, "executed", ran[:200])
        if leaked := self.leaks(done):
            return Finding(name, "outside", leaked)
        if done.code == -int(signal.SIGALRM):
            return Finding(name, "lost", f"did not end: {done.said[-300:]}")
        if done.is_raw:
            return Finding(name, "traceback", f"exit code {done.code}: {done.said[-500:]}")
        return Finding(name, as_ if wrong else "held", wrong)

    def leaks(self, done: Done) -> str:
        """Where words of the secret turned up, empty where nowhere; its own place aside."""
        needle = self.canary.encode()
        if self.canary in done.said:
            return "the secret was printed"
        if self.secret.read_bytes() != needle + b"\n" + needle + b"\n" + needle + b"\n":
            return "the secret was changed"
        for root in (self.out, self.out.with_name(self.out.name + ".rotoscope"), self.store):
            for path in root.rglob("*"):
                if path.is_file() and not path.is_symlink() and needle in path.read_bytes():
                    return f"the secret is in {path.relative_to(self.folder)}"
        return ""


def write_clip(path: Path, *, frames: int = 40, level: int = 60, codec: str = "libx264") -> Path:
    """A clip whose brightness rises from `level`, so that clips of other levels differ."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(os.fspath(path), "w") as output:
        stream = output.add_stream(codec, rate=30)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "rgb8" if codec == "gif" else "yuv420p"
        if codec == "libx264":
            stream.options = {"preset": "ultrafast", "g": "10"}
        for number in range(frames):
            image = np.full((SIZE[1], SIZE[0], 3), level + number % 100, np.uint8)
            image[: SIZE[1] // 2, : number % SIZE[0]] = 200
            output.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        output.mux(stream.encode())
    return path


def left_over(before: set[int]) -> list[int]:
    """Processes that this one has started, or adopted, and that are there 5 s later."""
    end = time.monotonic() + LEFT_AFTER_S
    while True:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        left = [p for p in process_tree.tree(os.getpid()) if p not in before and _runs(p)]
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
