"""How a path is shown, and what lies there, in words."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def display_name(name: str | os.PathLike[str]) -> str:
    r"""A file name that any terminal, JSON file or web page can hold.

    Bytes that are not UTF-8 become `\xff`, a backslash two of them, line breaks and other
    characters that do not print `\n` or `\u200b`: a name is always one line, and two names that
    differ are shown differently.
    """
    text = os.fsencode(name).decode("utf-8", "surrogateescape")
    return "".join(c if c.isprintable() and c != "\\" else _escaped(c) for c in text)


def slug(text: str) -> str:
    """A name for a dataset on a hub, after what made it: letters, digits, `-`, `_` and `.`."""
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in text) or "dataset"


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # how Python holds a byte that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    short = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return short.get(character, f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}")


def what_is(path: Path) -> str:
    """What a path that is no regular file is, in words."""
    mode = os.stat(path).st_mode
    kinds = {
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a named pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "something special")
