"""Which files a run is about: folders, files and lists become one ordered list of names."""

from __future__ import annotations

import fnmatch
import os
import stat
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.files.names import display_name, what_is
from rotoscope.pipeline.video.image_folder import has_notes, looks_numbered

# fmt: off
VIDEO_SUFFIXES = frozenset({
    ".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".gif", ".mpg", ".mpeg", ".ts", ".mts",
    ".m2ts", ".wmv", ".flv", ".3gp", ".ogv", ".qt", ".f4v", ".3g2", ".mpe", ".vob", ".m2t",
    ".mpegts", ".tod", ".mxf", ".dv", ".divx",
})
"""What a folder is searched for, whatever the case; files named one by one may end in anything."""
NAMED_SUFFIXES = frozenset({
    ".asf", ".mod", ".insv", ".360", ".lrv", ".mj2", ".mk3d", ".ivf", ".nut", ".wtv", ".rm",
    ".rmvb", ".ogm",
})
"""What is read where it is named, but not searched for: often something else (`.asf`, `.mod`), a
camera's small copy of a video beside it (`.lrv`), two pictures in one (`.insv`), or rare."""
OTHER_SUFFIXES = frozenset({
    ".264", ".265", ".av1", ".avc", ".braw", ".h264", ".h265", ".hevc", ".m1v", ".m2v", ".mjpeg",
    ".mjpg", ".mlv", ".mpv", ".obu", ".r3d", ".swf", ".y4m", ".yuv",
})
# fmt: on
"""Moving pictures that are not read: bare streams without a clock, and cameras' raw files."""
DEPTH_ENDING = ".depth"
"""Folders, and videos before their suffix, whose names end so hold the depth of the video beside
them, and are none that a folder is searched for."""
Images = Literal["never", "noted", "all"]
"""Which folders of numbered pictures are videos: none, those whose notes state a rate, or, where
the run states one, also all others that hold no video."""


@dataclass(frozen=True)
class Found:
    """One candidate video, or a place that could not be looked into."""

    path: Path
    """Path of the file, or of the folder of pictures."""
    name: str
    """Path below the folder that was given, with `/`; undecodable bytes as surrogates."""
    problem: str = ""
    """Why nothing can be read there; empty for a file worth opening."""
    left_out: str = ""
    """Why a folder was not searched: a dataset, or what a run writes, is no input of it."""

    @property
    def display_name(self) -> str:
        """The name in printable form: the stable name in datasets and ledgers."""
        return display_name(self.name)


def scan(
    inputs: Sequence[Path | str],
    *,
    only: str | None = None,
    suffixes: Collection[str] = VIDEO_SUFFIXES,
    never: Collection[Path] = (),
) -> list[Found]:
    """Every video below the inputs, sorted by the bytes of its name; see `look_through`."""
    return [f for f in look_through(inputs, only, suffixes, never) if not f.left_out]


def look_through(
    inputs: Sequence[Path | str],
    only: str | None,
    suffixes: Collection[str],
    never: Collection[Path],
    images: Images = "noted",
) -> list[Found]:
    """Every video below the inputs and every folder that was not searched, sorted by name.

    Folders are searched through, links to folders included, each real folder once, so that loops
    end. Hidden files and folders are left out. What cannot be looked into becomes an entry with a
    `problem`; a LeRobot dataset, whose videos are its own, one that says it was `left_out`. Names
    are unique: where two inputs hold the same one, the input's own name is put in front.

    Args:
        inputs: Folders and files.
        only: Glob on the displayed name; `*` also matches `/`.
        suffixes: Endings, in lower case, that folders are searched for.
        never: Folders that are not searched: where a run writes.
        images: Which folders of pictures are videos.

    Raises:
        UsageError: An input is not there.
    """
    groups: list[list[Found]] = []
    seen: set[str] = set()
    skip = {os.path.realpath(folder) for folder in never}
    for entry in inputs:
        root = Path(entry)
        if not os.path.lexists(root):
            raise UsageError(f"{display_name(root)} is not there; give a folder or a file")
        is_folder = os.path.isdir(root)
        found = (
            list(_folder(root, suffixes, skip, images)) if is_folder else [Found(root, root.name)]
        )
        fresh = [f for f in found if os.path.abspath(f.path) not in seen]
        seen.update(os.path.abspath(f.path) for f in fresh)
        groups.append([_checked(f) for f in fresh])
    named = _uniquely_named(groups, [Path(os.path.abspath(i)) for i in inputs])
    chosen = [f for f in named if f.left_out or only is None or _matches(f.display_name, only)]
    return sorted(chosen, key=lambda f: os.fsencode(f.name))


def count_suffixes(inputs: Sequence[Path | str]) -> Counter[str]:
    """How many files of each ending, in lower case, lie below the inputs, hidden ones aside."""
    return Counter(path.suffix.lower() for path in _all_files(inputs))


def silent_image_folders(inputs: Sequence[Path | str]) -> list[Path]:
    """Folders below the inputs that are videos as soon as somebody says their rate."""
    names: dict[Path, list[str]] = {}
    for path in _all_files(inputs):
        names.setdefault(path.parent, []).append(path.name)
    return sorted(
        folder
        for folder, inside in names.items()
        if not (has_notes(folder) or folder.name.endswith(DEPTH_ENDING))
        and _are_frames(inside)
        and looks_numbered(inside)
    )


def _all_files(inputs: Sequence[Path | str]) -> Iterator[Path]:
    for root in map(Path, inputs):
        found = _folder(root, None, (), "never") if os.path.isdir(root) else ()
        yield from (f.path for f in found if not (f.problem or f.left_out))


def left_out(inputs: Sequence[Path | str]) -> Counter[str]:
    """How many files below the inputs may hold videos but are not searched for, by ending."""
    counts = count_suffixes(inputs)
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
        if _is_video(folder, children, images):
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


def _is_video(folder: Path, children: Sequence[Path], images: Images) -> bool:
    """Whether a folder's own pictures are the frames of a video."""
    if folder.name.endswith(DEPTH_ENDING):
        return False
    if images == "never" or has_notes(folder):
        return images != "never"
    names = [child.name for child in children if not child.name.startswith(".")]
    return images == "all" and _are_frames(names) and looks_numbered(names)


def _are_frames(names: Collection[str]) -> bool:
    """Whether pictures beside files of these names can be frames, not previews of videos."""
    return not any(os.path.splitext(name)[1].lower() in VIDEO_SUFFIXES for name in names)


def _why_left_out(folder: Path, skip: Collection[str]) -> str:
    if skip and os.path.realpath(folder) in skip:
        return "this run writes there"
    if os.path.isfile(folder / "meta" / "info.json"):
        return "a LeRobot dataset; 'rotoscope track' and 'rotoscope relabel' take those"
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


def _uniquely_named(groups: list[list[Found]], roots: list[Path]) -> list[Found]:
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
            parent = root if os.path.isdir(root) and found.path != root else root.parent
            found = replace(found, name=f"{parent.name}/{found.name}")
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


def _matches(name: str, glob: str) -> bool:
    # A name can hold glob characters itself, as a copied retry command does.
    return name == glob or fnmatch.fnmatchcase(name, glob)
