"""Standard output and error that end no command: whatever the terminal, the disk or the pipe is."""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from collections.abc import Buffer
from typing import TextIO


class LastingOutput(io.RawIOBase):
    """Writes to a descriptor; once that fails, drops the rest and remembers why.

    The work of hours does not end because the disk that its log lies on is full, or because the
    other end of a pipe has seen enough.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.lost: OSError | None = None

    def write(self, data: Buffer, /) -> int:
        """Takes all of `data`, written or not."""
        view = memoryview(data).cast("B")
        rest = view
        while rest and self.lost is None:
            try:
                rest = rest[os.write(self.descriptor, rest) :]
            except BlockingIOError:
                select.select([], [self.descriptor], [])
            except OSError as error:
                self.lost = error
        return len(view)

    def writable(self) -> bool:
        """Always."""
        return True

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self.descriptor)

    def fileno(self) -> int:
        """The descriptor."""
        return self.descriptor


def last() -> None:
    """Puts streams that last in place of standard output and error.

    What an encoding lacks is written as an escape. A descriptor that is closed is
    opened on nothing first: the next file that is opened would get its number, and take in what
    somebody prints.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = _lasting(sys.stdout, 1)
    sys.stderr = _lasting(sys.stderr, 2)


def losses() -> list[OSError]:
    """Why standard output could not be written to its end, if so."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    sys.stdout.flush()
    found = raw.lost if isinstance(raw, LastingOutput) else None
    return [found] if found is not None else []


def is_broken_pipe(error: OSError) -> bool:
    """Whether the reader of a pipe went away, as `| head` does."""
    return error.errno == errno.EPIPE


def _lasting(old: TextIO | None, descriptor: int) -> TextIO:
    encoding = old.encoding if old is not None else "utf-8"
    raw = LastingOutput(descriptor)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=encoding,
        errors="backslashreplace",
        line_buffering=raw.isatty() or descriptor == 2,
        write_through=descriptor == 2,
    )
