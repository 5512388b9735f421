"""What every setting of a model means: its unit, its range and its docstring, read off the code."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
import textwrap
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

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
    "frames": "frames",
    "_frame": "frames",
}
"""Unit of a setting by the end of its name, where its docstring states none."""
WORDS = {
    "palm lengths": r"palm lengths",
    "statures": r"statures?",
    "body weights": r"body weights",
    "nats": r"nats",
    "sigma": r"sigmas?\b|standard deviations",
    "gray levels": r"levels? of 255|gray levels|brightness",
    "1": r"shares?\b|0\.\.1|probability|score|visib\w+|confidence|sure|multi\w+|times|weight|"
    r"over human|without unit|0\.\.255|crf|quality",
}
"""Unit of a number by what its docstring says, where neither brackets nor its name state one."""
BOUNDS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<", "multiple_of": "multiple of"}


@dataclass(frozen=True)
class Setting:
    """One setting of a model."""

    key: str
    """Its name; those of a section within the model stand as `section.key`."""
    field: FieldInfo
    """What pydantic knows of it."""
    unit: str
    """Unit of its numbers, `1` where they have none; empty for what is no number, or where nobody
    said."""
    range: str
    """Where its numbers may lie, such as `>= 0, <= 1`; empty where nothing holds them."""
    text: str
    """Its docstring."""

    @property
    def is_number(self) -> bool:
        """Whether it is a single number, or nothing."""
        kinds = [k for k in _alternatives(self.field.annotation) if k is not type(None)]
        return bool(kinds) and all(k in (int, float) for k in kinds)

    @property
    def lacking(self) -> tuple[str, ...]:
        """What nobody said of it and should: `meaning`, `unit`, `range`."""
        parts = {"meaning": self.text}
        if self.is_number:
            parts |= {"unit": self.unit, "range": self.range}
        return tuple(name for name, said in parts.items() if not said)


def settings_of_model(model: type[BaseModel], before: str = "") -> Iterator[Setting]:
    """All settings of a model, those of its sections included, in order."""
    docs = field_docs(model)
    for name, field in model.model_fields.items():
        section, inside = section_of(field.annotation, name)
        if section is not None:
            yield from settings_of_model(section, f"{before}{inside}.")
        else:
            text = docs.get(name, "")
            unit = unit_of(name, text, is_number=_holds_numbers(field.annotation))
            yield Setting(before + name, field, unit, range_text(field), text)


def section_of(annotation: Any, name: str) -> tuple[type[BaseModel] | None, str]:
    """The model of a section and what leads to its keys; `None` for a plain value."""
    if get_origin(annotation) is dict:
        annotation, name = get_args(annotation)[1], f"{name}.<name>"
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return (annotation if is_model else None), name


def type_text(annotation: Any, choice: Callable[[object], str] = str) -> str:
    """The kind of value in words: `whole number`, `text`; `choice` writes each of a few values."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ", ".join(choice(value) for value in arguments)
    if origin in (Union, types.UnionType):
        names = [type_text(a, choice) for a in arguments if a is not type(None)]
        return " or ".join(names) + (" or nothing" if type(None) in arguments else "")
    if origin is tuple:
        inner = [type_text(a, choice) for a in arguments if a is not Ellipsis]
        return "list of " + ", ".join(dict.fromkeys(inner))
    if origin is dict:
        return f"{type_text(arguments[1], choice)} by name"
    if annotation is str:
        return "text"
    plain = {int: "whole number", float: "number", bool: "true or false", Path: "path"}
    return plain.get(annotation) or str(getattr(annotation, "__name__", annotation))


def range_text(field: FieldInfo) -> str:
    """Where a field's numbers may lie, such as `>= 0, <= 1`; empty where nothing holds them."""
    rules = list(field.metadata)
    for part in get_args(field.annotation):  # bounds of `Annotated[float, ...] | None`
        rules += getattr(part, "__metadata__", ())
    rules += [inner for rule in rules for inner in getattr(rule, "metadata", ())]
    return ", ".join(
        f"{sign} {value:g}" if isinstance(value, int | float) else f"{sign} {value}"
        for rule in rules
        for key, sign in BOUNDS.items()
        if (value := getattr(rule, key, None)) is not None
    )


def unit_of(name: str, text: str, *, is_number: bool = False) -> str:
    """The unit of a setting: in brackets in its docstring, the end of its name, or in words."""
    stated = re.search(r"(?:^| )\[([^\]\[=`,]{1,30})\]", text)
    if stated:
        return stated[1]
    for end in sorted(UNITS, key=len, reverse=True):
        if name.endswith(end):
            return UNITS[end]
    if not is_number:
        return ""
    if name.startswith(("num_", "max_iter")) or name in ("seed",):
        return "1"
    return next((u for u, words in WORDS.items() if re.search(words, text.lower())), "")


@cache
def field_docs(owner: type) -> dict[str, str]:
    """Docstrings below the fields of a class, those of its bases included."""
    docs: dict[str, str] = {}
    for base in reversed(owner.__mro__):
        if base.__module__.partition(".")[0] not in ("builtins", "pydantic"):
            docs |= _own_field_docs(base)
    return docs


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


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    """The kinds of value of an annotation, what is annotated on them aside."""
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(kind for part in get_args(annotation) for kind in _alternatives(part))
    if hasattr(annotation, "__metadata__"):
        return _alternatives(annotation.__origin__)
    return (annotation,)


def _holds_numbers(annotation: Any) -> bool:
    parts = [annotation]
    while parts:
        part = parts.pop()
        if part in (int, float):
            return True
        parts += get_args(part) if get_origin(part) is not Literal else ()
    return False
