"""What was read from object stores, on this machine: bounded, shared by processes, cleaned.

An entry is a folder that appears whole. Whoever uses one holds a shared lock on the file beside it,
whoever makes or removes one holds it alone; a killed process lets go of its locks by itself.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.files.atomic import atomic_path, remove
from rotoscope.pipeline.files.locks import FileLock
from rotoscope.pipeline.quoting import shown
from rotoscope.pipeline.remote.files import RemoteFile
from rotoscope.pipeline.remote.objects import ObjectFacts, Objects
from rotoscope.pipeline.remote.opened import open_objects

FOLDER_VARIABLE, SIZE_VARIABLE = "ROTOSCOPE_CACHE", "ROTOSCOPE_CACHE_GB"
DEFAULT_GB = 20.0
VIEWS, DATASETS, STORES = "views", "datasets", "stores"
"""Rooms of the cache: inputs, datasets, local sides of stores."""
FETCHED, RECORDS = ".fetched.json", ("run.json", "ledger.jsonl")
"""What a dataset that was fetched is known by, and what is known of its run in the store, too."""
_LOOK_EVERY = 20
"""What is there is counted again when this share of the bound was added."""
_SHARED_BYTES, _SHARED_FILES = 1 << 20, 256
"""Files that many videos are read with are kept in memory: the largest, and how many."""


def cache_root() -> Path:
    """`$ROTOSCOPE_CACHE`, or `remote` under the user's cache folder."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("rotoscope")) / "remote"


def cache_bytes() -> int:
    """`$ROTOSCOPE_CACHE_GB`, or 20 GB.

    Raises:
        UsageError: It is no number above zero.
    """
    text = os.environ.get(SIZE_VARIABLE, "")
    try:
        size_gb = float(text) if text else DEFAULT_GB
    except ValueError:
        size_gb = 0.0
    if not 0 < size_gb < float("inf"):
        raise UsageError(f"{SIZE_VARIABLE} is {shown(text)}; give gigabytes, such as 20")
    return int(size_gb * 1e9)


def cache() -> Cache:
    """The cache of this process, where the environment says that it lies."""
    return _cache(os.environ.get(FOLDER_VARIABLE), os.environ.get(SIZE_VARIABLE))


@lru_cache(maxsize=8)
def _cache(folder: str | None, size: str | None) -> Cache:
    """One for each setting of the environment; asked for with every file of a listing."""
    return Cache(cache_root(), cache_bytes())


