"""What became of a video, in words: from what a child answered to a row of the ledger."""

from __future__ import annotations

import builtins
import os
import re
import shlex
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from rotoscope.pipeline import errors
from rotoscope.pipeline.errors import MotionError, RotoscopeError, VideoError
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.recipe import StageEntry
from rotoscope.pipeline.run.isolation import Answer, ChildError
from rotoscope.pipeline.run.ledger import Row
from rotoscope.pipeline.run.outcome import VideoAnswer
from rotoscope.pipeline.run.request import LabelRequest
from rotoscope.pipeline.video.scan import Found

PUBLIC_KEYS = ("name", "status", "sha256", "stage", "error", "message", "frames", "retry")
"""What a dataset's own ledger holds of a row."""
_MACHINE_PATH = re.compile(r"(^|[\s'\"(=:])~?/[\w.]")
_FRAME = re.compile(r'File "([^"]+)", line (\d+), in (\S+)')


def finished_row(found: Found, answer: VideoAnswer, used: Answer | None) -> Row:
    """The row of a video that was read well.

    Args:
        found: The video.
        answer: What its child said.
        used: What the child needed; `None` where nothing had to be done.
    """
    outcome, identity = answer.outcome, answer.identity
    row = Row(
        name=found.display_name,
        status="empty" if outcome.why_empty else "done",
        sha256=identity.sha256,
        message=outcome.why_empty,
        frames=outcome.frames,
        episodes=outcome.episodes,
        identity=identity,
        detail={
            "dropped": dict(outcome.dropped or {}),
            "clips": outcome.clips,
            "rows": outcome.rows,
            "valid_rows": outcome.valid_rows,
            "warnings": list(outcome.warnings),
        },
    )
    if used is None or answer.is_stored:
        return row
    return replace(
        row,
        cpu_s=round(used.cpu_s, 3),
        peak_memory_gib=round(used.peak_memory_bytes / 2**30, 3),
        detail=row.detail | {"cpu_s": dict(answer.cpu_s)},
    )


def failed_row(
    request: LabelRequest, found: Found, stage: str, error: RotoscopeError | ChildError
) -> Row:
    """The row of a video that failed, with the command that runs it again."""
    name = found.display_name
    if isinstance(error, RotoscopeError):
        error = ChildError(type(error).__name__, str(error), True, "")
    message = named(error.message, found)
    if not error.is_expected:
        stage, message = _blame(request, stage, error)
    words = ["rotoscope", "retry", request.shown_out, "--only", name]
    words += ["--allow-code"] if request.recipe.has_code else []
    return Row(
        name=name,
        status="failed",
        stage=stage,
        error=error.kind,
        message=message,
        retry=shlex.join(words),
        detail={"traceback": error.traceback} if error.traceback else {},
    )


def duplicate_row(row: Row, first: str) -> Row:
    """The row of a video whose bytes another one, named `first`, holds too."""
    return Row(
        name=row.name,
        status="duplicate",
        sha256=row.sha256,
        message=f"holds the same bytes as {first}; it is labeled once",
        identity=row.identity,
    )


def without_duplicates(rows: Iterable[Row]) -> list[Row]:
    """The rows in order of name; of those with the same bytes only the first keeps episodes.

    Which is the first depends on the names alone, not on which was read first.
    """
    ordered = sorted(rows, key=lambda r: r.name)
    first: dict[str, str] = {}
    for row in ordered:
        if row.sha256 and row.is_first:
            first.setdefault(row.sha256, row.name)
    return [
        row
        if first.get(row.sha256, row.name) == row.name
        else duplicate_row(row, first[row.sha256])
        for row in ordered
    ]


def public_row(row: Row) -> dict[str, Any]:
    """The part of a row that depends on the video and the recipe alone, for the dataset's ledger.

    What a machine adds is left out: paths, hosts, how much time or memory was used when a limit
    ended it, the words of a defect.
    """
    facts = {key: getattr(row, key) for key in PUBLIC_KEYS}
    if row.status != "failed":
        return facts
    kind = getattr(errors, row.error, None)
    is_about_file = isinstance(kind, type) and issubclass(kind, VideoError | MotionError)
    if not is_about_file or _MACHINE_PATH.search(row.message):
        facts["message"] = _sentence(kind)
    if not is_about_file:
        facts["stage"] = ""
    only = row.retry.partition(" --only ")[2]
    return facts | {"retry": f"rotoscope retry DATASET --only {only}" if only else ""}


def named(message: str, found: Found) -> str:
    """The message with the video's displayed name in the place of its path."""
    # Not `Path.resolve`, which raises where a link leads to itself.
    real = Path(os.path.realpath(found.path))
    for path in dict.fromkeys((found.path, found.path.absolute(), real)):
        for text in dict.fromkeys((str(path), display_name(path))):
            message = message.replace(text, found.display_name)
        for text in dict.fromkeys((str(path.parent), display_name(path.parent))):
            if text not in (".", "/"):
                # Only as the beginning of a path: `a` may end other words, such as `media/type`.
                message = re.sub(rf"(?<![\w./-]){re.escape(text)}/", "", message)
    return message


def _sentence(kind: object) -> str:
    if isinstance(kind, type) and issubclass(kind, RotoscopeError) and kind.__doc__:
        return kind.__doc__.partition("\n")[0]
    return "An error that nobody foresaw."


def _blame(request: LabelRequest, stage: str, error: ChildError) -> tuple[str, str]:
    """Stage and message of an error that nobody raised on purpose."""
    what = f"{error.kind}: {error.message}" if error.message else error.kind
    # The stage that was told last comes first: several may be in one file.
    for entry in sorted(request.recipe.stages, key=lambda e: e.name != stage):
        place = _place_in(entry, error.traceback)
        if place is not None:
            file, line, function = place
            return entry.name, (
                f"stage {entry.name!r} raised {what} ({Path(file).name}, line {line}, in "
                f"{function}); the traceback: rotoscope status {shlex.quote(request.shown_out)}; "
                "to debug it: rotoscope label ... --debug"
            )
    kind = getattr(builtins, error.kind, None)
    if isinstance(kind, type) and issubclass(kind, OSError):
        return stage, f"the system refused in {stage!r}: {what}; mend that, then retry"
    return stage, f"unexpected {what} in {stage!r}; this is a defect, please report it"


def _place_in(entry: StageEntry, traceback: str) -> tuple[str, str, str] | None:
    """The last line of a user's own stage that a traceback names: file, line, function."""
    if not entry.source_file:
        return None
    frames = [f for f in _FRAME.findall(traceback) if f[0] == str(entry.source_file)]
    return frames[-1] if frames else None
