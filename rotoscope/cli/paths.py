"""Paths as they are typed: never empty, and where it matters of something that has a name."""

from __future__ import annotations

import os
from pathlib import Path

import typer


def given_path(text: str | Path) -> Path:
    """The path as it is, unless it is empty, as where a shell's variable was not set."""
    if not str(text).strip():
        raise typer.BadParameter("it is empty; name a file or folder")
    return Path(text)


def named_path(text: str | Path) -> Path:
    """The path of a file or folder with a name: what lies beside it is called after it.

    `.` and `..` are written out; nothing else is changed.
    """
    path = given_path(text)
    if path.name in ("", ".."):
        path = Path(os.path.abspath(path))
    if not path.name:
        raise typer.BadParameter(f"{str(text)!r} is the root of the disk; name a folder below it")
    return path