@dataclass
class Cache:
    """A folder of entries, the least recently used of which make room for new ones."""

    root: Path
    """Where they lie."""
    max_bytes: int
    """How much videos and fetched datasets may hold together [bytes]; what is in use stays even
    beyond it, and so does what stands nowhere else."""
    _added: int = field(default=-1, init=False)
    _kept: dict[Path, FileLock] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _shared: OrderedDict[tuple[str, str, str], bytes] = field(
        default_factory=OrderedDict, init=False
    )

    def entry(self, room: str, digest: str) -> Path:
        """Folder of an entry."""
        return Path(f"{self.root}/{room}/{digest[:2]}/{digest[:32]}")

    def place(self, file: RemoteFile) -> Path:
        """Where a file lies while it is held."""
        name = file.parts[0][0].partition("/")[0]
        return Path(f"{self.root}/{VIEWS}/{file.digest[:2]}/{file.digest[:32]}/{name}")

    @contextlib.contextmanager
    def held(self, file: RemoteFile) -> Iterator[Path]:
        """The file on this machine, with what lies beside it, fetched where it is not there.

        Raises:
            FileChangedError: An object is no longer the one that was listed.
            RemoteError: The store is away.
            DiskFullError: No space is left.
        """
        with self.shared_entry(VIEWS, file.digest, lambda folder: self._make(file, folder)):
            yield self.place(file)

    @contextlib.contextmanager
    def shared_entry(self, room: str, digest: str, make: Callable[[Path], None]) -> Iterator[Path]:
        """The folder of an entry, which nobody removes meanwhile; made where it is not there."""
        folder = self.entry(room, digest)
        folder.parent.mkdir(parents=True, exist_ok=True)
        while True:
            lock = FileLock(_lock_path(folder))
            try:
                if not folder.is_dir():
                    make(folder)
                lock.share()
                # Between having it alone and sharing it, another may have removed the entry.
                if lock.is_there() and folder.is_dir():
                    lock.touch()
                    yield folder
                    return
            finally:
                lock.close()

    def keep(self, folder: Path) -> Path:
        """The folder of an entry, whether it is there or not; nobody removes it from now on.

        As long as this process lives: it is a dataset that a command reads or writes.
        """
        with self._lock:
            if folder not in self._kept:
                folder.parent.mkdir(parents=True, exist_ok=True)
                self._kept[folder] = FileLock(_lock_path(folder), is_shared=True)
            self._kept[folder].touch()
        return folder

    def _make(self, file: RemoteFile, folder: Path) -> None:
        self.make_room(file.size)
        self._fetch(file, folder)

    def make_room(self, num_bytes: int) -> None:
        """Removes what was not used for longest until so many bytes fit in."""
        with self._lock:
            is_known = 0 <= self._added < self.max_bytes // _LOOK_EVERY
            self._added = self._added + num_bytes if is_known else num_bytes
            if is_known:
                return
            spare = min(num_bytes + self.max_bytes // _LOOK_EVERY, self.max_bytes)
            entries = sorted(self._entries(), key=lambda e: e[0])
            total = sum(size for _, size, _ in entries)
            for _, size, folder in entries:
                if total <= self.max_bytes - spare:
                    break
                total -= size if _let_go(folder) else 0

    def _entries(self) -> Iterator[tuple[float, int, Path]]:
        """When each entry was last of use, its size, its folder."""
        for folder in [*(self.root / VIEWS).glob("??/*"), *(self.root / DATASETS).glob("??/*")]:
            if folder.name.startswith(".") or not folder.is_dir():
                continue
            if folder.parents[1].name == VIEWS or _is_a_copy(folder):
                with contextlib.suppress(OSError):  # another process has just removed it
                    size = sum(f.lstat().st_size for f in folder.rglob("*") if f.is_file())
                    yield _lock_path(folder).stat().st_mtime, size, folder

    def _fetch(self, file: RemoteFile, folder: Path) -> None:
        objects = open_objects(file.url)
        with atomic_path(folder) as temporary:
            temporary.mkdir()
            for name, facts in file.parts:
                target = temporary / name
                target.parent.mkdir(parents=True, exist_ok=True)
                if name in file.shared and facts.size <= _SHARED_BYTES:
                    target.write_bytes(self._once(objects, file, facts, target))
                else:
                    objects.fetch(facts, target)

    def _once(self, objects: Objects, file: RemoteFile, facts: ObjectFacts, target: Path) -> bytes:
        name = (f"{file.url.scheme}://{file.url.root}", facts.key, facts.tag)
        with self._lock:
            known = self._shared.get(name)
        if known is None:
            objects.fetch(facts, target)
            known = target.read_bytes()
            with self._lock:
                self._shared[name] = known
                while len(self._shared) > _SHARED_FILES:
                    self._shared.popitem(last=False)
        return known


def _lock_path(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.lock")


def _is_a_copy(folder: Path) -> bool:
    """Whether all of a dataset's entry stands in an object store: it was fetched, not made here."""
    names = {path.name for path in folder.iterdir()}
    fetched = [name.removesuffix(FETCHED) for name in names if name.endswith(FETCHED)]
    if len(fetched) != 1:
        return False
    (name,) = fetched
    work = folder / f"{name}.rotoscope"
    has_records_alone = not work.is_dir() or all(p.name in RECORDS for p in work.iterdir())
    return has_records_alone and names <= {name, name + FETCHED, work.name}


def _let_go(folder: Path) -> bool:
    """Removes an entry that nobody uses."""
    try:
        lock = FileLock(_lock_path(folder), is_patient=False)
    except BlockingIOError:
        return False
    try:
        remove(folder)
    finally:
        lock.close(removes=True)
    return True
