"""Rows that several writers give to one ledger: each has a file of its own until it is collected.

A ledger has one writer, the run. What works elsewhere, perhaps on another machine, writes each row
into a file beside it as soon as the video is done, so that no row is lost with the one who waits.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

from rotoscope.pipeline.run.ledger import Ledger, Row, rows_in

FOLDER = "rows"


class Parts:
    """Files of rows in a folder beside the ledger."""

    def __init__(self, work: Path) -> None:
        self.folder = work / FOLDER
        self._read: dict[Path, int] = {}

    def writer(self, shard: str) -> Ledger:
        """A file that nobody else writes to, for rows of a shard."""
        return Ledger(self.folder / f"{shard}-{uuid.uuid4().hex}.jsonl")

    def rows_of(self, shard: str) -> list[Row]:
        """What was written of a shard, by whomever."""
        return [row for path in self._files(f"{shard}-") for row in rows_in(path.read_bytes())]

    def new(self) -> Iterator[Row]:
        """Rows that were written since this was asked last; half a line is left for later."""
        for path in self._files():
            done = self._read.get(path, 0)
            with path.open("rb") as file:
                file.seek(done)
                lines = file.read()
            whole = lines[: lines.rfind(b"\n") + 1]
            self._read[path] = done + len(whole)
            yield from rows_in(whole)

    def remove(self, shard: str) -> None:
        """Forgets a shard, whose rows are on record."""
        self._remove(self._files(f"{shard}-"))

    def collect(self, ledger: Ledger) -> None:
        """Puts on record what an earlier run was told and could not put there itself."""
        for row in self.new():
            ledger.append(row)
        self._remove(self._files())
        self.tidy()

    def tidy(self) -> None:
        """Removes the folder where nothing is in it."""
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def _remove(self, paths: list[Path]) -> None:
        for path in paths:
            self._read.pop(path, None)
            path.unlink(missing_ok=True)

    def _files(self, prefix: str = "") -> list[Path]:
        if not self.folder.is_dir():
            return []
        return sorted(self.folder.glob(f"{prefix}*.jsonl"))
