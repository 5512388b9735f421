"""Markdown that the generated pages are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells may hold Markdown, bars and line breaks in them do no harm."""
    lines = [_line(header), _line(["---"] * len(header)), *(_line(row) for row in rows)]
    return "\n".join(lines) + "\n"


def code(text: object) -> str:
    """A word of code, or nothing where there is none."""
    return f"`{text}`" if str(text) else ""


def sentence(text: str) -> str:
    """A docstring's paragraph on one line."""
    return " ".join(text.split())


def page(title: str, *parts: str) -> str:
    """A page: its title and what stands below, a blank line between."""
    return "\n\n".join([f"# {title}", *(part.strip("\n") for part in parts if part)]) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(text: str) -> str:
    return sentence(text).replace("|", "\\|")
