"""Files that are there whole or not at all: temporary name, fsync, rename."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import DiskFullError


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`, a file or a folder, and renames it on success.

    On any error the temporary is removed and whatever `path` held before is untouched.

    Raises:
        DiskFullError: No space is left on the device.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}-{uuid.uuid4().hex[:8]}")
    try:
        with disk_errors(path):
            yield temporary
            _sync_tree(temporary)
            _replace(temporary, path)
            _sync(path.parent)
    finally:
        remove(temporary)


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
    """Turns the system's 'no space left' into `DiskFullError` naming `path`."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError(
                f"no space left while writing {path}; free some space and run the same command "
                "again: finished work is kept"
            ) from error
        raise


def remove(path: Path) -> None:
    """Removes a file or folder if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _remove_leftovers(path: Path) -> None:
    """Removes temporaries of `path` whose process was killed."""
    pattern = glob.escape(f".{path.name}.") + "*"
    for leftover in path.parent.glob(pattern):
        found = re.fullmatch(r"(?:tmp|old)-(\d+)-[0-9a-f]{8}", leftover.name[len(path.name) + 2 :])
        if found and not _is_alive(int(found[1])):
            remove(leftover)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _replace(temporary: Path, path: Path) -> None:
    if temporary.is_dir() and path.is_dir():
        # A folder cannot be renamed onto a full one: move the old one aside first.
        aside = path.with_name(f".{path.name}.old-{os.getpid()}-{uuid.uuid4().hex[:8]}")
        path.rename(aside)
        temporary.rename(path)
        remove(aside)
    else:
        temporary.replace(path)


def _sync_tree(path: Path) -> None:
    if path.is_dir():
        for child in path.iterdir():
            _sync_tree(child)
    _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
