"""Seals: a stored thing carries the hash of its own bytes and the name it was stored under.

One flipped bit on a disk, half a copy, or a file that was put in another's place is noticed before
anything is made of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

FORMAT = 2
"""Bump when what is sealed changes its layout: entries of other formats are made again."""
SEAL = "seal.json"
"""Name of the file that seals a folder."""
_MAGIC = b"rotoscope-sealed"


class BrokenSealError(Exception):
    """What is stored is not what was stored; says how. Never leaves the store."""


@contextlib.contextmanager
def sealed_file(path: Path, *, name: str) -> Iterator[io.RawIOBase]:
    """A file that takes a payload; at the end one line before it holds format, name and hash.

    The payload is never whole in memory: tracks of a long video are large.
    """
    with path.open("w+b") as file:
        start = file.write(_seal("0" * 64, name))
        yield _Behind(file, start)
        file.seek(start)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        file.write(_seal(digest, name))


def _seal(digest: str, name: str) -> bytes:
    return b"%b %d %b %b\n" % (_MAGIC, FORMAT, name.encode(), digest.encode())


class _Behind(io.RawIOBase):
    """The part of a file behind its first bytes, to write into."""

    def __init__(self, file: BinaryIO, start: int) -> None:
        super().__init__()
        self._file, self._start = file, start

    def write(self, data: Any) -> int:
        return self._file.write(data)

    def tell(self) -> int:
        return self._file.tell() - self._start

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        place = offset + self._start if whence == os.SEEK_SET else offset
        return self._file.seek(place, whence) - self._start

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


def unseal_bytes(data: bytes, *, name: str) -> bytes:
    """The payload that `sealed_file` sealed under this name.

    Raises:
        BrokenSealError: The bytes are others, of another name, or of another format.
    """
    head, _, payload = data.partition(b"\n")
    parts = head.split(b" ")
    if len(parts) != 4 or parts[0] != _MAGIC:
        raise BrokenSealError("it has no seal")
    if parts[1] != b"%d" % FORMAT:
        raise BrokenSealError(f"it is of format {parts[1][:20]!r}, this version reads {FORMAT}")
    if parts[2] != name.encode():
        raise BrokenSealError("it was stored under another name")
    if parts[3] != hashlib.sha256(payload).hexdigest().encode():
        raise BrokenSealError("its bytes are not those that were stored")
    return payload


def read_sealed(path: Path, *, name: str) -> bytes | None:
    """The payload of a sealed file, `None` where nothing lies there.

    Raises:
        BrokenSealError: It is no file, cannot be read, or holds other bytes than were stored.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise BrokenSealError("it is no file")
        return unseal_bytes(path.read_bytes(), name=name)
    except FileNotFoundError:
        if path.is_symlink():
            raise BrokenSealError("it is a link that leads nowhere") from None
        return None
    except OSError as error:
        raise BrokenSealError(f"it cannot be read ({error.strerror})") from error


def seal_folder(folder: Path, *, name: str) -> None:
    """Writes `seal.json` beside the files of a folder, which holds no folders."""
    facts = {
        "format": FORMAT,
        "name": name,
        "sha256": {file.name: _digest(file) for file in sorted(folder.iterdir())},
    }
    (folder / SEAL).write_text(json.dumps(facts, sort_keys=True, indent=1) + "\n")


def check_folder(folder: Path, *, name: str) -> None:
    """Makes sure that a folder holds what was sealed under this name, and nothing else.

    Raises:
        BrokenSealError: A file is missing, was added or holds other bytes.
    """
    facts = _read_seal(folder)
    sealed = facts["sha256"]
    if (facts.get("format"), facts.get("name")) != (FORMAT, name):
        raise BrokenSealError("it was stored under another name or in another format")
    there = {file.name for file in folder.iterdir()} - {SEAL}
    if there != set(sealed):
        raise BrokenSealError(f"files differ: {', '.join(sorted(there ^ set(sealed)))}")
    for file, digest in sealed.items():
        if _digest(folder / file) != digest:
            raise BrokenSealError(f"the bytes of {file} are not those that were stored")


def folder_digest(folder: Path) -> str:
    """Hash of what a seal says of the files' bytes; the files themselves are not read.

    Raises:
        BrokenSealError: There is no seal.
    """
    text = json.dumps(_read_seal(folder)["sha256"], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _read_seal(folder: Path) -> dict[str, Any]:
    try:
        facts = json.loads((folder / SEAL).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise BrokenSealError(f"it has no seal that can be read ({_short(error)})") from error
    if not isinstance(facts, dict) or not isinstance(facts.get("sha256"), dict):
        raise BrokenSealError("its seal is not one")
    return facts


def _digest(path: Path) -> str:
    if path.is_symlink() or not path.is_file():
        return ""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _short(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__
