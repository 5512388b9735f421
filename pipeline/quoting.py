"""What messages quote of data: never at length, for messages end up in ledgers and datasets."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import ValidationError

SHOWN_CHARACTERS = 80
"""How much of a value is quoted."""
SHOWN_PROBLEMS = 4
"""How many faults of one file a message spells out."""
_SECRET_NAMES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID", "HF_TOKEN")
"""Variables of the environment whose values are nobody else's business."""
_LEAST_SECRET = 8
"""Characters from which on a value is taken for a secret: shorter ones are part of other words."""
_IN_URL = re.compile(r"(?<=://)[^/\s@]+@")
_IN_QUERY = re.compile(
    r"(?i)([?&](?:[\w-]*(?:signature|credential|token|secret|password|key|keyid)))=[^&\s\"'<>]+"
)
_ACCESS_KEY = re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{12,}\b")
_HUB_TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{16,}\b")
_HIDDEN = "***"


def shown(value: object) -> str:
    """A value as a message shows it, on one line: whole where it is short, else its start."""
    try:
        return cut(repr(value))
    except (ValueError, RecursionError):  # digits without end, or a value that holds itself
        return f"a {type(value).__name__}"


def cut(text: str) -> str:
    """A text as a message holds it: the start, where it is long."""
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."


def redacted(text: str) -> str:
    """A text in which no password, key or token is left: those of URLs, and this process's own."""
    text = _IN_URL.sub(f"{_HIDDEN}@", text)
    text = _IN_QUERY.sub(rf"\1={_HIDDEN}", text)
    text = _HUB_TOKEN.sub(_HIDDEN, _ACCESS_KEY.sub(_HIDDEN, text))
    for name in _SECRET_NAMES:
        value = os.environ.get(name, "")
        if len(value) >= _LEAST_SECRET:
            text = text.replace(value, _HIDDEN)
    return text


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
