"""How a labeler is named, the same in every command.

`NAME` (built in, or an entry point of the group `rotoscope.labelers`) or `./file.py:Class`; with
the folder that it was trained into: `NAME@FOLDER`. `FOLDER` alone stands for a labeler of an
installed class. A folder never brings a program with it: a file runs only where the user names it.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from rotoscope.models.labelers.facts import family_in
from rotoscope.models.labelers.labeler import Labeler
from rotoscope.pipeline import registry
from rotoscope.pipeline.errors import UsageError, quoted
from rotoscope.pipeline.stage import ClipStage, FrameStage

_NAMED = re.compile(r"(?P<name>.*?\.py:[A-Za-z_]\w*|[A-Za-z][\w.-]*)(?:@(?P<folder>.+))?")


@dataclass(frozen=True)
class LabelerName:
    """A labeler as a command names it."""

    name: str
    """Built-in name, entry point or `file.py:Class`."""
    folder: Path | None = None
    """Of a trained one."""

    @classmethod
    def of(cls, text: str) -> LabelerName:
        """Reads `NAME`, `NAME@FOLDER` or `FOLDER`.

        Raises:
            UsageError: There is no such labeler, or the folder's class is in a file that must be
                named too.
        """
        folder = Path(os.path.expanduser(text))
        if folder.is_dir():
            return cls(_name_in(folder), folder)
        found = _NAMED.fullmatch(text)
        if found is None or (found["name"] not in registry.labeler_names() and ".py:" not in text):
            raise UsageError(
                f"there is no labeler {text!r}, and no folder of that name; name one of "
                f"{quoted(registry.labeler_names())}, ./file.py:Class, or either with the folder "
                "that it was trained into: NAME@FOLDER"
            )
        there = found["folder"]
        return cls(found["name"], Path(os.path.expanduser(there)) if there else None)

    def __str__(self) -> str:
        """How another process finds the same."""
        name = self.name
        if ".py:" in name:
            file, _, attribute = name.rpartition(":")
            name = f"{os.path.abspath(os.path.expanduser(file))}:{attribute}"
        return name if self.folder is None else f"{name}@{os.path.abspath(self.folder)}"

    @property
    def title(self) -> str:
        """What people call it."""
        if self.folder is not None:
            return self.folder.resolve().name
        return Path(self.name).name.rpartition(":")[2] if ".py:" in self.name else self.name

    def find(self) -> type[Labeler]:
        """Its class.

        Raises:
            UsageError: The file has no such class, or it is none of a labeler.
        """
        found = registry.labeler_class(self.name)
        if not (isinstance(found, type) and issubclass(found, Labeler)):
            is_stage = isinstance(found, type) and issubclass(found, ClipStage | FrameStage)
            why = (
                "a stage: it labels videos in a recipe, and has no other commands"
                if is_stage
                else repr(found)
            )
            raise UsageError(
                f"{self.name!r} is {why}; a labeler is a subclass of rotoscope.Labeler"
            )
        return found

    def open(self) -> Labeler:
        """The trained labeler.

        Raises:
            UsageError: No folder is named, or it holds no trained labeler of this class.
        """
        return self.find().open(self.trained_folder)

    @property
    def trained_folder(self) -> Path:
        """Where it was trained into.

        Raises:
            UsageError: No folder is named.
        """
        if self.folder is None:
            raise UsageError(
                f"{self.name!r} names no folder; train it with 'rotoscope train {self.name} --data "
                f"LABELED --out FOLDER', then name {self.name}@FOLDER (one that learns nothing is "
                "only measured there)"
            )
        return self.folder


def open_labeler(text: str | os.PathLike[str]) -> Labeler:
    """A trained labeler by `NAME@FOLDER` or `FOLDER`.

    Raises:
        UsageError: There is none.
    """
    return LabelerName.of(os.fspath(text)).open()


def _name_in(folder: Path) -> str:
    family, is_file = family_in(folder)
    name = "" if is_file else _installed(family)
    if not name:
        raise UsageError(
            f"{folder} was trained with {family!r}, a class of a file, which is a program: name it "
            f"too, as ./file.py:Class@{folder}"
        )
    return name


def _installed(family: str) -> str:
    """Name of an installed labeler whose folders say this of themselves; empty for none."""
    there = registry.labeler_names()
    likely = [n for n in (family, family.replace("_", "-")) if n in there]
    return next((n for n in [*likely, *there] if LabelerName(n).find().family() == family), "")
