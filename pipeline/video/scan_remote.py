"""Which files of an object store a run is about: the rules of folders, on names alone."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.remote.cache import Cache, cache
from rotoscope.pipeline.remote.files import RemoteFile
from rotoscope.pipeline.remote.objects import ObjectFacts, Objects
from rotoscope.pipeline.remote.opened import open_objects
from rotoscope.pipeline.remote.urls import Url
from rotoscope.pipeline.video.found import (
    DEPTH_ENDING,
    IS_DATASET,
    WRITES_THERE,
    Found,
    Images,
    is_video_folder,
)

INFO = "meta/info.json"
LONGEST_NAME = 200
"""Bytes of a name; disks take 255, and what is written beside a file adds some."""
SHARED_NAMES = ("camera.yaml", "camera.npz", "hands.yaml", "gripper.npz", "motion.yaml")
"""What lies once in a folder and speaks of all files in it; see `RemoteFile.shared`."""
SHARED_ENDINGS = (".asf", "_foot_contact.npy")
TOO_LONG = "its name is longer than a disk takes; rename the object"


@dataclass
class _Folder:
    """What lies in one folder of a listing."""

    sources: list[tuple[str, ObjectFacts]] = field(default_factory=list)
    others: list[tuple[str, ObjectFacts]] = field(default_factory=list)


def look_through_remote(
    url: Url,
    suffixes: Collection[str],
    never: Collection[Url],
    images: Images,
) -> list[Found]:
    """Every file with one of the suffixes below a URL, or the one that it names.

    Hidden names are left out, and so are datasets and where the run writes. Keys that are no path
    become entries with a `problem`.

    Raises:
        UsageError: Nothing is there.
        RemoteError: The store is away, or does not let us in.
    """
    objects, kept = open_objects(url), cache()
    if os.path.splitext(url.name)[1].lower() in suffixes:
        single = _single(url, objects, kept)
        if single is not None:
            return [single]
    found, is_empty = _folder(url, objects, suffixes, never, images, kept)
    if is_empty:
        single = _single(url, objects, kept) if url.key else None
        if single is None:
            raise UsageError(
                f"{display_name(str(url))} is not there, or empty; give a folder or a file of it"
            )
        return [single]
    return found


def _single(url: Url, objects: Objects, kept: Cache) -> Found | None:
    """The file of this very name, with what lies beside it."""
    facts = objects.head(url.key)
    if facts is None or facts.key != url.key:
        return None
    folder = url.beside("").key.rstrip("/")
    stem = os.path.splitext(url.name)[0]
    beside = list(_named(objects, folder, stem))
    shared = [(n, objects.head(url.beside(n).key)) for n in SHARED_NAMES]
    there = [(name, one) for name, one in shared if one is not None]
    return _found(url, url.name, facts, [*beside, *there], frozenset(n for n, _ in there), kept)


def _named(objects: Objects, folder: str, stem: str) -> Iterator[tuple[str, ObjectFacts]]:
    """What lies in a folder and begins with `STEM.`; no more than a page of others is listed."""
    start = len(folder) + 1 if folder else 0
    first = f"{folder}/{stem}." if folder else f"{stem}."
    for facts in objects.listed(folder, after=first[:-1]):
        if not facts.key.startswith(first):
            if facts.key > first:
                return
            continue
        yield facts.key[start:], facts


def _folder(
    url: Url,
    objects: Objects,
    suffixes: Collection[str],
    never: Collection[Url],
    images: Images,
    kept: Cache,
) -> tuple[list[Found], bool]:
    """What a listing gives, and whether it was empty."""
    folders: dict[str, _Folder] = {}
    datasets, written, found, is_empty = set[str](), set[str](), list[Found](), True
    skipped = [
        place.key + "/" for place in never if (place.scheme, place.root) == (url.scheme, url.root)
    ]
    for facts in objects.listed(url.key):
        is_empty = False
        name = url.relative(facts.key)
        under = next((key for key in skipped if facts.key.startswith(key)), None)
        if under is not None:
            written.add(url.relative(under.rstrip("/")) or url.name)
        elif facts.problem:
            found.append(Found(Path(str(url)), name, problem=facts.problem))
        elif not any(part.startswith(".") for part in name.split("/")):
            if name == INFO or name.endswith("/" + INFO):
                datasets.add(name[: -len(INFO)].rstrip("/"))
            parent, _, last = name.rpartition("/")
            folder = folders.setdefault(parent, _Folder())
            is_source = os.path.splitext(last)[1].lower() in suffixes
            is_source = is_source and not last.endswith(SHARED_ENDINGS)
            is_source = is_source and not os.path.splitext(last)[0].endswith(DEPTH_ENDING)
            (folder.sources if is_source else folder.others).append((last, facts))
    for root in datasets:
        found.append(Found(Path(root or url.name), root or url.name, left_out=IS_DATASET))
    found += [Found(Path(name), name, left_out=WRITES_THERE) for name in sorted(written)]
    for name, folder in folders.items():
        if not any(_is_below(name, root) for root in datasets):
            found += _of_folder(url, name, folder, folders, images, kept)
    return found, is_empty


def _is_below(name: str, root: str) -> bool:
    return not root or name == root or name.startswith(root + "/")


def _of_folder(
    url: Url, name: str, folder: _Folder, folders: dict[str, _Folder], images: Images, kept: Cache
) -> Iterator[Found]:
    below = f"{name}/" if name else ""
    names = [n for n, _ in (*folder.sources, *folder.others)]
    shared = [(n, f) for n, f in folder.others if n in SHARED_NAMES or n.endswith(SHARED_ENDINGS)]
    if is_video_folder(name or url.name, names, images):
        yield _pictures(url, name, folder, folders, kept)
    names_of_shared = frozenset(n for n, _ in shared)
    by_stem: dict[str, list[tuple[str, ObjectFacts]]] = {}
    for other in folder.others:
        first = other[0]
        # `clip.camera.yaml` belongs to `clip.mp4`, `a.b.json` to `a.b.mp4` and to `a.mp4`.
        for k, letter in enumerate(first):
            if letter == ".":
                by_stem.setdefault(first[:k], []).append(other)
    for last, facts in folder.sources:
        stem = os.path.splitext(last)[0]
        beside = [*by_stem.get(stem, ()), *_depth(below, stem, folders)]
        place = url.below(f"{below}{last}")
        yield _found(place, f"{below}{last}", facts, [*beside, *shared], names_of_shared, kept)


def _depth(below: str, stem: str, folders: dict[str, _Folder]) -> Iterator[tuple[str, ObjectFacts]]:
    """The pictures of depth of a video."""
    folder = folders.get(f"{below}{stem}{DEPTH_ENDING}")
    for name, facts in folder.others if folder else ():
        yield f"{stem}{DEPTH_ENDING}/{name}", facts


def _pictures(
    url: Url, name: str, folder: _Folder, folders: dict[str, _Folder], kept: Cache
) -> Found:
    """A folder of numbered pictures as one video."""
    shown = name or url.name
    last = shown.rpartition("/")[2]
    inside = [(f"{last}/{n}", f) for n, f in folder.others]
    parent = name.rpartition("/")[0] if name else None
    around = folders.get(parent) if parent is not None else None
    beside = [
        (n, f)
        for n, f in (around.others if around else ())
        if n.startswith(last + ".") or n in SHARED_NAMES
    ]
    below = f"{parent}/" if parent else ""
    depth = list(_depth(below, last, folders)) if name else []
    file = RemoteFile(url.below(name) if name else url, (*inside, *beside, *depth))
    return Found(kept.place(file), shown, remote=file)


def _found(
    url: Url,
    name: str,
    facts: ObjectFacts,
    beside: list[tuple[str, ObjectFacts]],
    shared: frozenset[str],
    kept: Cache,
) -> Found:
    last = name.rpartition("/")[2]
    if len(os.fsencode(last)) > LONGEST_NAME:
        return Found(Path(str(url)), name, problem=TOO_LONG)
    parts = dict([(last, facts), *((n, f) for n, f in beside if n != last)])
    file = RemoteFile(url, tuple(parts.items()), shared)
    return Found(kept.place(file), name, remote=file)
