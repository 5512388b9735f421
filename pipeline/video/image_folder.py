"""A folder of numbered pictures: which of its files are the frames, in which order, at what rate.

A folder such as `frame_0001.png, frame_0002.png, ...` is a video without a clock. Its rate stands
in `frames.yaml` inside of it, or is given with the run; nothing is assumed.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rotoscope.pipeline.errors import NotAVideoError, UnreasonableVideoError
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.files.paths import beside
from rotoscope.pipeline.files.plain import read_yaml
from rotoscope.pipeline.quoting import problems_of
from rotoscope.pipeline.video.clock import MAX_RATE_HZ, MIN_RATE_HZ

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg"})
"""Endings of pictures that can be frames, in lower case."""
OTHER_IMAGE_SUFFIXES = frozenset(
    {".webp", ".bmp", ".tif", ".tiff", ".exr", ".heic", ".avif", ".ppm", ".pgm", ".dng"}
)
"""Endings of pictures that are not read."""
NOTES = "frames.yaml"
"""What a person says about the pictures of one folder."""
MIN_PICTURES = 2
_NUMBERED = re.compile(r"(.*?)(\d+)(\D*)")
"""The last number in a name, such as of `frame-000012.color`."""
RateHz = Annotated[float, Field(ge=MIN_RATE_HZ, le=MAX_RATE_HZ)]
"""Pictures per second."""
HOW_TO_SAY_THE_RATE = (
    f"write 'rate_hz: 30' into {NOTES} in the folder, or add -o video.image_rate_hz=30 for all "
    "folders, with the rate at which the pictures were taken"
)


class FolderNotes(BaseModel):
    """`frames.yaml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate_hz: RateHz
    """Pictures per second."""


def is_single_picture(path: Path) -> bool:
    """Whether a path is a file that holds one picture, by its ending."""
    return path.suffix.lower() in IMAGE_SUFFIXES | OTHER_IMAGE_SUFFIXES and not path.is_dir()


def has_notes(folder: Path) -> bool:
    """Whether a person said that a folder's pictures are a video."""
    return os.path.lexists(folder / NOTES)


def looks_numbered(names: Iterable[str]) -> bool:
    """Whether files of these names may be frames: at least two pictures with a number."""
    numbered = [n for n in names if _suffix(n) in IMAGE_SUFFIXES and _split(n) is not None]
    return len(numbered) >= MIN_PICTURES


def frame_files(folder: Path) -> tuple[Path, ...]:
    """The pictures of a folder in the order of their numbers.

    Raises:
        NotAVideoError: There are fewer than two, they are not numbered without a gap, or two
            sequences lie in one folder.
    """
    shown = display_name(folder)
    try:
        names = [name for name in os.listdir(folder) if not name.startswith(".")]
    except OSError as error:
        raise NotAVideoError(f"{shown} cannot be read ({error.strerror})") from error
    others = sorted(n for n in names if _suffix(n) in OTHER_IMAGE_SUFFIXES)
    pictures = sorted((n for n in names if _suffix(n) in IMAGE_SUFFIXES), key=os.fsencode)
    if others:
        raise NotAVideoError(
            f"{shown} holds {len(others)} pictures that are not read, such as "
            f"{display_name(others[0])}; PNG and JPEG are: convert them or take them out"
        )
    if len(pictures) < MIN_PICTURES:
        raise NotAVideoError(
            f"{shown} is a folder with {'one picture' if pictures else 'no pictures'}; a video is "
            f"a file, or a folder with at least {MIN_PICTURES} pictures numbered like "
            "frame_0001.png (PNG or JPEG)"
        )
    return tuple(folder / name for name in _in_order(pictures, shown))


def rate_of(folder: Path, given_hz: float | None) -> float:
    """Pictures per second: what `frames.yaml` in the folder says, else what was given with the run.

    Raises:
        UnreasonableVideoError: Nobody said it, or the notes cannot be read.
    """
    if has_notes(folder):
        return _read_notes(folder).rate_hz
    if given_hz is None:
        raise UnreasonableVideoError(
            f"{display_name(folder)} holds numbered pictures, which have no clock; "
            f"{HOW_TO_SAY_THE_RATE}"
        )
    return given_hz


def files_of_folder(folder: Path) -> tuple[Path, ...]:
    """Everything that decides what the video is: its pictures, and the notes where there are any.

    Raises:
        NotAVideoError: As `frame_files` does.
        UnreasonableVideoError: The notes are a link that leads elsewhere.
    """
    return (*frame_files(folder), *((_notes_of(folder),) if has_notes(folder) else ()))


def _in_order(names: list[str], shown: str) -> list[str]:
    """The names by number.

    Raises:
        NotAVideoError: As `frame_files` does.
    """
    by_number: dict[int, str] = {}
    for name in names:
        parts = _split(name)
        if parts is None:
            raise NotAVideoError(
                f"{shown}: {display_name(name)} has no number, as the frames of a video have "
                "(frame_0001.png); take it out or number it"
            )
        first = by_number.setdefault(parts[1], name)
        if first is not name or parts[0] != _around(names[0]):
            other = first if first is not name else names[0]
            raise NotAVideoError(
                f"{shown} holds more than one sequence: {display_name(other)} and "
                f"{display_name(name)}; put each into a folder of its own"
            )
    numbers = sorted(by_number)
    _check_gaps(numbers, by_number, shown)
    return [by_number[number] for number in numbers]


def _check_gaps(numbers: list[int], names: dict[int, str], shown: str) -> None:
    gaps = [(a, b) for a, b in itertools.pairwise(numbers) if b != a + 1]
    if not gaps:
        return
    before, after = gaps[0]
    strides = {b - a for a, b in itertools.pairwise(numbers)}
    advice = "put the missing ones back, or split the folder there"
    if len(strides) == 1:
        stride = strides.pop()
        advice = f"number them one by one and give {stride} times less for the rate"
    more = f", and {len(gaps) - 1} more gaps" if len(gaps) > 1 else ""
    missing = sum(b - a - 1 for a, b in gaps)
    raise NotAVideoError(
        f"{shown}: {missing} pictures are missing: {display_name(names[before])} is followed by "
        f"{display_name(names[after])}{more}; {advice}"
    )


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _split(name: str) -> tuple[str, int] | None:
    """What stands around the number, and the number; `None` without one."""
    stem, suffix = os.path.splitext(name)
    found = _NUMBERED.fullmatch(stem)
    return None if found is None else (f"{found[1]}*{found[3]}{suffix.lower()}", int(found[2]))


def _around(name: str) -> str:
    parts = _split(name)
    return "" if parts is None else parts[0]


def _notes_of(folder: Path) -> Path:
    return beside(folder / "frame", NOTES, what="the notes", error=UnreasonableVideoError)


def _read_notes(folder: Path) -> FolderNotes:
    where = f"{NOTES} in {display_name(folder)}"
    found = read_yaml(_notes_of(folder), error=UnreasonableVideoError)
    try:
        return FolderNotes.model_validate(found)
    except ValidationError as error:
        raise UnreasonableVideoError(
            f"{where} cannot be read: {problems_of(error, with_values=False)}; its one key is "
            f"rate_hz, {MIN_RATE_HZ:g} to {MAX_RATE_HZ:g} pictures per second"
        ) from error
