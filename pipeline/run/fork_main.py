"""The fork server itself: one clean process with one thread, which is copied for every child.

It is started by `rotoscope.pipeline.run.fork_server` and is the parent of all children, so it is
what keeps watch over them. It does nothing but wait, so neither a stage nor native code can hold it
up:

- When a child ends, all that it left behind ends: its process group and whatever descends from it.
  A process that a stage has detached becomes a child of its video's process (a "subreaper"), and
  after that one's end a child of the server.
- When the run hangs up a child's line, that child ends with all that it started.
- When the run itself is gone, killed perhaps, everything ends.

A line is a socket: the run hangs up by closing its writing half; the server says `Word`s on it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import selectors
import signal
import socket
import struct
import sys
import time
import types
from multiprocessing.connection import Connection
from typing import NoReturn

from rotoscope.pipeline.processes import PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG, prctl
from rotoscope.pipeline.run import process_tree

WORD = struct.Struct("=cq")
"""What the server says of a child: one of the letters below and a number."""
STARTED, ENDED, REFUSED = b"s", b"e", b"r"
"""Its process id; its exit code, negative for a signal; the errno why it could not be started."""
FDS_PER_CHILD = 3
"""A request carries the child's end of its pipe, the line, and where to write what it prints."""

STRAYS_S = 2.0
"""Longest wait for killed processes to be gone; only one that hangs in the kernel takes longer."""


def main(control: int, run: int, preload: list[str]) -> None:
    """Serves until the process `run` closes the other end of the socket `control`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Imports take seconds, in which nobody watches the socket.
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != run:
        return
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    for name in preload:
        # What cannot be imported here fails in the child, where it becomes a row.
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    # What is loaded stays; collecting it again in every child would copy its pages.
    gc.collect()
    gc.freeze()
    # That signal comes when the thread that started the server ends, not the process.
    prctl(PR_SET_PDEATHSIG, 0)
    with socket.socket(fileno=control) as requests:
        _Server(requests).serve()


class _Server:
    def __init__(self, requests: socket.socket) -> None:
        self.requests, self.pid = requests, os.getpid()
        self.lines: dict[int, socket.socket] = {}
        """The line of every child that is alive."""

    def serve(self) -> None:
        wake_r, wake_w = os.pipe()
        os.set_blocking(wake_r, False)
        os.set_blocking(wake_w, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # it shall only wake us
        signal.set_wakeup_fd(wake_w, warn_on_full_buffer=False)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.requests, selectors.EVENT_READ)
        self.selector.register(wake_r, selectors.EVENT_READ)
        self.wake_fds = (wake_r, wake_w)
        while True:
            for key, _ in self.selector.select():
                if key.fileobj == wake_r:
                    os.read(wake_r, 65536)
                    self.bury()
                elif key.fileobj == self.requests:
                    if not self.accept():
                        self.end_all()
                        return
                elif key.data in self.lines:  # only a hang-up makes a line readable
                    self.selector.unregister(key.fileobj)
                    process_tree.kill_tree(key.data)

    def accept(self) -> bool:
        """Starts the child of one request; false where the run is gone."""
        try:
            request, fds, _, _ = socket.recv_fds(self.requests, 1, FDS_PER_CHILD)
        except ConnectionError:
            return False
        if not request:
            return False
        if len(fds) < FDS_PER_CHILD:  # no room for them in this process: the run sees it hang up
            for fd in fds:
                os.close(fd)
            return True
        pipe, line, log_fd = fds
        say = socket.socket(fileno=line)
        try:
            pid = os.fork()
        except OSError as error:
            _say(say, REFUSED, error.errno or 0)
            say.close()
        else:
            if pid == 0:
                self.become_child(Connection(pipe), say, log_fd)
            self.lines[pid] = say
            self.selector.register(say, selectors.EVENT_READ, pid)
            _say(say, STARTED, pid)
        os.close(pipe)
        os.close(log_fd)
        return True

    def become_child(self, connection: Connection, line: socket.socket, log_fd: int) -> NoReturn:
        code = 1
        try:
            os.setsid()
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != self.pid:
                os._exit(code)
            prctl(PR_SET_CHILD_SUBREAPER, 1)
            os.dup2(log_fd, 1)
            os.dup2(log_fd, 2)
            os.close(log_fd)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self.selector.close()
            for file in (self.requests, line, *self.lines.values()):
                file.close()
            for fd in self.wake_fds:
                os.close(fd)
            # Neither this module nor the user's script is what the child runs.
            sys.modules["__main__"] = types.ModuleType("__main__")
            importlib.import_module("rotoscope.pipeline.run.child").answer(connection)
            code = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stderr.flush()
            # Without running native destructors, some of which hang.
            os._exit(code)

    def bury(self) -> None:
        """Takes note of what has ended and ends what it left behind."""
        ended = self.reap()
        if not ended:
            return
        give_up = time.monotonic() + STRAYS_S
        while strays := [p for p in process_tree.children(self.pid) if p not in self.lines]:
            for pid in strays:
                process_tree.kill_tree(pid)
            time.sleep(0.002)
            ended |= self.reap()
            if time.monotonic() > give_up:
                break
        for pid, code in ended.items():
            line = self.lines.pop(pid)
            with contextlib.suppress(KeyError):
                self.selector.unregister(line)
            _say(line, ENDED, code)
            line.close()

    def reap(self) -> dict[int, int]:
        """Exit codes of children that have ended, by process id; their groups are killed."""
        ended: dict[int, int] = {}
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return ended
            if pid == 0:
                return ended
            if pid in self.lines:
                # The number of a group that has members is given to no other process.
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGKILL)
                ended[pid] = os.waitstatus_to_exitcode(status)

    def end_all(self) -> None:
        for pid in self.lines:
            process_tree.kill_tree(pid)
        give_up = time.monotonic() + STRAYS_S
        while self.lines or process_tree.children(self.pid):
            self.bury()
            time.sleep(0.002)
            if time.monotonic() > give_up:
                return


def _say(line: socket.socket, letter: bytes, number: int) -> None:
    with contextlib.suppress(BrokenPipeError, ConnectionError):  # the run no longer listens
        line.sendall(WORD.pack(letter, number))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
    os._exit(0)
