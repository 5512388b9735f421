"""What stands in the code: objects by reference, docstrings."""

from __future__ import annotations

import importlib
import inspect
from typing import Any


def load(reference: str) -> Any:
    """The object behind `"module:attr"`."""
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(module), name)


def docstring(thing: object) -> str:
    """Its docstring without indentation, empty where there is none of its own."""
    found = getattr(thing, "__doc__", None)
    return inspect.cleandoc(found) if isinstance(found, str) else ""
