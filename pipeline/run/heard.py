"""Warnings that stages raise inside a child, gathered so that whoever started the run sees them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_FOR_PROGRAMMERS = (
    DeprecationWarning,
    PendingDeprecationWarning,
    FutureWarning,
    ImportWarning,
    ResourceWarning,
)
"""Said to those who write a stage, not to those who run it."""
_LONGEST = 400
"""Characters of one that are kept."""


@contextmanager
def heard() -> Iterator[list[str]]:
    """Gathers what is warned of inside, each sentence once, in the order in which it is said."""
    said: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        # Each of them, whoever raised the same before in this process.
        warnings.simplefilter("always")
        for kind in _FOR_PROGRAMMERS:
            warnings.simplefilter("ignore", kind)
        try:
            yield said
        finally:
            said += list(dict.fromkeys(" ".join(str(w.message).split())[:_LONGEST] for w in caught))
