"""The page about errors, from the classes."""

from __future__ import annotations

from docs.generate.markdown import page, sentence, table
from docs.generate.source import docstring
from rotoscope.pipeline import errors


def make() -> str:
    """The page."""
    base = errors.RotoscopeError
    return page(
        "Errors",
        "Every error that is raised on purpose is a `RotoscopeError` whose message says what was "
        "wrong, the value seen, what is allowed and what to do next. Anything else that escapes is "
        "a defect: please report it. In a run, the error of one video becomes its row in the "
        "ledger and the others go on; an error of the whole command ends it with exit code 1, "
        "wrong use (`UsageError` and what is below it) with 2.",
        table(("error", "is a", "when"), _rows(base)),
        "This page is made from the code.",
    )


def _rows(owner: type[BaseException]) -> list[tuple[str, str, str]]:
    parent = owner.__bases__[0].__name__
    rows = [(f"`{owner.__name__}`", f"`{parent}`", sentence(docstring(owner)))]
    for child in owner.__subclasses__():
        if child.__module__ == errors.__name__:
            rows += _rows(child)
    return rows
