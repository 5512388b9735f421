"""Texts and facts written into `NAME.json` beside videos, where `rotoscope label` finds them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from rotoscope.pipeline.errors import UnreasonableVideoError, UsageError, quoted
from rotoscope.pipeline.files.atomic import write_text_atomic
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.files.plain import mapping, read_json, read_text
from rotoscope.pipeline.quoting import problems_of
from rotoscope.pipeline.video.notes import VideoNotes, note_files
from rotoscope.pipeline.video.scan import Found

COLUMNS = ("task", "side", "person", "license", "credit", "url")
"""What a table may say of a video, beside its name."""


def notes_file(path: Path) -> Path:
    """Where the notes about a video are written."""
    return path.with_name(f"{path.name if path.is_dir() else path.stem}.json")


def has_task(path: Path) -> bool:
    """Whether something beside a video says what it shows, of it alone.

    Raises:
        UnreasonableVideoError: The notes there cannot be read.
    """
    own = [file for file in note_files(path) if file.name != "folder.json"]
    if any(file.suffix == ".txt" for file in own):
        return True
    return any(_said(file).get("task") for file in own)


def write_notes(path: Path, facts: Mapping[str, str]) -> None:
    """Puts facts into a video's notes; what else they say stays.

    Raises:
        UnreasonableVideoError: The notes there cannot be read, or the facts are not allowed.
    """
    file = notes_file(path)
    said = (_said(file) if file.is_file() else {}) | {k: v for k, v in facts.items() if v}
    try:
        VideoNotes.model_validate(said)
    except ValidationError as error:
        raise UnreasonableVideoError(
            f"{display_name(path.name)}: {problems_of(error, with_values=False)}; keys are "
            f"{', '.join(VideoNotes.model_fields)}"
        ) from error
    write_text_atomic(file, json.dumps(said, indent=1, ensure_ascii=False) + "\n")


def read_manifest(path: Path, found: Sequence[Found]) -> dict[Path, dict[str, str]]:
    """What a table of comma-separated values says of each video, by the video.

    The first line names the columns: `video`, a name as it is below the folder that was given, or
    a file name that only one video has; and any of `COLUMNS`.

    Args:
        path: The table.
        found: The videos.

    Raises:
        UsageError: A column is unknown, or a line is about no video, or about several.
    """
    lines = csv.DictReader(io.StringIO(read_text(path, error=UsageError)))
    header = [name.strip() for name in lines.fieldnames or ()]
    strange = [name for name in header if name not in ("video", *COLUMNS)]
    if "video" not in header or strange:
        raise UsageError(
            f"{path} has the columns {quoted(header)}; one must be video, the others can be "
            f"{quoted(COLUMNS)}"
        )
    out: dict[Path, dict[str, str]] = {}
    for number, line in enumerate(lines, start=2):
        said = {(k or "").strip(): (v or "").strip() for k, v in line.items() if isinstance(v, str)}
        name = said.pop("video", "")
        fits = [f for f in found if f.display_name == name]
        fits = fits or [f for f in found if display_name(f.path.name) == name]
        if len(fits) != 1:
            how = "several videos have" if fits else "no video has"
            raise UsageError(f"{path}, line {number}: {how} the name {name!r}")
        out[fits[0].path] = said
    return out


def _said(file: Path) -> dict[str, object]:
    found = read_json(file, error=UnreasonableVideoError)
    return dict(mapping(found, source=file.name, error=UnreasonableVideoError))
