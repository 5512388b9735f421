"""Checksums of files and folders."""

from __future__ import annotations

import hashlib
from pathlib import Path


def sha256_of(path: Path) -> str:
    """SHA-256 hex digest of a file, or of a folder's listing.

    The listing has one line `<sha256 of the file>  <path below the folder>` for each file, sorted
    by path, as `sha256sum` prints them; times, modes and empty folders do not count.
    """
    if not path.is_dir():
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    files = {f.relative_to(path).as_posix(): f for f in path.rglob("*") if f.is_file()}
    listing = "".join(f"{sha256_of(files[name])}  {name}\n" for name in sorted(files))
    return hashlib.sha256(listing.encode()).hexdigest()
