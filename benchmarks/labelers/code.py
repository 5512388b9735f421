"""What code a cell runs: its modules and what they import, so that only its own edits count.

The hash is of syntax trees without docstrings: comments, names of arguments' documentation and
formatting change nothing. `pipeline` (types, errors, files) is left out: it is shared by all, and
its own tests hold it still; imports inside functions count like those at the top. Names count
as they were before the packages stood below `rotoscope`, so that what was measured stays measured.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_COUNTED = ("benchmarks", "models")
_IMPORT_ROOT = re.compile(r"\brotoscope\.(?=(?:pipeline|models|retarget|flows)\b)")
_NOT_MEASURING = {
    f"benchmarks.labelers.{name}"
    for name in (
        "cells",
        "code",
        "families",
        "groups",
        "pool",
        "table",
        "render",
        "plots",
        "sections",
    )
}
"""They arrange cells and show rows, and change no figure."""


@cache
def code_hash(modules: tuple[str, ...]) -> str:
    """Of all counted code that `modules` reach, as it was when first asked in this process.

    Raises:
        ValueError: A module that is not there.
    """
    digest = hashlib.sha256()
    for name in sorted(reached(modules)):
        digest.update(name.encode() + b"\0" + _syntax(_file(name)).encode())
    return digest.hexdigest()[:16]


def reached(modules: Iterable[str]) -> set[str]:
    """Counted modules that these import, directly or not, and themselves.

    Returns:
        Dotted names, as their files lie in the repository.
    """
    found: set[str] = set()
    left = [_without_root(name) for name in modules]
    for name in left:
        if not _file(name).is_file():
            raise ValueError(f"there is no module {name} at {_file(name)}")
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += [other for other in _imports(name) if other not in _NOT_MEASURING]
    return found


@cache
def _imports(name: str) -> tuple[str, ...]:
    """Counted modules that a module names in its import statements."""
    found = []
    for node in ast.walk(_tree(_file(name))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found += [f"{node.module}.{alias.name}" for alias in node.names] + [node.module]
    counted = [n for n in map(_without_root, found) if n.split(".")[0] in _COUNTED]
    return tuple(n for n in counted if _file(n).is_file())


def _without_root(text: str) -> str:
    return _IMPORT_ROOT.sub("", text)


def _file(name: str) -> Path:
    path = _ROOT.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _syntax(path: Path) -> str:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            # Documentation, also below the fields of a dataclass: a string that nothing takes.
            kept = [part for part in node.body if not _is_string(part)]
            node.body = kept or [ast.Pass()]
    return _without_root(ast.dump(tree))


def _is_string(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
