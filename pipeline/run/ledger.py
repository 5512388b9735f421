"""The ledger: one row per video, appended as it happens, so that a kill loses nothing."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from rotoscope.pipeline.files.atomic import disk_errors
from rotoscope.pipeline.files.identity import Identity

Status = Literal["done", "empty", "duplicate", "failed"]


@dataclass(frozen=True)
class Row:
    """What became of one video."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False
    )

    name: str
    """Path relative to the input folder, printable."""
    status: Status
    """`done`: gave episodes. `empty`: read well, nothing to keep. `duplicate`: the same bytes as
    another video. `failed`: an error, can be tried again."""
    sha256: str = ""
    """Hash of the file's bytes; empty where it could not be read."""
    stage: str = ""
    """Stage that failed."""
    error: str = ""
    """Class of the error."""
    message: str = ""
    """What was wrong and what to do, or why nothing was kept."""
    frames: int = 0
    """Frames in the video."""
    episodes: tuple[str, ...] = ()
    """Store keys of the episodes it gave."""
    retry: str = ""
    """Command that runs it again."""
    cpu_s: float = 0.0
    """CPU time of this attempt [s]; 0 where everything was stored already."""
    peak_memory_gib: float = 0.0
    """Highest resident memory of the child [GiB]."""
    detail: dict[str, Any] = field(default_factory=dict)
    """CPU seconds by stage, frames by the stage that took them (`dropped`), a traceback for
    unexpected errors."""
    identity: Identity | None = None
    """Hash and state of the bytes it is about: while the state is the same they need no reading."""

    @property
    def is_first(self) -> bool:
        """Whether it was read well, and its bytes not before under another name."""
        return self.status in ("done", "empty")


class Ledger:
    """Rows in a JSON-lines file; the last row of a name counts."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, row: Row) -> None:
        """Adds a row and waits until it is on disk."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps(asdict(row), sort_keys=True) + "\n"
        with disk_errors(self.path), self.path.open("ab+") as file:
            # A kill can tear the last line: never append to half a row.
            if file.tell() and not _ends_with_newline(file):
                line = "\n" + line
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())

    def rows(self) -> list[Row]:
        """The last row of every video, in order of name; torn lines are skipped."""
        if not self.path.is_file():
            return []
        latest = {row.name: row for row in rows_in(self.path.read_bytes())}
        return [latest[name] for name in sorted(latest)]


def rows_in(lines: bytes) -> list[Row]:
    """The rows of lines of JSON, in their order; torn lines are skipped."""
    return [row for line in lines.splitlines() if (row := _row_of(line)) is not None]


def _row_of(line: bytes) -> Row | None:
    """The row that a line holds; `None` where it is torn, or no row at all."""
    try:
        row: Row = _adapter().validate_json(line)
    except ValidationError:
        return None
    return row


@cache
def _adapter() -> Any:
    return TypeAdapter(Row)


def _ends_with_newline(file: Any) -> bool:
    file.seek(-1, os.SEEK_END)
    return bool(file.read(1) == b"\n")
