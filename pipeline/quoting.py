"""What messages quote of data: never at length, for messages end up in ledgers and datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

SHOWN_CHARACTERS = 80
"""How much of a value is quoted."""
SHOWN_PROBLEMS = 4
"""How many faults of one file a message spells out."""


def shown(value: object) -> str:
    """A value as a message shows it, on one line: whole where it is short, else its start."""
    try:
        return cut(repr(value))
    except (ValueError, RecursionError):  # digits without end, or a value that holds itself
        return f"a {type(value).__name__}"


def cut(text: str) -> str:
    """A text as a message holds it: the start, where it is long."""
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."


def problems_of(found: ValidationError, *, with_values: bool = True) -> str:
    """What pydantic found wrong, in one line.

    Args:
        found: The error.
        with_values: Whether the wrong values are quoted; not where they may be anybody's.
    """
    lines = []
    for problem in found.errors(include_url=False):
        where = key_of(problem) or "all of it"
        has_value = with_values and problem["type"] != "missing"
        value = f", got {shown(problem['input'])}" if has_value else ""
        lines.append(f"{where}: {problem['msg']}{value}")
    return several(lines)


def key_of(problem: Mapping[str, Any]) -> str:
    """Which value one of pydantic's problems is about, such as `loop.seed`."""
    return ".".join(cut(str(part)) for part in problem["loc"])


def several(sentences: Sequence[str]) -> str:
    """Some sentences in one, at most `SHOWN_PROBLEMS` of them spelt out."""
    more = len(sentences) - SHOWN_PROBLEMS
    return "; ".join(sentences[:SHOWN_PROBLEMS]) + (f"; and {more} more" if more > 0 else "")
