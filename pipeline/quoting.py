"""What messages quote of data: never at length, for messages end up in ledgers and datasets."""

from __future__ import annotations

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
    problems = found.errors(include_url=False)
    lines = []
    for problem in problems[:SHOWN_PROBLEMS]:
        where = ".".join(cut(str(part)) for part in problem["loc"]) or "all of it"
        has_value = with_values and problem["type"] != "missing"
        value = f", got {shown(problem['input'])}" if has_value else ""
        lines.append(f"{where}: {problem['msg']}{value}")
    more = len(problems) - SHOWN_PROBLEMS
    return "; ".join(lines) + (f"; and {more} more" if more > 0 else "")
