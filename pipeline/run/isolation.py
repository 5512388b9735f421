"""A fresh child process per video, with limits: a crash, a hang or a leak costs one row.

Children come from Python's fork server: one clean, single-threaded process that has imported the
heavy modules once and is forked for every video. A child starts in milliseconds, holds nothing of
another video, and nothing of the parent's threads.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from pipeline.errors import (
    MemoryLimitError,
    RotoscopeError,
    TimeLimitError,
    WorkerCrashedError,
    WorkerError,
)

log = logging.getLogger(__name__)

POLL_S = 0.2
"""How often memory and time are looked at."""

_ONE_THREAD = {
    name: "1"
    for name in (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    )
}


@dataclass(frozen=True)
class Limits:
    """What a child may use before it is killed."""

    memory_bytes: int
    """Resident memory."""
    stall_s: float
    """Longest time without a message from the child."""
    base_s: float
    """Run time that is always granted."""
    per_item_s: float
    """Further run time for every item (frame) that the child announces."""


@dataclass(frozen=True)
class ChildError:
    """An error that a child reports; exceptions themselves do not cross the border."""

    kind: str
    """Class name of the error."""
    message: str
    """Its sentence."""
    is_expected: bool
    """Whether it is a `RotoscopeError`; otherwise it is a defect."""
    traceback: str
    """Traceback, for defects."""


@dataclass(frozen=True)
class Answer:
    """What came back from a child."""

    value: Any
    """Result of the function, if it ended well."""
    error: ChildError | None
    """What went wrong, if it did not."""
    cpu_s: float
    """CPU time of the child [s]."""
    peak_memory_bytes: int
    """Highest resident memory seen."""


Tell = Callable[[str, int, int], None]
"""A child calls `tell(stage, done, total)`; `total` announces the number of items."""


def run_isolated(
    function: str,
    argument: Any,
    *,
    limits: Limits,
    preload: Sequence[str] = (),
    on_message: Tell | None = None,
    stop: threading.Event | None = None,
) -> Answer:
    """Calls `function(argument, tell)` in a fresh child process and waits for it.

    Args:
        function: `"module:attr"`, importable in the child.
        argument: Anything that pickles.
        limits: When to kill the child.
        preload: Modules that the fork server imports once for all children; only what starts no
            thread on import.
        on_message: Called in this process for every message of the child.
        stop: When set, the child is killed.

    Raises:
        TimeLimitError: It ran too long, or was silent too long.
        MemoryLimitError: It used too much memory.
        WorkerCrashedError: It died without an answer.
        WorkerError: `stop` was set.
    """
    context = _context(preload)
    parent_end, child_end = context.Pipe(duplex=True)
    with tempfile.NamedTemporaryFile(prefix="rotoscope-", suffix=".log") as said:
        process = context.Process(
            target=_child, args=(child_end, said.name, function, argument), daemon=True
        )
        with _without_main():
            process.start()
        child_end.close()
        watch = _Watch(process, parent_end, limits, on_message, stop)
        try:
            return watch.wait()
        except WorkerCrashedError as error:
            last = _last_line(Path(said.name))
            raise WorkerCrashedError(f"{error}; it last said: {last!r}") from None
        finally:
            if process.is_alive():
                process.kill()
            process.join()
            process.close()
            parent_end.close()


class _Watch:
    """Waits for one child and enforces its limits."""

    def __init__(
        self,
        process: Any,
        connection: Connection,
        limits: Limits,
        on_message: Tell | None,
        stop: threading.Event | None,
    ) -> None:
        self.process, self.connection, self.limits = process, connection, limits
        self.on_message, self.stop = on_message, stop
        self.started = self.last_heard = time.monotonic()
        self.deadline = self.started + limits.base_s
        self.stage, self.done, self.peak = "start", 0, 0
        self.has_spoken = False

    def wait(self) -> Answer:
        while True:
            try:
                if self.connection.poll(POLL_S):
                    kind, payload = self.connection.recv()
                    if kind == "answer":
                        value, error, cpu_s = payload
                        return Answer(value, error, cpu_s, self.peak)
                    self._hear(*payload)
            except (EOFError, ConnectionError, OSError):
                self.process.join(5.0)
                raise WorkerCrashedError(self._crash_text()) from None
            self._check()

    def _hear(self, stage: str, done: int, total: int) -> None:
        self.last_heard, self.has_spoken = time.monotonic(), True
        self.stage, self.done = stage, done
        if total:
            self.deadline = max(
                self.deadline, self.started + self.limits.base_s + total * self.limits.per_item_s
            )
        if self.on_message is not None:
            self.on_message(stage, done, total)

    def _check(self) -> None:
        where = f"in stage {self.stage!r} at frame {self.done}"
        if self.stop is not None and self.stop.is_set():
            raise WorkerError(f"stopped on request {where}")
        memory = _resident_bytes(self.process.pid)
        self.peak = max(self.peak, memory)
        if memory > self.limits.memory_bytes:
            raise MemoryLimitError(
                f"used {memory / 2**30:.2f} GiB {where}, more than the limit of "
                f"{self.limits.memory_bytes / 2**30:.2f} GiB; raise it with -o limits.memory_gib=N"
            )
        now = time.monotonic()
        # Before its first word a child may wait for the fork server's own start.
        if self.has_spoken and now - self.last_heard > self.limits.stall_s:
            raise TimeLimitError(
                f"no progress for {self.limits.stall_s:g} s {where}; if the machine is just slow, "
                "raise it with -o limits.stall_s=N"
            )
        if now > self.deadline:
            raise TimeLimitError(
                f"ran for {now - self.started:.0f} s {where}, longer than its limit; raise it with "
                "-o limits.base_s=N or -o limits.per_frame_s=N"
            )

    def _crash_text(self) -> str:
        code = self.process.exitcode
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                code = signal.Signals(-code).name
        return (
            f"the child process died ({code}) in stage {self.stage!r} at frame {self.done}, "
            "probably in native code; the file may be damaged in a way that crashes the decoder"
        )


def _last_line(path: Path) -> str:
    """The last thing a child printed, where a native library says why it aborts."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 2000))
        lines = file.read().decode(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else ""


def _child(connection: Connection, said: str, function: str, argument: Any) -> None:
    """Runs in the child: calls the function and sends back one answer."""
    # Native libraries chatter on these; their last line matters only after a crash.
    descriptor = os.open(said, os.O_WRONLY | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lock = threading.Lock()
    threading.Thread(target=_die_with_parent, args=(connection,), daemon=True).start()

    def tell(stage: str, done: int, total: int = 0) -> None:
        with lock:
            connection.send(("message", (stage, done, total)))

    value, error = None, None
    try:
        module, _, attribute = function.partition(":")
        value = getattr(importlib.import_module(module), attribute)(argument, tell)
    except RotoscopeError as expected:
        error = ChildError(type(expected).__name__, str(expected), True, "")
    except MemoryError as full:
        error = ChildError("MemoryLimitError", f"out of memory: {full}", True, "")
    except Exception as defect:
        error = ChildError(
            type(defect).__name__, str(defect), False, "".join(traceback.format_exc())
        )
    with lock, contextlib.suppress(BrokenPipeError):
        connection.send(("answer", (value, error, time.process_time())))
        # Wait until the parent has read it, then leave without running native destructors,
        # some of which hang.
        connection.close()
    os._exit(0)


def _die_with_parent(connection: Connection) -> None:
    # The parent never sends; its end closes when it is killed.
    with contextlib.suppress(EOFError, OSError):
        connection.recv()
    os._exit(1)


def _resident_bytes(pid: int) -> int:
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


_context_lock = threading.Lock()
_preloaded: tuple[str, ...] | None = None


def _context(preload: Sequence[str]) -> Any:
    global _preloaded
    context = multiprocessing.get_context("forkserver")
    with _context_lock:
        if _preloaded is None:
            os.environ.update({k: v for k, v in _ONE_THREAD.items() if k not in os.environ})
            context.set_forkserver_preload([__name__, *preload])
            _preloaded = tuple(preload)
    return context


_main_lock = threading.Lock()


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    # A child would import the user's main script again, which costs time and, in a script without
    # an `if __name__ == "__main__"`, starts the run again. Our function needs nothing of it.
    with _main_lock:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = types.ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main
