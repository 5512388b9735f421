"""Who works on what, where several runs share one store: none repeats what another is at.

A lease is about a file, whatever the recipe: runs of two recipes wait for each other's shared
stages too. A run that is killed loses its leases. They save work, nothing more: entries are written
whole under the keys of their content, so that even two runs at the same file harm nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from rotoscope.pipeline.files.locks import FileLock

log = logging.getLogger(__name__)

FOLDER = "leases"
"""Below a store; no entry bears such a name."""


@runtime_checkable
class Leases(Protocol):
    """The leases of one run."""

    def plan(self, names: Sequence[str]) -> None:
        """Says what will be asked for, in this order."""

    def take(self, name: str) -> bool:
        """Whether the lease is ours now; `False` while another run has it."""

    def drop(self, name: str) -> None:
        """Lets go of it."""

    def close(self) -> None:
        """Lets go of all."""


class LocalLeases:
    """Leases on a store in a folder: locks that the kernel lets go of when their holder dies."""

    def __init__(self, root: Path) -> None:
        self.folder = root / FOLDER
        self._held: dict[str, FileLock] = {}
        self._lock = threading.Lock()
        self._is_of_use = True

    def plan(self, names: Sequence[str]) -> None:
        """Nothing to do: locks cost nothing."""

    def take(self, name: str) -> bool:
        """Whether the lease is ours now; always where the file system knows no locks."""
        with self._lock:
            if name in self._held:
                return False
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._held[name] = FileLock(self.folder / name, is_patient=False)
            except BlockingIOError:
                return False
            except OSError as error:
                if self._is_of_use:
                    log.warning("two runs on this store may do the same work: %s", error)
                self._is_of_use = False
            return True

    def drop(self, name: str) -> None:
        """Lets go of it."""
        with self._lock:
            lock = self._held.pop(name, None)
            if lock is not None:
                lock.close(removes=True)

    def close(self) -> None:
        """Lets go of all."""
        for name in list(self._held):
            self.drop(name)
