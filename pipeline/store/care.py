"""Looking after a store: which entries are damaged, which were of no use for long.

Only what bears the name of an entry is looked at: in a folder that is no store, or holds other
things besides, nothing else is touched.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.files.atomic import remove, remove_leftovers
from rotoscope.pipeline.store.seal import SEAL, BrokenSealError, check_folder, read_sealed
from rotoscope.pipeline.store.store import EPISODE, RECORD, TRACKS

KINDS = {TRACKS: "tracks", RECORD: "record", EPISODE: "episode"}
_FOLDER = re.compile(r"[0-9a-f]{2}")
_ENTRY = re.compile(r"[0-9a-f]{64}(-\d+)?(\.\w+)*")
"""A key, perhaps the number of an episode, and an ending, perhaps of an earlier version."""


@dataclass(frozen=True)
class Entry:
    """One entry of a store, looked at."""

    path: Path
    """The file, or the folder of an episode."""
    kind: str
    """`tracks`, `record`, `episode`, or `foreign` for what this version does not write."""
    num_bytes: int
    """Size [bytes]."""
    used_s: float
    """When it was last written or of use [s since 1970]."""
    damage: str = ""
    """Damage in words; empty for a sound entry."""


@dataclass(frozen=True)
class Pruned:
    """What was removed from a store."""

    removed: tuple[Entry, ...]
    """The entries."""
    num_bytes: int
    """Size of what was removed [bytes]."""
    kept_bytes: int
    """Size of what is left [bytes]."""


def verify(root: Path) -> Iterator[Entry]:
    """Every entry of the store, read whole and held against its seal, in order of path.

    Raises:
        UsageError: There is no such folder.
    """
    for path in _entries(root):
        try:
            entry = _look_at(path)
        except FileNotFoundError:  # a run has just put another in its place
            continue
        yield entry


def prune(root: Path, *, max_age_days: float | None = None, max_bytes: int | None = None) -> Pruned:
    """Removes damaged entries, then those that were of no use for longest.

    What is removed is computed again when it is wanted. An entry counts as used whenever a run
    looked it up.

    Args:
        root: Root of the store.
        max_age_days: Remove what was not used for longer.
        max_bytes: Remove the least recently used until the store is no larger.

    Raises:
        UsageError: There is no such folder.
    """
    for folder in _folders(root):
        remove_leftovers(folder)
    entries = sorted(verify(root), key=lambda e: (not e.damage, e.used_s))
    total, now_s = sum(e.num_bytes for e in entries), time.time()
    removed = []
    for entry in entries:
        is_old = max_age_days is not None and now_s - entry.used_s > 86400 * max_age_days
        is_too_much = max_bytes is not None and total > max_bytes
        if not (entry.damage or is_old or is_too_much):
            break
        remove(entry.path)
        removed.append(entry)
        total -= entry.num_bytes
    return Pruned(tuple(removed), sum(e.num_bytes for e in removed), total)


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        raise UsageError(f"there is no store at {root}; name one with --store")
    return sorted(f for f in root.iterdir() if f.is_dir() and _FOLDER.fullmatch(f.name))


def _entries(root: Path) -> Iterator[Path]:
    for folder in _folders(root):
        # What begins with a dot is being written by a run, or was when it was killed.
        names = sorted(p.name for p in folder.iterdir() if _ENTRY.fullmatch(p.name))
        yield from (folder / name for name in names if name.startswith(folder.name))


def _look_at(path: Path) -> Entry:
    suffix = EPISODE if path.is_dir() else path.suffix
    kind = KINDS.get(suffix, "foreign")
    files = [path] if not path.is_dir() else [f for f in path.rglob("*") if f.is_file()]
    num_bytes = sum(f.lstat().st_size for f in files)
    stamped = path / SEAL if (path / SEAL).is_file() else path
    damage = "not written by this version" if kind == "foreign" else ""
    if not damage:
        try:
            if suffix == EPISODE:
                check_folder(path, name=path.name)
            else:
                read_sealed(path, name=path.name)
        except BrokenSealError as error:
            damage = str(error)
    return Entry(path, kind, num_bytes, stamped.lstat().st_mtime, damage)
