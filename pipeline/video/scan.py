"""Which files a run is about: folders, files, URLs and lists become one ordered list of names."""

from __future__ import annotations

import fnmatch
import os
import stat
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.files.names import display_name, what_is
from rotoscope.pipeline.files.paths import StrPath
from rotoscope.pipeline.remote.opened import open_objects
from rotoscope.pipeline.remote.urls import Place, Url, place_of
from rotoscope.pipeline.video.found import DEPTH_ENDING as DEPTH_ENDING
from rotoscope.pipeline.video.found import IS_DATASET, WRITES_THERE, are_frames, is_video_folder
from rotoscope.pipeline.video.found import NAMED_SUFFIXES as NAMED_SUFFIXES
from rotoscope.pipeline.video.found import OTHER_SUFFIXES as OTHER_SUFFIXES
from rotoscope.pipeline.video.found import VIDEO_SUFFIXES as VIDEO_SUFFIXES
from rotoscope.pipeline.video.found import Found as Found
from rotoscope.pipeline.video.found import Images as Images
from rotoscope.pipeline.video.image_folder import has_notes, looks_numbered
from rotoscope.pipeline.video.scan_remote import look_through_remote


def scan(
    inputs: Sequence[StrPath | Url],
    *,
    only: str | None = None,
    suffixes: Collection[str] = VIDEO_SUFFIXES,
    never: Collection[Place] = (),
) -> list[Found]:
    """Every video below the inputs, sorted by the bytes of its name; see `look_through`."""
    return [f for f in look_through(inputs, only, suffixes, never) if not f.left_out]


def look_through(
    inputs: Sequence[StrPath | Url],
    only: str | None,
    suffixes: Collection[str],
    never: Collection[Place],
    images: Images = "noted",
) -> list[Found]:
    """Every video below the inputs and every folder that was not searched, sorted by name.

    Folders are searched through, links to folders included, each real folder once, so that loops
    end. Hidden files and folders are left out. What cannot be looked into becomes an entry with a
    `problem`; a LeRobot dataset, whose videos are its own, one that says it was `left_out`. Names
    are unique: where two inputs hold the same one, the input's own name is put in front.

    Args:
        inputs: Folders and files, here or in an object store.
        only: Glob on the displayed name; `*` also matches `/`.
        suffixes: Endings, in lower case, that folders are searched for.
        never: Folders that are not searched: where a run writes.
        images: Which folders of pictures are videos.

    Raises:
        UsageError: An input is not there.
    """
    groups: list[list[Found]] = []
    seen: set[str] = set()
    skip = {os.path.realpath(folder) for folder in never if isinstance(folder, Path)}
    urls = [folder for folder in never if isinstance(folder, Url)]
    roots = [place_of(entry) for entry in inputs]
    for root in roots:
        if isinstance(root, Url):
            found = look_through_remote(root, suffixes, urls, images)
        elif not os.path.lexists(root):
            raise UsageError(f"{display_name(root)} is not there; give a folder or a file")
        elif os.path.isdir(root):
            found = [_checked(f) for f in _folder(root, suffixes, skip, images)]
        else:
            found = [_checked(Found(root, root.name))]
        fresh = [f for f in found if _place_of(f, root) not in seen]
        seen.update(_place_of(f, root) for f in fresh)
        groups.append(fresh)
    named = _uniquely_named(groups, roots)
    chosen = [f for f in named if f.left_out or only is None or _matches(f.display_name, only)]
    return sorted(chosen, key=lambda f: os.fsencode(f.name))


def _place_of(found: Found, root: Place) -> str:
    if isinstance(root, Url):
        return str(found.remote.url if found.remote is not None else root.below(found.name))
    return os.path.abspath(found.path)


def count_suffixes(inputs: Sequence[StrPath | Url]) -> Counter[str]:
    """How many files of each ending, in lower case, lie below the inputs, hidden ones aside."""
    return Counter(path.suffix.lower() for path in _all_files(inputs))


def silent_image_folders(inputs: Sequence[StrPath | Url]) -> list[Path]:
    """Folders below the inputs that are videos as soon as somebody says their rate."""
    names: dict[Path, list[str]] = {}
    for path in _all_files([p for p in map(place_of, inputs) if isinstance(p, Path)]):
        names.setdefault(path.parent, []).append(path.name)
    return sorted(
        folder
        for folder, inside in names.items()
        if not (has_notes(folder) or folder.name.endswith(DEPTH_ENDING))
        and are_frames(inside)
        and looks_numbered(inside)
    )


