"""What stands in the code: objects by reference, docstrings of fields, units."""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import re
import textwrap
from functools import cache
from typing import Any

UNITS = {
    "_s": "s",
    "_m": "m",
    "_mm": "mm",
    "_cm": "cm",
    "_px": "px",
    "_rad": "rad",
    "_deg": "deg",
    "_hz": "Hz",
    "_m_s": "m/s",
    "_rad_s": "rad/s",
    "_gib": "GiB",
    "fps": "Hz",
}
"""Unit of a setting by the end of its name, where its docstring states none."""


def load(reference: str) -> Any:
    """The object behind `"module:attr"`."""
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(module), name)


def docstring(thing: object) -> str:
    """Its docstring without indentation, empty where there is none of its own."""
    found = getattr(thing, "__doc__", None)
    return inspect.cleandoc(found) if isinstance(found, str) else ""


@cache
def field_docs(owner: type) -> dict[str, str]:
    """Docstrings below the fields of a class, those of its bases included."""
    docs: dict[str, str] = {}
    for base in reversed(owner.__mro__):
        if base.__module__.partition(".")[0] not in ("builtins", "pydantic"):
            docs |= _own_field_docs(base)
    return docs


def unit_of(name: str, text: str) -> str:
    """The unit of a setting: in brackets in its docstring, or the end of its name."""
    stated = re.search(r"(?:^| )\[([^\]\[=`,]{1,30})\]", text)
    if stated:
        return stated[1]
    ends = (end for end in sorted(UNITS, key=len, reverse=True) if name.endswith(end))
    return next((UNITS[end] for end in ends), "")


def _own_field_docs(owner: type) -> dict[str, str]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(owner)))
    except (OSError, TypeError):  # made at run time, so that there is no source
        return {}
    found: dict[str, str] = {}
    body = next((node.body for node in tree.body if isinstance(node, ast.ClassDef)), [])
    for node, after in itertools.pairwise(body):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            text = _text_of(after)
            if text:
                found[node.target.id] = inspect.cleandoc(text)
    return found


def _text_of(node: ast.stmt) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return node.value.value if isinstance(node.value.value, str) else ""
    return ""
