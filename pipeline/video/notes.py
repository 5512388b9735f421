"""What a person says of a video beside it: what it shows, whose it is, what to leave out.

`NAME.json` and `NAME.txt` (the task alone) speak of one video, `folder.json` of all in its folder;
what is nearer to the video comes first. `NAME.camera.yaml` speaks of its camera.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rotoscope.pipeline.errors import UnreasonableVideoError
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.files.paths import beside
from rotoscope.pipeline.files.plain import mapping, read_json, read_text
from rotoscope.pipeline.quoting import problems_of

FOLDER = "folder.json"
KEY = "*notes"
"""Under which the files are hashed; no stage can have such a name."""
MAX_TASK = 500
"""Longest task [letters]: what is longer is no sentence about what is being done."""
_PLACES = re.compile(r"\{(\w+)\}")
_Text = Annotated[str, Field(max_length=MAX_TASK)]
_Short = Annotated[str, Field(max_length=200)]
_Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Span(BaseModel):
    """A part of a video in which something of its own is done."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start_s: _Seconds
    """Where it begins, from the first frame on [s]."""
    end_s: _Seconds
    """Where it ends [s]."""
    task: _Text
    """What is being done, in words."""

    @model_validator(mode="after")
    def _check(self) -> Span:
        if self.end_s <= self.start_s:
            raise ValueError(f"a span must end after it begins, {self.start_s:g} s")
        return self


class VideoNotes(BaseModel):
    """What `NAME.json` and `folder.json` may say; all of it may be left out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: _Text = ""
    """What is being done, in words."""
    spans: Annotated[list[Span], Field(max_length=1000)] = []
    """Parts with tasks of their own; episodes are cut where one begins or ends."""
    leave_out: list[tuple[_Seconds, _Seconds]] = []
    """Spans [s] of which nothing becomes a row."""
    side: Literal["", "left", "right"] = ""
    """The one hand that is labeled; what was found of the other is left out."""
    person: Annotated[str, Field(max_length=64)] = ""
    """Who is seen, as you call them; comes before the recipe's `export.person`."""
    license: _Short = ""
    """License of the video, best as SPDX writes it: `CC-BY-4.0`."""
    credit: _Short = ""
    """Who is to be named."""
    url: _Short = ""
    """Where the video is from."""

    @model_validator(mode="after")
    def _check(self) -> VideoNotes:
        for start_s, end_s in self.leave_out:
            if end_s <= start_s:
                raise ValueError(f"leave_out: a span must end after it begins, {start_s:g} s")
        return self


def note_files(path: Path) -> tuple[Path, ...]:
    """The files beside a video that speak of it, those that are there.

    Raises:
        UnreasonableVideoError: One is a link that leads elsewhere.
    """
    stem = path.name if path.is_dir() else path.stem
    names = [f"{stem}.json", f"{stem}.txt", FOLDER]
    return tuple(
        beside(path, name, what="the notes", error=UnreasonableVideoError)
        for name in names
        if name != path.name and path.with_name(name).is_file()
    )


def read_notes(path: Path) -> VideoNotes:
    """The notes about a video, empty ones where there are none.

    Raises:
        UnreasonableVideoError: They cannot be read, or hold keys or values that are not allowed
            beside some that are.
    """
    said: dict[str, Any] = {}
    for file in reversed(note_files(path)):
        if file.suffix == ".txt":
            said["task"] = _text_in(file)
        else:
            said |= _settings_in(file)
    try:
        return VideoNotes.model_validate(said)
    except ValidationError as error:
        raise UnreasonableVideoError(
            f"the notes beside {display_name(path.name)} cannot be read: "
            f"{problems_of(error, with_values=False)}; keys are "
            f"{', '.join(VideoNotes.model_fields)}. A file of another purpose needs another name"
        ) from error


def _settings_in(file: Path) -> dict[str, Any]:
    """What a file says; nothing, and a warning, where it is plainly of another purpose."""
    found = read_json(file, error=UnreasonableVideoError)
    if not isinstance(found, dict) or (found and not found.keys() & VideoNotes.model_fields.keys()):
        # Downloaders and cameras write such files, too.
        warnings.warn(
            f"{display_name(file.name)} has none of the keys of notes about a video "
            f"({', '.join(VideoNotes.model_fields)}) and was not used",
            stacklevel=2,
        )
        return {}
    return mapping(found, source=file.name, error=UnreasonableVideoError)


def task_of(template: str, notes: VideoNotes, path: Path, *, text: str = "") -> str:
    """What an episode's task is, in words.

    Args:
        template: The recipe's task; may hold `{text}`, `{folder}` and `{name}`. A template without
            `{text}` is what is said where the notes say nothing.
        notes: Of the video.
        path: The video.
        text: What a span's own task is; the video's where empty.

    Raises:
        UnreasonableVideoError: The template names another place, or wants a text where none is.
    """
    said = text or notes.task
    if "{text}" not in template and said:
        return said
    stem = path.name if path.is_dir() else path.stem
    places = {"text": said, "folder": _words(path.absolute().parent.name), "name": _words(stem)}

    def fill(found: re.Match[str]) -> str:
        value = places.get(found[1])
        if value is None:
            raise UnreasonableVideoError(
                f"the task {template!r} has a place {{{found[1]}}}; places are {{text}}, "
                "{folder} and {name}"
            )
        if not value:
            raise UnreasonableVideoError(
                f"the task {template!r} wants a text, and nothing beside {display_name(path.name)} "
                f"says what it shows; write {stem}.txt"
            )
        return value

    return _PLACES.sub(fill, template)


def _words(name: str) -> str:
    return " ".join(re.split(r"[\s_]+", display_name(name))).strip()


def _text_in(file: Path) -> str:
    text = " ".join(read_text(file, error=UnreasonableVideoError).split())
    if len(text) > MAX_TASK:
        raise UnreasonableVideoError(
            f"{file.name} holds {len(text)} letters; beside a video, such a file says in at most "
            f"{MAX_TASK} what is being done in it. A file of another purpose needs another name"
        )
    return text
