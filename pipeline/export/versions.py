"""Older versions of a dataset: whole and readable, in numbered folders.

The newest stands where it always stood and shares no file with an older one: LeRobot may write on
into a video when somebody appends to it. Older ones share what did not change between them, as hard
links, so that each costs what is new in it.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.export.manifest import MANIFEST, facts_of, read_manifest
from rotoscope.pipeline.export.standing import look_at
from rotoscope.pipeline.files.atomic import atomic_path, remove

_NAME = re.compile(r"\d{4,}")


@dataclass(frozen=True)
class Version:
    """An older version of a dataset."""

    number: int
    """Counts from 1."""
    path: Path
    """A dataset as any other."""


def versions_in(folder: Path) -> list[Version]:
    """The versions that a folder holds, oldest first."""
    if not folder.is_dir():
        return []
    found = [p for p in folder.iterdir() if _NAME.fullmatch(p.name) and p.is_dir()]
    return sorted((Version(int(p.name), p) for p in found), key=lambda v: v.number)


def keep_version(out: Path, folder: Path) -> Path | None:
    """Makes what stands at `out` a version, unless the newest version is just that.

    What is not ours in `out`, such as notes or trained policies, is no part of it.

    Args:
        out: A dataset; nothing is done where there is none.
        folder: Where its versions are.

    Returns:
        The version, `None` where none was made.

    Raises:
        DatasetError: The manifest is damaged.
        DiskFullError: No space is left.
    """
    place = Path(os.path.realpath(out))
    standing = look_at(place)
    if MANIFEST not in standing.own:
        return None
    before = versions_in(folder)
    last = before[-1] if before else None
    manifest = read_manifest(place) or {}
    if last is not None and (read_manifest(last.path) or {}) == manifest:
        return None
    shared = {} if last is None else (read_manifest(last.path) or {})
    target = folder / f"{(last.number if last else 0) + 1:04d}"
    with atomic_path(target) as root:
        for name in standing.own:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            is_same = last is not None and name in manifest and shared.get(name) == manifest[name]
            source = place / name
            if is_same and last is not None and _is_whole(last.path, name, manifest[name]):
                source = last.path / name
            _link(source, path)
        shutil.copymode(place, root)
    return target


def forget_versions(folder: Path, *, keep: int) -> Sequence[Version]:
    """Removes all but the newest `keep` versions, and returns those that are gone.

    Raises:
        DatasetError: `keep` is below 0.
    """
    if keep < 0:
        raise DatasetError(f"{keep} versions cannot be kept; give 0 or more")
    found = versions_in(folder)
    gone = found[: max(len(found) - keep, 0)]
    for version in gone:
        remove(version.path)
    return gone


def share_files(folder: Path) -> None:
    """Makes files that two neighboring versions hold alike one, as they are when versions are made.

    Raises:
        DatasetError: A manifest is damaged.
    """
    for older, newer in itertools.pairwise(versions_in(folder)):
        shared = read_manifest(older.path) or {}
        for name, facts in (read_manifest(newer.path) or {}).items():
            source, path = older.path / name, newer.path / name
            if shared.get(name) != facts or os.path.samefile(source, path):
                continue
            if _is_whole(older.path, name, facts) and _is_whole(newer.path, name, facts):
                with atomic_path(path) as temporary:
                    _link(source, temporary)


def _is_whole(root: Path, name: str, facts: object) -> bool:
    # Hashed again: somebody may have written into an older version.
    return (root / name).is_file() and facts_of(root, name) == facts


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # not every disk has hard links, nor across two of them
        shutil.copy2(source, target)
