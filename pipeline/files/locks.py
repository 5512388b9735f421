"""Locks that a killed process lets go of by itself: `flock` on a file that stands for the thing."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class FileLock:
    """Held by one process, or thread, alone, or shared; nothing on disk says by whom."""

    def __init__(self, path: Path, *, is_patient: bool = True, is_shared: bool = False) -> None:
        """Takes it, for its holder alone unless it is to be shared from the start.

        Raises:
            BlockingIOError: Another holds it, and waiting was not wanted.
            OSError: The file system knows no locks.
        """
        self.path = path
        how = (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | (0 if is_patient else fcntl.LOCK_NB)
        while True:
            self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(self.descriptor, how)
                if self.is_there():
                    return
            except BaseException:
                os.close(self.descriptor)
                raise
            os.close(self.descriptor)  # it was removed while this one waited

    def share(self) -> None:
        """Lets others share it; none has it alone meanwhile."""
        fcntl.flock(self.descriptor, fcntl.LOCK_SH)

    def touch(self) -> None:
        """Notes that the thing was of use now."""
        os.utime(self.descriptor)

    def is_there(self) -> bool:
        """Whether the file still is the one that everybody finds."""
        try:
            return os.path.samestat(os.fstat(self.descriptor), os.stat(self.path))
        except FileNotFoundError:
            return False

    def close(self, *, removes: bool = False) -> None:
        """Lets go; with `removes`, of a lock that is held alone, its file goes as well."""
        if removes:
            self.path.unlink(missing_ok=True)
        os.close(self.descriptor)
