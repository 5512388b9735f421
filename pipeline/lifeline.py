"""A child that must not outlive its parent: standard input stays open as long as the parent lives.

The system closes the parent's end of the pipe however the parent dies, also before the child has
run its first line, so that nothing can be missed.
"""

from __future__ import annotations

import os
import select
import sys
import threading


def hold() -> str:
    """The one line that the parent sent; from then on this process dies with its parent."""
    line = sys.stdin.buffer.readline()
    if not line.endswith(b"\n"):
        os._exit(1)
    threading.Thread(target=_wait_for_the_end, daemon=True).start()
    return line.decode("ascii")


def check() -> None:
    """Ends this process at once if the parent is gone, even if the watching thread is not up."""
    poll = select.poll()
    poll.register(sys.stdin.fileno(), select.POLLIN)
    if any(event & select.POLLHUP for _, event in poll.poll(0)):
        os._exit(1)


def _wait_for_the_end() -> None:
    # Not through `sys.stdin`: its lock would be held when the interpreter ends.
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)
