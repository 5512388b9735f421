"""One rule for paths that come from data: they stay below the folder that they belong to.

A dataset, a labeler, a robot or the notes beside a motion file may come from anyone. What they
name, and where their links lead, must lie below their own folder: otherwise reading them would
read, copy and publish files that nobody meant to share. Paths that a person gives, on the command
line or in a recipe, are not meant here.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Formatter

from rotoscope.pipeline.errors import DatasetError, RotoscopeError, quoted
from rotoscope.pipeline.quoting import shown

StrPath = str | os.PathLike[str]
"""A path as people give it."""
_WIDTH = re.compile(r"0?\d?d?")
"""How a template may ask for a number to be written: such as `03d`."""
_HUB_KINDS = ("datasets--", "models--", "spaces--")


def inside(
    root: Path,
    relative: str | os.PathLike[str],
    *,
    what: str,
    error: type[RotoscopeError] = DatasetError,
) -> Path:
    """`root / relative`, where that lies below `root`, links followed; it need not be there.

    In the cache of the Hugging Face hub, the files of `snapshots/REVISION` are links to the
    `blobs` of the same repository; those may be followed too.

    Args:
        root: The folder that the path belongs to, as a person or the program itself gave it.
        relative: The path below it, as data give it.
        what: What it is, for the message.
        error: What to raise.

    Raises:
        RotoscopeError: Of the class `error`: the path leads out of `root`, or to something that is
            neither a file nor a folder.
    """
    try:
        text = os.fspath(relative)
        if os.path.isabs(text) or "\0" in text:
            raise ValueError
        path = root / text
        home, place = root.resolve(), path.resolve()
        is_inside = place.is_relative_to(home) or _is_blob(home, place)
        # Names that leave the folder and come back depend on what lies around it.
        is_inside = is_inside and Path(os.path.normpath(text)).parts[:1] != ("..",)
        mode = place.stat().st_mode if is_inside and place.exists() else stat.S_IFREG
    except (ValueError, OSError, RuntimeError):
        is_inside, path, mode = False, root, 0
    if not is_inside:
        raise error(
            f"{what} {shown(os.fspath(relative))} leads out of {root.name or '.'}, the folder that "
            "it belongs to, or nowhere; only files below that folder are read: put the file there"
        )
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise error(
            f"{what} {shown(os.fspath(relative))} is a pipe or a device, not a file; remove it"
        )
    return path


def beside(path: Path, name: str, *, what: str, error: type[RotoscopeError] = DatasetError) -> Path:
    """The place of a file that belongs to another one and lies in the same folder.

    Where the other one is a link, as a person may put it into a folder of inputs, the file may be
    a link to what lies beside the target.

    Raises:
        RotoscopeError: Of the class `error`: it leads elsewhere.
    """
    place = path.with_name(name)
    if path.is_symlink() and place.resolve().parent == path.resolve().parent:
        return place
    return inside(path.parent, name, what=what, error=error)


def files_below(
    root: Path,
    folder: str,
    suffix: str,
    *,
    what: str,
    error: type[RotoscopeError] = DatasetError,
) -> list[Path]:
    """All files with an ending below a folder of `root`, sorted; hidden ones are left out.

    Raises:
        RotoscopeError: Of the class `error`: one of them, or a folder, leads out of `root`.
    """
    return sorted(
        path for path in walk(root, folder, what=what, error=error) if path.name.endswith(suffix)
    )


def walk(
    root: Path, folder: str, *, what: str, error: type[RotoscopeError] = DatasetError
) -> Iterator[Path]:
    """All files below a folder of `root` but hidden ones, in no particular order.

    Raises:
        RotoscopeError: Of the class `error`: one of them, or a folder, leads out of `root`.
    """
    waiting, seen = [Path(folder)], set[Path]()
    while waiting:
        place = inside(root, waiting.pop(), what=what, error=error)
        # A link to a folder above would never end.
        if not place.is_dir() or place.resolve() in seen:
            continue
        seen.add(place.resolve())
        for name in sorted(os.listdir(place)):
            if name.startswith("."):
                continue
            path = inside(root, (place / name).relative_to(root), what=what, error=error)
            if path.is_dir():
                waiting.append(path.relative_to(root))
            elif path.exists():
                yield path


def fill(template: object, fields: Mapping[str, object], *, what: str) -> str:
    """A template such as `data/chunk-{chunk_index:03d}.parquet` with its fields filled in.

    Nothing but the fields themselves can be asked for, numbers with a width of one digit.

    Raises:
        DatasetError: It is no text, or asks for anything else.
    """
    advice = f"{what} {shown(template)} is no template of a path; fields can be {quoted(fields)}"
    if not isinstance(template, str):
        raise DatasetError(advice)
    out = []
    try:
        for text, name, width, conversion in Formatter().parse(template):
            out.append(text)
            if name is None:
                continue
            if name not in fields or conversion or not _WIDTH.fullmatch(width or ""):
                raise DatasetError(advice)
            out.append(format(fields[name], width or ""))
    except (ValueError, TypeError):
        raise DatasetError(advice) from None
    return "".join(out)


def _is_blob(home: Path, place: Path) -> bool:
    """Whether `place` holds the bytes of a file of the hub's snapshot that `home` lies in."""
    for folder in (home, *home.parents):
        snapshots = folder.parent
        if snapshots.name == "snapshots" and snapshots.parent.name.startswith(_HUB_KINDS):
            return place.parent == snapshots.parent / "blobs"
    return False
