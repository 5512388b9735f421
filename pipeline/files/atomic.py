"""Files that are there whole or not at all: temporary name, fsync, rename.

A temporary's name says whose it is, so that what a killed process left is told from what a living
one writes, be it on another host or in another container that shares the folder; see `owners`.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import os
import re
import shutil
import stat
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from rotoscope.pipeline.errors import DiskFullError
from rotoscope.pipeline.files.owners import has_ended, owner

OLD_S = 7 * 24 * 3600.0
"""Age [s] from which a temporary of another host or container is taken for left behind.

Nobody here can ask whether its process lives. Nothing is written for a week without a change of
time in its folder: the longest of our writes, a dataset's, adds files every few seconds. Clocks of
hosts that share a folder differ by far less.
"""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""The disk, a quota, or the largest file that is allowed is full, or the disk fails."""
_LONGEST_STEM = 120
"""Bytes of a name that its temporary's repeats; file systems allow 255, and ours adds 50."""
_OURS = re.compile(
    r"\.(?P<stem>.+)\.(?P<kind>tmp|old)-(?P<place>[0-9a-f]{12})-(?P<pid>\d+)-(?P<start>\d+)-[0-9a-f]{8}"
)


@contextlib.contextmanager
def atomic_path(path: Path, *, last: Callable[[Path], None] | None = None) -> Iterator[Path]:
    """Yields a temporary path beside `path`, a file or a folder, and renames it on success.

    On any error the temporary is removed and whatever `path` held before is untouched.

    Args:
        path: A file or folder, or where one is to be.
        last: Called with the temporary when it is on disk, just before it is renamed.

    Raises:
        DiskFullError: No space is left on the device.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path.parent, path.name)
    temporary = _temporary(path)
    try:
        with disk_errors(path):
            yield temporary
            _sync_tree(temporary)
            if last is not None:
                last(temporary)
                _sync_tree(temporary)
            _replace(temporary, path)
            _sync(path.parent)
    finally:
        remove(temporary)


@contextlib.contextmanager
def scratch_folder(name: str, *, beside: Path | None = None) -> Iterator[Path]:
    """Yields an empty folder that is removed at the end, and by the next use if this one is killed.

    Args:
        name: What it is for; leftovers of the same name are removed first.
        beside: Folder in which it appears; the system's for temporary files where there is none.

    Raises:
        DiskFullError: No space is left on the device.
    """
    parent = beside or Path(tempfile.gettempdir())
    parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(parent, name)
    folder = _temporary(parent / name)
    with disk_errors(folder):
        folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        remove(folder)


def write_bytes_atomic(path: Path, data: bytes) -> None:
    """Writes a whole file at once.

    Raises:
        DiskFullError: No space is left on the device.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text_atomic(path: Path, text: str) -> None:
    """Writes a whole UTF-8 file at once; see `write_bytes_atomic`."""
    write_bytes_atomic(path, text.encode("utf-8", "surrogateescape"))


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turns the system's 'no space left', and its like, into `DiskFullError` naming `path`."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFullError(
                f"no space left while writing {path} ({os.strerror(error.errno)}); free some space "
                "and run the same command again: finished work is kept"
            ) from error
        raise


def remove(path: Path) -> None:
    """Removes a file or folder if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def remove_leftovers(folder: Path, name: str = "") -> None:
    """Removes temporaries of one name in a folder, of all names if empty, whose process is gone.

    A folder that was about to be replaced when its process was killed gets its name back.
    """
    stem = _stem(name)
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.name.startswith(".")]
    for leftover in names:
        found = _OURS.fullmatch(leftover)
        if found is None or (name and found["stem"] != stem):
            continue
        if _may_be_in_use(folder / leftover, found):
            continue
        # Cleaning up for others must not fail a write: some are not ours to remove.
        with contextlib.suppress(OSError):
            if name and found["kind"] == "old" and not os.path.lexists(folder / name):
                (folder / leftover).rename(folder / name)
            else:
                remove(folder / leftover)


def _temporary(path: Path, kind: str = "tmp") -> Path:
    return path.with_name(f".{_stem(path.name)}.{kind}-{owner()}-{uuid.uuid4().hex[:8]}")


def _stem(name: str) -> str:
    raw = os.fsencode(name)
    return name if len(raw) <= _LONGEST_STEM else hashlib.sha256(raw).hexdigest()[:32]


def _may_be_in_use(leftover: Path, found: re.Match[str]) -> bool:
    is_gone = has_ended(f"{found['place']}-{found['pid']}-{found['start']}")
    if is_gone is None:
        return time.time() - _last_change_s(leftover) < OLD_S
    return not is_gone


def _last_change_s(path: Path) -> float:
    """When anything in it changed; now, where that cannot be seen."""
    try:
        return max(p.lstat().st_mtime for p in (path, *path.rglob("*")))
    except OSError:
        return time.time()


def _replace(temporary: Path, path: Path) -> None:
    if not (temporary.is_dir() and path.is_dir()):
        temporary.replace(path)
    elif _exchange(temporary, path):
        _let_remove(temporary)
    else:
        # A folder cannot be renamed onto a full one: move the old one aside first.
        aside = _temporary(path, "old")
        path.rename(aside)
        temporary.rename(path)
        _let_remove(aside)
        remove(aside)


def _let_remove(folder: Path) -> None:
    """Makes a folder that is to go removable, whatever its owner had set."""
    for below, _, _ in os.walk(folder):
        with contextlib.suppress(PermissionError):
            os.chmod(below, 0o700)


def _exchange(one: Path, other: Path) -> bool:
    """Swaps two names at once; false where the file system cannot."""
    if sys.platform != "linux":
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE: renameat2(2)
    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    if rename is None:
        return False
    return int(rename(here, os.fsencode(one), here, os.fsencode(other), exchange)) == 0


def _sync_tree(path: Path) -> None:
    """Puts a file or folder on disk; links, pipes and what has another name too was not made here.

    Opening a pipe would wait for ever, and what a link leads to is none of our business.
    """
    status = path.lstat()
    if stat.S_ISDIR(status.st_mode):
        for child in path.iterdir():
            _sync_tree(child)
    if stat.S_ISDIR(status.st_mode) or (stat.S_ISREG(status.st_mode) and status.st_nlink == 1):
        _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
