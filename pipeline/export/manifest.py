"""What a published dataset consists of: size and sha256 of each of its files.

A dataset's folder is a place where people keep other things too: notes, a policy, a license in the
card. The manifest tells what was published from what was put there since.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.export.card_edits import split_card

MANIFEST = "meta/rotoscope/manifest.json"
CARD = "README.md"
OTHER_CARD = "README.rotoscope.md"
"""Our card, where `README.md` is the user's."""
_FORMAT = 1


@dataclass(frozen=True)
class FileFacts:
    """What a file held when it was published; of a card, what we wrote of it."""

    bytes: int
    """Size [bytes]."""
    sha256: str
    """Hash of its content."""


def write_manifest(root: Path) -> None:
    """Writes `meta/rotoscope/manifest.json` about every other file below `root`."""
    found = {name: facts_of(root, name) for name, entry in walk(root) if entry.is_file()}
    found.pop(MANIFEST, None)
    save_manifest(root, found)


def save_manifest(root: Path, files: dict[str, FileFacts]) -> None:
    """Writes the manifest of these files."""
    content = {"format": _FORMAT, "files": {n: asdict(f) for n, f in sorted(files.items())}}
    path = root / MANIFEST
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_manifest(root: Path) -> dict[str, FileFacts] | None:
    """The files of a dataset by name; `None` where it has no manifest, as older ones.

    The names are only ever compared with those that are found below `root`, never opened.

    Raises:
        DatasetError: It is damaged.
    """
    path = root / MANIFEST
    if not os.path.lexists(path):
        return None
    try:
        if Path(os.path.realpath(path)) != Path(os.path.realpath(root)) / MANIFEST:
            raise ValueError("a link")
        content = json.loads(path.read_text(encoding="utf-8"))
        files = {
            n: FileFacts(int(f["bytes"]), str(f["sha256"])) for n, f in content["files"].items()
        }
        if content["format"] != _FORMAT:
            raise ValueError(f"format {content['format']}")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DatasetError(
            f"{path} is not a manifest of format {_FORMAT} ({type(error).__name__}): what was "
            "published cannot be told from what was put there since; move the dataset away"
        ) from error
    return files


def facts_of(root: Path, name: str) -> FileFacts:
    """Size and hash of a file as it is now."""
    path = root / name
    if name in (CARD, OTHER_CARD):
        own = split_card(path.read_bytes())[0]
        return FileFacts(len(own), hashlib.sha256(own).hexdigest())
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return FileFacts(os.fstat(file.fileno()).st_size, digest.hexdigest())


def walk(folder: Path, above: str = "") -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Everything below a folder with its name relative to it, in order; links are not followed."""
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        name = above + entry.name
        yield name, entry
        if entry.is_dir(follow_symlinks=False):
            yield from walk(Path(entry.path), name + "/")
