"""What stands in a dataset's folder: our own files, changed or not, and what a user keeps there."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.export.manifest import (
    CARD,
    MANIFEST,
    OTHER_CARD,
    FileFacts,
    facts_of,
    read_manifest,
    walk,
)

_WITHOUT_MANIFEST = re.compile(
    r"data/chunk-\d+/file-\d+\.parquet|videos/[^/]+/chunk-\d+/file-\d+\.mp4|"
    r"meta/(info|stats)\.json|meta/tasks\.parquet|meta/episodes/chunk-\d+/file-\d+\.parquet|"
    r"meta/rotoscope/[a-z]+\.jsonl?"
)
"""Our files in a dataset of a version that wrote no manifest; its card may hold a user's words."""
Stamp = tuple[int, int, int, int]
"""Inode, size and times: equal where a file was not touched in between."""


@dataclass(frozen=True)
class Standing:
    """What stands in a dataset's folder."""

    own: Mapping[str, Stamp] = field(default_factory=dict)
    """Files that are as we wrote them."""
    changed: tuple[str, ...] = ()
    """Files of ours that hold something else now."""
    foreign: tuple[str, ...] = ()
    """Files, links and folders that are not ours, a folder before what is in it."""
    missing: tuple[str, ...] = ()
    """Files of ours that are gone."""


def look_at(out: Path, *, known: Mapping[str, Stamp] | None = None) -> Standing:
    """What stands in a folder, told by its manifest; nothing where there is no folder.

    Args:
        out: A folder, or where one may come to be.
        known: Files that were seen to be ours before; hashed again only if they were touched.

    Raises:
        DatasetError: The manifest is damaged, or another disk is mounted in the folder.
    """
    if not out.is_dir():
        return Standing()
    manifest = read_manifest(out)
    found = list(walk(out))
    if manifest is None:
        listed = {name for name, _ in found if _WITHOUT_MANIFEST.fullmatch(name)}
    else:
        listed = {*manifest, MANIFEST}
    folders = {str(parent) for name in listed for parent in PurePosixPath(name).parents}
    device = out.stat().st_dev
    own: dict[str, Stamp] = {}
    changed: list[str] = []
    foreign: list[str] = []
    for name, entry in found:
        status = entry.stat(follow_symlinks=False)
        stamp = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        if entry.is_dir(follow_symlinks=False):
            _refuse_mount(out, entry.path, is_mount=status.st_dev != device)
            if name in folders:
                continue
        if name not in listed:
            foreign.append(name)
        elif (known or {}).get(name) == stamp or _is_ours(out, name, entry, manifest):
            own[name] = stamp
        else:
            (foreign if name in (CARD, OTHER_CARD) else changed).append(name)
    missing = sorted(listed - own.keys() - {*changed, *foreign})
    return Standing(own, tuple(changed), tuple(foreign), tuple(missing))


def _is_ours(
    out: Path, name: str, entry: os.DirEntry[str], manifest: Mapping[str, FileFacts] | None
) -> bool:
    if not entry.is_file(follow_symlinks=False):
        return False
    return manifest is None or name == MANIFEST or facts_of(out, name) == manifest[name]


def _refuse_mount(out: Path, path: str, *, is_mount: bool) -> None:
    if is_mount:
        raise DatasetError(
            f"{path} is on another disk, mounted there: {out} cannot be replaced as a whole; "
            "name another place or unmount it"
        )
