"""Running a command and knowing what it and all its descendants cost."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rotoscope.pipeline.processes import PR_SET_CHILD_SUBREAPER, prctl, python_module

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Cost:
    """What one command took."""

    cpu_s: float
    """User and system time of the command and of every process it started [s]."""
    wall_s: float
    """Time until the last of them was gone [s]."""
    exit_code: int
    """Of the command itself; negative for a signal."""
    output: str
    """Standard output and error."""


def measure(command: Sequence[str], *, env: dict[str, str] | None = None) -> Cost:
    """Runs a command to its end and adds up its whole process tree.

    Helpers that outlive their parent (a fork server, say) are adopted by this process, so that
    their time is counted too.
    """
    adopt_orphans()
    before, started = os.times(), time.monotonic()
    done = subprocess.run(
        list(command),
        env=os.environ | one_thread() | (env or {}),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    _reap_orphans()
    after = os.times()
    cpu_s = (after.children_user + after.children_system) - (
        before.children_user + before.children_system
    )
    return Cost(cpu_s, time.monotonic() - started, done.returncode, done.stdout)


def adopt_orphans() -> None:
    """Makes this process the parent of whatever outlives its own, so that it can be found."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def _reap_orphans() -> None:
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def one_thread() -> dict[str, str]:
    """Environment that keeps numeric libraries on one thread."""
    return {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def rotoscope(*arguments: object) -> list[str]:
    """The command line of this checkout under this interpreter."""
    return python_module("rotoscope.cli.main", *map(str, arguments))


def tree_digest(folder: Path) -> str:
    """Hash of every file's relative path and bytes below a folder."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(str(path.relative_to(folder)).encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
