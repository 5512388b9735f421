"""A watched folder: what stood still since the last look is labeled, what still grows is left.

A file that is being copied grows, and one that stopped for good cannot be told from one that is
done; two looks that see the same size and time are what any folder, on any file system, can give.
A run gets a folder of links to the files that stood still, so that a video and what lies beside it
are taken together and keep their names.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.files.atomic import write_text_atomic
from rotoscope.pipeline.files.locks import FileLock
from rotoscope.pipeline.files.plain import read_json

State = tuple[int, int]
"""Size [bytes] and time of the last change [ns] of a file."""


@dataclass(frozen=True)
class Look:
    """What a look at a watched folder found."""

    steady: frozenset[str]
    """Files that stood still, by their path below the folder."""
    moving: int
    """Files that are new or changed since the last look."""
    is_new: bool
    """Whether what stood still is not what was labeled last."""


class Watched:
    """A folder that is looked at now and then."""

    def __init__(self, folder: Path, memory: Path, *, never: Collection[Path] = ()) -> None:
        """Watches `folder`; what was seen, and the links, lie in the folder `memory`.

        Raises:
            UsageError: It is no folder.
        """
        if not folder.is_dir():
            raise UsageError(f"{folder} is not there or no folder; it cannot be watched")
        self.folder = folder
        self.never = frozenset(os.path.realpath(path) for path in (*never, memory))
        self.memory = memory / hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]

    @property
    def links(self) -> Path:
        """The folder that holds, by links, what stood still; it bears the name of the watched."""
        return self.memory / (self.folder.name or "watched")

    @contextlib.contextmanager
    def alone(self) -> Iterator[bool]:
        """Yields whether no other look, and no run that one started, goes on in this folder.

        Not by a limit of Prefect's: its server forgets who holds one when it is started again, and
        what was held by a run that ended meanwhile is never free again.
        """
        self.memory.mkdir(parents=True, exist_ok=True)
        try:
            lock = FileLock(self.memory / "lock", is_patient=False)
        except BlockingIOError:
            yield False
            return
        try:
            yield True
        finally:
            lock.close()

    def look(self) -> Look:
        """Looks, remembers what was seen and links what stood still."""
        before, now = self._seen("seen.json"), dict(self._files())
        steady = {name: state for name, state in now.items() if before.get(name) == state}
        self._remember("seen.json", now)
        self._link(steady)
        is_new = bool(steady) and steady != self._seen("labeled.json")
        return Look(frozenset(steady), len(now) - len(steady), is_new)

    def labeled(self, look: Look) -> None:
        """Remembers that a run has taken what the look found."""
        seen = self._seen("seen.json")
        self._remember("labeled.json", {name: seen[name] for name in look.steady})

    def _files(self) -> Iterator[tuple[str, State]]:
        """Every file but hidden ones, links followed, each real folder once."""
        waiting, visited = [self.folder], set[tuple[int, int]]()
        while waiting:
            folder = waiting.pop()
            try:
                facts = folder.stat()
                children = sorted(folder.iterdir())
            except OSError:
                continue  # gone, or not to be read: nothing of it stands still
            place = (facts.st_dev, facts.st_ino)
            if place in visited or os.path.realpath(folder) in self.never:
                continue
            visited.add(place)
            for child in children:
                if child.name.startswith("."):
                    continue
                if child.is_dir():
                    waiting.append(child)
                elif child.is_file():
                    found = child.stat()
                    name = child.relative_to(self.folder).as_posix()
                    yield name, (found.st_size, found.st_mtime_ns)

    def _link(self, steady: Collection[str]) -> None:
        for path in self._links():
            if path.relative_to(self.links).as_posix() not in steady:
                path.unlink()
        for name in steady:
            link, target = self.links / name, self.folder.absolute() / name
            if not link.is_symlink():
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(target)

    def _links(self) -> list[Path]:
        return [path for path in self.links.rglob("*") if path.is_symlink()]

    def _seen(self, name: str) -> dict[str, State]:
        path = self.memory / name
        if not path.is_file():
            return {}
        try:
            found: Any = read_json(path, error=UsageError)
            return {os.fsdecode(bytes.fromhex(k)): (int(v[0]), int(v[1])) for k, v in found.items()}
        except (UsageError, ValueError, AttributeError, TypeError, IndexError):
            return {}  # torn or not ours: as before the first look

    def _remember(self, name: str, files: Mapping[str, State]) -> None:
        # Names need not be UTF-8, which JSON is.
        facts = {os.fsencode(k).hex(): list(v) for k, v in sorted(files.items())}
        self.memory.mkdir(parents=True, exist_ok=True)
        write_text_atomic(self.memory / name, json.dumps(facts))
