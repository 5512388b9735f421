"""The run's side of the fork server: starts it, asks it for children, hears of their end."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from typing import IO

from rotoscope.pipeline.errors import WorkerCrashedError
from rotoscope.pipeline.processes import python_module
from rotoscope.pipeline.run import process_tree
from rotoscope.pipeline.run.fork_main import ENDED, REFUSED, STARTED, STRAYS_S, WORD

_ONE_THREAD = {
    name: "1"
    for name in (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    )
}
_END_S = STRAYS_S + 1.0
"""Longest wait for the server's word that a child is gone."""


class Child:
    """One copy of the server, as the run sees it."""

    def __init__(self, connection: Connection, line: socket.socket, server: _Server) -> None:
        self.connection, self.line, self.server = connection, line, server
        self.pid: int | None = None
        """Process id, once it is known."""
        self.exit_code: int | None = None
        """Negative for a signal; `None` while it lives, and where nobody could say."""
        self.refusal = ""
        """Why it could not be started."""
        self.is_lost = False
        """Whether the server hung up: it is gone, or never took the request."""
        self.seen: list[int] = []
        """It and all that descended from it when `tree` was called last."""

    @property
    def has_ended(self) -> bool:
        """Whether it is gone, or will never be."""
        return self.exit_code is not None or bool(self.refusal) or self.is_lost

    def tree(self) -> list[int]:
        """It and all that it has started."""
        self.seen = process_tree.tree(self.pid) if self.pid is not None else []
        return self.seen

    def receive(self) -> None:
        """Waits for the server's next word about it."""
        try:
            word = self.line.recv(WORD.size, socket.MSG_WAITALL)
        except ConnectionError:
            word = b""
        if len(word) < WORD.size:
            self.is_lost = True
            return
        letter, number = WORD.unpack(word)
        if letter == STARTED:
            self.pid = number
        elif letter == ENDED:
            self.exit_code = number
        elif letter == REFUSED:
            self.refusal = os.strerror(number)

    def join(self, seconds: float) -> None:
        """Waits for its end."""
        while not self.has_ended and wait([self.line], seconds):
            self.receive()

    def end(self) -> None:
        """Kills whatever is left of it and of what it started; returns when that is gone."""
        with contextlib.suppress(OSError):
            self.line.shutdown(socket.SHUT_WR)
        # A stage may have stopped the server, which is its parent.
        self.server.process.send_signal(signal.SIGCONT)
        if self.pid is not None:
            self.join(_END_S)
        if self.pid is not None and self.exit_code is None:
            # The server cannot do it: it is gone itself.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            for pid in self.seen:
                process_tree.kill_tree(pid)
        self.connection.close()
        self.line.close()


@dataclass(frozen=True)
class _Server:
    """One life of the fork server."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    log_file: IO[bytes]

    @classmethod
    def start(cls, preload: Sequence[str]) -> _Server:
        with contextlib.ExitStack() as ours:
            control, theirs = socket.socketpair()
            ours.enter_context(control)
            with theirs:
                log_file = ours.enter_context(tempfile.TemporaryFile())
                fd, run = str(theirs.fileno()), str(os.getpid())
                process = subprocess.Popen(
                    python_module("rotoscope.pipeline.run.fork_main", fd, run, *preload),
                    pass_fds=[theirs.fileno()],
                    env=_ONE_THREAD | os.environ,
                    stdin=subprocess.DEVNULL,
                    stdout=log_file,
                    stderr=log_file,
                    # Ctrl-C is the run's to hear, which then stops its children.
                    start_new_session=True,
                )
            ours.pop_all()
        return cls(process, control, log_file)

    def how_it_ended(self) -> str:
        """In words, where one of its children was lost."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=1.0)
        code = self.process.returncode
        if code is None:
            return "can take no more files"
        last = "" if self.log_file.closed else last_line(self.log_file.fileno())
        return f"died ({signal_name(code)})" + (f"; it last said: {last!r}" if last else "")

    def close(self) -> None:
        """Hangs up, upon which it ends with all of its children."""
        self.control.close()
        self.log_file.close()


class ForkServer:
    """A process that is copied for every child; started when first needed, and again if it dies.

    Args:
        preload: Modules that it imports once for all children; only what starts no thread on
            import.
    """

    def __init__(self, preload: Sequence[str] = ()) -> None:
        self.preload = tuple(preload)
        self._lock = threading.Lock()
        self._server: _Server | None = None
        atexit.register(self.stop)
        os.register_at_fork(after_in_child=self._forget)

    def start(self, log_fd: int) -> Child:
        """Asks for a child whose output goes to the file `log_fd`; it may not have started yet.

        Raises:
            WorkerCrashedError: There is no room for one more process or file.
        """
        try:
            return self._ask(log_fd)
        except OSError as error:
            raise WorkerCrashedError(
                f"no child process could be started: {error.strerror or error}"
            ) from error

    def _ask(self, log_fd: int) -> Child:
        with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
            parent_end, child_end = Pipe()
            ours.enter_context(parent_end)
            theirs.enter_context(child_end)
            line, server_end = socket.socketpair()
            ours.enter_context(line)
            theirs.enter_context(server_end)
            fds = [child_end.fileno(), server_end.fileno(), log_fd]
            with self._lock:
                server = self._running()
                # One that died since then is noticed on the line, which it never took.
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    socket.send_fds(server.control, [b"+"], fds)
            ours.pop_all()
        return Child(parent_end, line, server)

    def _running(self) -> _Server:
        if self._server is not None and self._server.process.poll() is not None:
            self._server.close()
            self._server = None
        if self._server is None:
            self._server = _Server.start(self.preload)
        return self._server

    def stop(self) -> None:
        """Ends it with all of its children."""
        with self._lock:
            server, self._server = self._server, None
            if server is not None:
                server.close()
                try:
                    server.process.wait(timeout=_END_S)
                except subprocess.TimeoutExpired:
                    process_tree.kill_tree(server.process.pid)

    def _forget(self) -> None:
        # In a fork of this process: while it held the line, the server would take it for the run.
        self._lock = threading.Lock()
        if self._server is not None:
            self._server.close()
            self._server = None


def signal_name(code: int) -> str:
    """An exit code in words."""
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"exit code {code}"


def last_line(file: int) -> str:
    """The last thing printed to a file, where a native library says why it aborts."""
    size = os.fstat(file).st_size
    tail = os.pread(file, 2000, max(0, size - 2000))
    lines = tail.decode(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else ""
