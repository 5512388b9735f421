"""The one console of the project: what is printed is never interpreted, cut or a reason to stop.

Names of files, messages of errors and values of settings are data: `[b]`, `:smile:` and escape
sequences in them stand on the screen as they stand there. Nothing else in `rotoscope.cli`
makes a console or a table.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleDimensions
from rich.table import Table
from rich.text import Text

UNBOUNDED = 1_000_000
"""Columns of what is no terminal: nobody's eyes limit a line there, so nothing is cut."""


class Terminal(Console):
    """A console that takes every text literally; control characters are shown escaped."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, soft_wrap=True, markup=False, emoji=False, highlight=False)

    def render_str(self, text: str, **options: Any) -> Text:
        """The text as it is; every string that is printed, cells of tables too, comes by here."""
        return super().render_str(printable(text), **options)

    @property
    def size(self) -> ConsoleDimensions:
        """That of the terminal; without bound where there is none."""
        found = super().size
        return found if self.is_terminal else ConsoleDimensions(UNBOUNDED, found.height)

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        self._width, self._height = new_size

    def say(self, text: object, style: str | None = None) -> None:
        """Prints a line."""
        self.print(str(text), style=style)

    def table(self, headers: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
        """Prints rows under headers."""
        found = Table(*headers, box=None)
        for row in rows:
            found.add_row(*map(str, row))
        self.print(found)


def printable(text: str) -> str:
    r"""A text whose control characters, escape sequences included, are written out (`\x1b`)."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text
    )


console = Terminal()
"""Where commands print."""
complaints = Terminal(stderr=True)
"""Where they say what was wrong."""
