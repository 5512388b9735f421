"""Files that are there whole or not at all: temporary name, fsync, rename."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import glob
import os
import re
import shutil
import stat
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline.errors import DiskFullError

_HERE, _RENAME_EXCHANGE = -100, 2
"""Of the system call `renameat2`: paths begin at the current folder; both are renamed."""


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
    clear_leftovers(path)
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}-{uuid.uuid4().hex[:8]}")
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


def clear_leftovers(path: Path) -> None:
    """Removes temporaries of `path` whose process was killed; puts back what it had moved aside."""
    pattern = glob.escape(f".{path.name}.") + "*"
    for leftover in path.parent.glob(pattern):
        found = re.fullmatch(r"(?:tmp|old)-(\d+)-[0-9a-f]{8}", leftover.name[len(path.name) + 2 :])
        if found and not _is_alive(int(found[1])):
            if found[0].startswith("old-") and not os.path.lexists(path):
                # It was killed between the two renames of `_replace`.
                leftover.rename(path)
            else:
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
    if not (temporary.is_dir() and path.is_dir()):
        temporary.replace(path)
        return
    if _exchange(temporary, path):
        _let_remove(temporary)
        return
    # A folder cannot be renamed onto a full one: move the old one aside first.
    aside = path.with_name(f".{path.name}.old-{os.getpid()}-{uuid.uuid4().hex[:8]}")
    path.rename(aside)
    temporary.rename(path)
    _let_remove(aside)
    remove(aside)


def _exchange(a: Path, b: Path) -> bool:
    """Lets two paths change places in one step, if the system and the disk can (Linux can)."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    if rename(_HERE, os.fsencode(a), _HERE, os.fsencode(b), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL, errno.EXDEV, errno.EOPNOTSUPP):
        return False
    raise OSError(code, os.strerror(code), str(b))


def _let_remove(folder: Path) -> None:
    """Makes a folder that is to go removable, whatever its owner had set."""
    for below, _, _ in os.walk(folder):
        with contextlib.suppress(PermissionError):
            os.chmod(below, 0o700)


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
