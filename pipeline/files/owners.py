"""Whose a file is: one process among all that share a folder, on whatever host or container."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
from pathlib import Path

from rotoscope.pipeline.processes import is_alive


def owner() -> str:
    """This process among all that share a folder: where it runs, its number, when it started."""
    return f"{_place()}-{os.getpid()}-{_started(os.getpid()) or 0}"


@functools.cache
def _place() -> str:
    """Stands for where process numbers mean the same as here; does not tell the host's name.

    Two containers of one host have different process namespaces, and a host that was started again
    has other processes.
    """
    facts = [platform.node(), *map(_read, ("/etc/machine-id", "/proc/sys/kernel/random/boot_id"))]
    with contextlib.suppress(OSError):
        facts.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\0".join(facts).encode(errors="surrogateescape")).hexdigest()[:12]


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""


def _started(pid: int) -> int | None:
    """When a process started, in the kernel's ticks; `None` where it is gone or cannot be seen."""
    # The name, which may hold anything, ends with the last bracket; proc(5).
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return int(fields[19]) if len(fields) > 19 else None


def has_ended(whose: str) -> bool | None:
    """Whether the process that `owner` named is gone; `None` where nobody here can see that."""
    place, _, rest = whose.partition("-")
    pid, _, start = rest.partition("-")
    if place != _place() or not (pid.isdecimal() and start.isdecimal()):
        return None
    # Numbers are given out again: another start is another process.
    return not (is_alive(int(pid)) and (_started(int(pid)) or 0) == int(start))