def _all_files(inputs: Sequence[StrPath | Url]) -> Iterator[Path]:
    for root in map(place_of, inputs):
        if isinstance(root, Url):
            yield from (Path(facts.key) for facts in open_objects(root).listed(root.key))
            continue
        found = _folder(root, None, (), "never") if os.path.isdir(root) else ()
        yield from (f.path for f in found if not (f.problem or f.left_out))


def left_out(inputs: Sequence[StrPath | Url]) -> Counter[str]:
    """How many files below the inputs may hold videos but are not searched for, by ending.

    Of object stores nothing is said: it would cost another listing.
    """
    counts = count_suffixes([p for p in map(place_of, inputs) if isinstance(p, Path)])
    return Counter({s: counts[s] for s in sorted(NAMED_SUFFIXES | OTHER_SUFFIXES) if counts[s]})


def _folder(
    root: Path, suffixes: Collection[str] | None, skip: Collection[str], images: Images
) -> Iterator[Found]:
    """Files with one of the suffixes, or all, below a folder, in no particular order."""
    waiting, visited = [root], set[tuple[int, int]]()
    while waiting:
        folder = waiting.pop()
        name = folder.relative_to(root).as_posix()
        why = _why_left_out(folder, skip)
        if why:
            shown = Path(os.path.abspath(root)).name if name == "." else name
            yield Found(folder, shown, left_out=why)
            continue
        try:
            facts = folder.stat()
            if (facts.st_dev, facts.st_ino) in visited:
                continue
            visited.add((facts.st_dev, facts.st_ino))
            children = list(folder.iterdir())
        except OSError as error:
            yield Found(folder, name, f"the folder cannot be read ({error.strerror})")
            continue
        if is_video_folder(folder.name, [child.name for child in children], images):
            yield Found(folder, Path(os.path.abspath(root)).name if name == "." else name)
        for child in children:
            if child.name.startswith("."):
                continue
            if os.path.isdir(child):
                waiting.append(child)
            elif suffixes is None or (
                child.suffix.lower() in suffixes and not child.stem.endswith(DEPTH_ENDING)
            ):
                yield Found(child, child.relative_to(root).as_posix())
        # Real folders before links to them, then by name: names do not depend on the file system.
        waiting.sort(key=lambda f: (f.is_symlink(), os.fsencode(f)), reverse=True)


def _why_left_out(folder: Path, skip: Collection[str]) -> str:
    if skip and os.path.realpath(folder) in skip:
        return WRITES_THERE
    if os.path.isfile(folder / "meta" / "info.json"):
        return IS_DATASET
    return ""


def _checked(found: Found) -> Found:
    """The entry with a problem where opening it would fail or wait for ever."""
    if found.problem or found.left_out:
        return found
    try:
        mode = os.stat(found.path).st_mode
        if stat.S_ISREG(mode) or stat.S_ISDIR(mode):  # a folder is one of pictures
            return found
    except FileNotFoundError:
        return replace(found, problem="a link that leads nowhere; repair or remove it")
    except OSError as error:
        return replace(found, problem=f"cannot be looked at ({error.strerror})")
    return replace(found, problem=f"{what_is(found.path)}, not a file; remove or rename it")


def _uniquely_named(groups: list[list[Found]], roots: list[Place]) -> list[Found]:
    """All entries with names that differ: short ones where they do, longer ones elsewhere."""
    named = [
        (found, number, root)
        for number, (group, root) in enumerate(zip(groups, roots, strict=True), 1)
        for found in group
    ]
    short = Counter(found.name for found, _, _ in named)
    out = []
    for found, number, root in named:
        if short[found.name] > 1:
            found = replace(found, name=f"{_name_above(found, root)}/{found.name}")
        out.append((found, number))
    # By the input's number, not by where it lies: names are published.
    while True:
        counts = Counter(found.name for found, _ in out)
        if max(counts.values(), default=1) == 1:
            return [found for found, _ in out]
        out = [
            (replace(f, name=f"{number}/{f.name}") if counts[f.name] > 1 else f, number)
            for f, number in out
        ]


def _name_above(found: Found, root: Place) -> str:
    """Name of the folder that a name of the input lies in."""
    if isinstance(root, Url):
        is_root = found.remote is not None and found.remote.url == root
        return root.beside("").key.rstrip("/").rpartition("/")[2] if is_root else root.name
    place = Path(os.path.abspath(root))
    return place.name if os.path.isdir(root) and found.path != root else place.parent.name


def _matches(name: str, glob: str) -> bool:
    # A name can hold glob characters itself, as a copied retry command does.
    return name == glob or fnmatch.fnmatchcase(name, glob)
