"""All that a store holds of one video as one file: a tar of its entries, nothing compressed."""

from __future__ import annotations

import logging
import os
import re
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

from rotoscope.pipeline.files.atomic import atomic_path, write_bytes_atomic

log = logging.getLogger(__name__)

_FILE = re.compile(r"([0-9a-f]{2})/\1[0-9a-f]{62}\.\w+")
_IN_FOLDER = re.compile(r"(([0-9a-f]{2})/\2[0-9a-f]{62}-\d+)/(\w[\w.-]*)")


class DamagedBundleError(Exception):
    """A file that is no bundle, or one that was cut short. Never leaves the store."""


def pack(root: Path, entries: Iterable[Path], target: Path) -> None:
    """Writes entries of a store, files and folders of files, into one file.

    The same entries give the same bytes.
    """
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        for entry in sorted(entries):
            for path in sorted(entry.iterdir()) if entry.is_dir() else [entry]:
                facts = tarfile.TarInfo(path.relative_to(root).as_posix())
                facts.size = path.stat().st_size
                with path.open("rb") as file:
                    tar.addfile(facts, file)


def unpack(source: Path, root: Path) -> None:
    """Puts the entries of a bundle into a store, those that it does not have, each whole.

    Names that are none of an entry are passed over: a bundle may come from anyone who can write
    to the place it was read from. Whether bytes are right, their seals say.

    Raises:
        DamagedBundleError: It is none, or not whole.
    """
    folders: dict[str, dict[str, bytes]] = {}
    try:
        _check_end(source)
        with tarfile.open(source, "r:") as tar:
            for member in tar:
                file = tar.extractfile(member) if member.isreg() else None
                if file is not None:
                    _take(member.name, file.read, root, folders)
    except (tarfile.TarError, EOFError) as error:
        raise DamagedBundleError(str(error)) from error
    for name, files in folders.items():
        with atomic_path(root / name) as temporary:
            temporary.mkdir()
            for last, data in files.items():
                (temporary / last).write_bytes(data)


def _check_end(source: Path) -> None:
    """A tar ends with zeros; one that was cut between two files reads like a whole one."""
    with source.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 2 * tarfile.BLOCKSIZE))
        if size % tarfile.RECORDSIZE or file.read() != bytes(2 * tarfile.BLOCKSIZE):
            raise EOFError("it has no end")


def _take(
    name: str, read: Callable[[], bytes], root: Path, folders: dict[str, dict[str, bytes]]
) -> None:
    inside = _IN_FOLDER.fullmatch(name)
    if inside is not None:
        if not (root / inside[1]).exists():
            folders.setdefault(inside[1], {})[inside[3]] = read()
    elif _FILE.fullmatch(name):
        if not (root / name).exists():
            write_bytes_atomic(root / name, read())
    else:
        log.warning("a bundle holds %r, which is no entry of a store; it is left out", name)
