"""A process with everything that it started: who belongs to it, what it uses, its end."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable
from pathlib import Path

from rotoscope.pipeline.processes import is_alive

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def children(pid: int) -> list[int]:
    """Processes that `pid` is the parent of; none where it is gone."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(ProcessLookupError):
                text = Path(f"/proc/{pid}/task/{thread}/children").read_text()
                found += map(int, text.split())
    except (FileNotFoundError, ProcessLookupError):
        # It is gone, or this system keeps no such lists.
        return _children_the_long_way(pid) if is_alive(pid) else []
    return found


def tree(pid: int) -> list[int]:
    """`pid` and all that descend from it, parents before children."""
    found = [pid]
    for one in found:
        found += [child for child in children(one) if child not in found]
    return found


def resident_bytes(pids: Iterable[int]) -> int:
    """Resident memory of all of them; pages that several hold count for each."""
    return sum(_resident_bytes(pid) for pid in pids)


def proportional_bytes(pids: Iterable[int]) -> int:
    """Resident memory of all of them, a shared page split among its holders; takes milliseconds."""
    return sum(_proportional_bytes(pid) for pid in pids)


def kill_tree(pid: int) -> None:
    """Kills `pid`, its process group if it leads one, and all that descend from it."""
    everyone = tree(pid)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
    for one in everyone:
        kill(one)


def kill_descendants() -> None:
    """Kills all that descends from this process, which goes on."""
    for one in tree(os.getpid())[1:]:
        kill(one)


def kill(pid: int) -> None:
    """Kills one process if it is there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def _children_the_long_way(pid: int) -> list[int]:
    import psutil

    try:
        return [child.pid for child in psutil.Process(pid).children()]
    except psutil.Error:
        return []


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError):
        return _resident_the_long_way(pid)


def _resident_the_long_way(pid: int) -> int:
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def _proportional_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return _resident_bytes(pid)
