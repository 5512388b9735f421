"""The page about the command line, from the commands themselves."""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import typer

from docs.generate.markdown import code, page, sentence, table
from docs.generate.source import load

APP = "rotoscope.cli.main:app"
"""The application; the one place that says where it is."""


@functools.cache
def root_command() -> Any:
    """The command line as click sees it; made once, for it reads every command's annotations."""
    return typer.main.get_command(load(APP))


def commands(command: Any, name: str = "rotoscope") -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its full name."""
    inner = getattr(command, "commands", None)
    if not inner:
        yield name, command
        return
    for key, child in inner.items():
        yield from commands(child, f"{name} {key}")


def make() -> str:
    """The page."""
    root = root_command()
    found = list(commands(root))
    index = table(
        ("command", "what it does"),
        [(f"[`{name}`](#{_anchor(name)})", _first(c.help)) for name, c in found],
    )
    return page(
        "Command line",
        _paragraphs(root.help),
        index,
        *(_section(name, command) for name, command in found),
    )


def _section(name: str, command: Any) -> str:
    visible = [p for p in command.params if not getattr(p, "hidden", False)]
    rows = [_row(parameter) for parameter in visible if parameter.name != "help"]
    usage = " ".join([name, *(_usage(p) for p in visible if p.name != "help")])
    parts = [f"## {name} {{ #{_anchor(name)} }}", _paragraphs(command.help)]
    parts.append(f"```text\n{usage}\n```")
    if rows:
        parts.append(table(("argument or option", "default", "what it is"), rows))
    return "\n\n".join(parts)


def _usage(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        shown = _metavar(parameter) + ("..." if parameter.nargs == -1 else "")
        return shown if parameter.required else f"[{shown}]"
    is_flag = getattr(parameter, "is_flag", False)
    word = parameter.opts[0] if is_flag else f"{parameter.opts[0]} {_metavar(parameter)}"
    return word if parameter.required else f"[{word}]"


def _row(parameter: Any) -> tuple[str, str, str]:
    if parameter.param_type_name == "argument":
        name = code(_metavar(parameter))
    else:
        value = "" if getattr(parameter, "is_flag", False) else f" {_metavar(parameter)}"
        name = ", ".join(code(option + value) for option in parameter.opts)
    text = sentence(getattr(parameter, "help", None) or "")
    if getattr(parameter, "multiple", False):
        text += " May be repeated."
    return name, _default(parameter), text


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    value = parameter.default
    return "" if value in (None, "") or isinstance(value, bool) else code(value)


def _metavar(parameter: Any) -> str:
    if parameter.metavar:
        return str(parameter.metavar)
    if parameter.param_type_name == "argument":
        return str(parameter.name).upper()
    annotation = parameter.type_descriptor.annotation
    while get_origin(annotation) in (list, Union, types.UnionType):
        annotation = next(a for a in get_args(annotation) if a is not type(None))
    if get_origin(annotation) is Literal:
        return "|".join(get_args(annotation))
    return {int: "N", float: "X", Path: "PATH"}.get(annotation, "TEXT")


def _paragraphs(text: str | None) -> str:
    return "\n\n".join(sentence(part) for part in (text or "").split("\n\n"))


def _first(text: str | None) -> str:
    return sentence((text or "").partition("\n\n")[0])


def _anchor(name: str) -> str:
    return name.replace(" ", "-")
