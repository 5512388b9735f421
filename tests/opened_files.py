"""Which files of a folder something opens, told by the kernel."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

IN_OPEN = 0x20


class Opened:
    """Names of the files of a folder that anything opens within the `with` block.

    Skips the test where the kernel does not tell.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: list[str] = []

    def __enter__(self) -> Self:
        if sys.platform != "linux":
            pytest.skip("inotify is Linux's")
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.inotify_init1(os.O_NONBLOCK)
        assert libc.inotify_add_watch(self._descriptor, os.fsencode(self.folder), IN_OPEN) >= 0
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            data = os.read(self._descriptor, 1 << 20)
        except BlockingIOError:
            data = b""
        os.close(self._descriptor)
        while data:
            length = struct.unpack_from("iIII", data)[3]
            self.names.append(os.fsdecode(data[16 : 16 + length].rstrip(b"\0")))
            data = data[16 + length :]
        self.names = [name for name in self.names if name]
