"""The page about the Python API: every public name, its docstring and signature from the code."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import rotoscope
from docs.generate.markdown import page

ALSO = (
    "rotoscope.pipeline.stage",
    "rotoscope.pipeline.types",
    "rotoscope.pipeline.tracks",
    "rotoscope.pipeline.contract",
    "rotoscope.pipeline.converters",
    "rotoscope.pipeline.recipe",
    "rotoscope.pipeline.datasets.read",
)
"""Modules whose public names are shown where the package itself names none."""


def public_names() -> list[str]:
    """Full dotted paths of what is public, in the order in which the package names it."""
    names = list(getattr(rotoscope, "__all__", ()))
    if not names:
        return list(ALSO)
    return [_path(name, getattr(rotoscope, name)) for name in names]


def make() -> str:
    """The page."""
    return page(
        "Python API",
        "`import rotoscope` loads next to nothing; a name is looked up when it is first used. "
        "What stands here is [public](../stability.md), all else may move.",
        *_entries(),
    )


def _entries() -> Iterator[str]:
    for path in public_names():
        yield f"::: {path}"


def _path(name: str, thing: Any) -> str:
    """Where it is defined, so that its source is found; constants are taken as handed on."""
    if inspect.isclass(thing) or inspect.isfunction(thing):
        return f"{thing.__module__}.{thing.__qualname__}"
    if inspect.ismodule(thing):
        return thing.__name__
    return f"rotoscope.{name}"
