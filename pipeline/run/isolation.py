"""A fresh child process per video, with limits: a crash, a hang or a leak costs one row.

Children come from a fork server: one clean, single-threaded process that has imported the heavy
modules once and is forked for every video. A child starts in milliseconds, holds nothing of
another video, and nothing of the parent's threads. What a child starts itself belongs to it: it is
measured, limited and ended together with it.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import IO, Any

from rotoscope.pipeline.errors import (
    MemoryLimitError,
    TimeLimitError,
    WorkerCrashedError,
    WorkerError,
)
from rotoscope.pipeline.recipe_sections import LimitsSection
from rotoscope.pipeline.run import process_tree
from rotoscope.pipeline.run.child import ChildError, call
from rotoscope.pipeline.run.fork_server import Child, ForkServer, last_line, signal_name

log = logging.getLogger(__name__)

__all__ = ["Answer", "ChildError", "Limits", "Progress", "run_isolated"]

POLL_S = 0.2
"""Time between two checks of memory and time [s]."""
_PRELOAD = ("rotoscope.pipeline.run.child", "rotoscope.pipeline.run.network")
ATTEMPTS = 2
"""How often a child is asked for whose fork server dies before it has begun."""


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

    @classmethod
    def of(cls, section: LimitsSection) -> Limits:
        """Those that a recipe sets."""
        return cls(
            memory_bytes=int(section.memory_gib * 2**30),
            stall_s=section.stall_s,
            base_s=section.base_s,
            per_item_s=section.per_frame_s,
        )


@dataclass(frozen=True)
class Answer:
    """A child's result or error, with what it used."""

    value: Any
    """Result of the function, if it ended well."""
    error: ChildError | None
    """Error that ended the function; `None` where it ended well."""
    cpu_s: float
    """CPU time of the child [s]."""
    peak_memory_bytes: int
    """Highest resident memory seen."""


Progress = Callable[[str, int, int], None]
"""A child calls `report(stage, done, total)`; `total` announces the number of items."""


def run_isolated(
    function: str,
    argument: Any,
    *,
    limits: Limits,
    preload: Sequence[str] = (),
    on_message: Progress | None = None,
    stop: threading.Event | None = None,
    has_network: bool = False,
) -> Answer:
    """Calls `function(argument, report)` in a fresh child process and waits for it.

    When this returns or raises, the child and all that it started are gone. Should this process
    be killed, they go as well, whatever they are doing.

    Args:
        function: `"module:attr"`, importable in the child.
        argument: Anything that pickles.
        limits: When to kill the child; memory is that of all that it started.
        preload: Modules that the fork server imports once for all children; only what starts no
            thread on import. The first call decides.
        on_message: Called in this process for every message of the child.
        stop: When set, the child is killed.
        has_network: Whether the child may reach other machines; otherwise the network is taken
            from it where the system allows (see `rotoscope.pipeline.run.network`).

    Raises:
        TimeLimitError: It ran too long, or was silent too long.
        MemoryLimitError: It used too much memory.
        WorkerCrashedError: It died without an answer, or could not be started.
        WorkerError: `stop` was set.
    """
    request = call(function, argument, has_network=has_network)
    server = _server(preload)
    attempt = 0
    while True:
        attempt += 1
        with _temporary_file() as log_file:
            child = server.start(log_file.fileno())
            watch = _Watch(child, request, limits, on_message, stop)
            try:
                return watch.wait()
            except WorkerCrashedError as error:
                if child.pid is None and child.is_lost and attempt < ATTEMPTS:
                    log.info("%s; it is started again", error)
                    continue
                last = last_line(log_file.fileno())
                raise WorkerCrashedError(f"{error}; it last said: {last!r}") from None
            finally:
                child.end()


class _Watch:
    """Waits for one child and enforces its limits."""

    def __init__(
        self,
        child: Child,
        request: bytes,
        limits: Limits,
        on_message: Progress | None,
        stop: threading.Event | None,
    ) -> None:
        self.child, self.request, self.limits = child, request, limits
        self.on_message, self.stop = on_message, stop
        self.started = self.last_heard = time.monotonic()
        self.deadline = self.started + limits.base_s
        self.stage, self.done, self.peak = "start", 0, 0
        self.has_spoken = False

    def wait(self) -> Answer:
        while True:
            ready = wait([self.child.connection, self.child.line], POLL_S)
            # What it said counts, even where it has ended since.
            if self.child.connection in ready:
                answer = self._read()
                if answer is not None:
                    return answer
            elif ready:
                self._follow()
            self._check()

    def _read(self) -> Answer | None:
        try:
            kind, payload = self.child.connection.recv()
        except (EOFError, OSError):
            self.child.join(5.0)
            raise self._crash() from None
        if kind == "answer":
            value, error, cpu_s = payload
            return Answer(value, error, cpu_s, self.peak)
        if kind == "unprotected":
            _log_once(payload)
        else:
            self._hear(*payload)
        return None

    def _follow(self) -> None:
        was_known = self.child.pid is not None
        self.child.receive()
        if self.child.has_ended:
            raise self._crash()
        if not was_known:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it says why, soon
                self.child.connection.send_bytes(self.request)

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
        memory = self._memory_bytes()
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

    def _memory_bytes(self) -> int:
        pids = self.child.tree()
        memory = process_tree.resident_bytes(pids)
        if memory > self.limits.memory_bytes and len(pids) > 1:
            # Forks share pages, which must not be counted twice.
            memory = process_tree.proportional_bytes(pids)
        return memory

    def _crash(self) -> WorkerCrashedError:
        child = self.child
        if child.pid is None:
            why = child.refusal or f"the process that starts them {child.server.how_it_ended()}"
            return WorkerCrashedError(f"no child process could be started: {why}")
        where = f"in stage {self.stage!r} at frame {self.done}"
        if child.is_lost:
            return WorkerCrashedError(
                f"the process that starts the children {child.server.how_it_ended()}, and the "
                f"child ended with it {where}; run it again"
            )
        if child.exit_code is None:
            return WorkerCrashedError(f"the child process closed its pipe {where}")
        if child.exit_code >= 0:
            code = signal_name(child.exit_code)
            return WorkerCrashedError(f"the child ended ({code}) {where} without an answer")
        why = "in native code; the file may be damaged in a way that crashes the decoder"
        if child.exit_code == -signal.SIGKILL:
            why = "killed by the system for want of memory; run fewer at a time with --workers"
        return WorkerCrashedError(
            f"the child process died ({signal_name(child.exit_code)}) {where}, probably {why}"
        )


def _temporary_file() -> IO[bytes]:
    """A file without a name, so that nothing of it is left behind by a kill."""
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        raise WorkerCrashedError(
            f"no child process could be started: its output needs a file in "
            f"{tempfile.gettempdir()}: {error.strerror or error}"
        ) from error


_lock = threading.Lock()
_servers: list[ForkServer] = []
_logged: set[str] = set()


def _server(preload: Sequence[str]) -> ForkServer:
    with _lock:
        if not _servers:
            _servers.append(ForkServer([*_PRELOAD, *preload]))
        return _servers[0]


def _log_once(reason: str) -> None:
    with _lock:
        if reason not in _logged:
            _logged.add(reason)
            log.info("children that decode are not kept off the network: %s", reason)
