"""What messages quote of data: never at length, for messages end up in ledgers and datasets."""

from __future__ import annotations

from pydantic import ValidationError

SHOWN_CHARACTERS = 80
"""How much of a value is quoted."""


def short(value: object) -> str:
    """A value as a message shows it: on one line, and never at length."""
    return _cut(repr(value))


def reason(error: Exception) -> str:
    """Why a text could not be read, in one line that holds no more of it than a word.

    YAML's own messages show the lines around the place, pydantic's every wrong value.
    """
    if isinstance(error, ValidationError):
        first, *others = error.errors(include_url=False, include_input=False)
        where = ".".join(_cut(str(part)) for part in first["loc"])
        more = f" (and {len(others)} more)" if others else ""
        return f"{where}: {_cut(first['msg'])}{more}" if where else _cut(first["msg"])
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return f"{_cut(str(getattr(error, 'problem', '')))} in line {mark.line + 1}"
    return _cut(" ".join(str(error).split()))


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."
