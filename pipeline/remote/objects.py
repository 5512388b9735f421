"""What every kind of object store can do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from rotoscope.pipeline.errors import FileChangedError

MOST_IN_MEMORY = 64 << 20
"""Largest object that is read into memory whole [bytes]."""


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """What a listing says of one object."""

    key: str
    """Whole name below the bucket."""
    size: int
    """Bytes."""
    tag: str
    """What changes with its bytes: the ETag, where the store has one."""
    modified_ns: int
    """When it was written [ns since 1970]; 0 where nobody says."""
    problem: str = ""
    """Why no request can name it; empty for all but keys that are no path."""


@runtime_checkable
class Objects(Protocol):
    """One bucket, or host. Every call waits for a store that is away; see `patience`.

    Raises, all of them: `RemoteError`, `RemoteAccessError`.
    """

    def listed(self, prefix: str, *, after: str = "") -> Iterator[ObjectFacts]:
        """Everything below `prefix/`, and nothing of the like of `prefix-2`, in order of key.

        With `after`, only what comes after that key.
        """

    def head(self, key: str) -> ObjectFacts | None:
        """Facts about an object, `None` where there is none."""

    def read(self, key: str) -> bytes | None:
        """The bytes of a small object, `None` where there is none."""

    def fetch(self, facts: ObjectFacts, target: Path) -> None:
        """Writes the bytes of an object to a file that is not there yet.

        Raises:
            FileChangedError: It is no longer the object that was listed.
        """

    def put(self, key: str, data: bytes | Path, *, is_new: bool = False) -> bool:
        """Writes an object whole; with `is_new` only where there is none: `False` if there is."""

    def copy(self, source: str, target: str) -> None:
        """Copies an object within the store."""

    def delete(self, keys: Sequence[str]) -> None:
        """Removes objects, those that are there."""


def changed(shown: str) -> FileChangedError:
    """What is raised where an object is another one than was listed."""
    return FileChangedError(
        f"{shown} changed between listing and reading it; wait until it is copied whole, then run "
        "the same command again"
    )
