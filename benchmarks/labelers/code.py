"""What code a cell runs: its modules and what they import, so that only its own edits count.

The hash is of definitions, as a set of syntax trees without docstrings, imports and names of
modules: comments and formatting change nothing, nor does where a definition stands, so that what
was measured stays measured when files move. What is imported counts by what it reaches. `pipeline`
(types, errors, files) is left out: it is shared by all, and its own tests hold it still; imports
inside functions count like those at the top.
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
_MODULE = re.compile(r"\brotoscope(?:\.\w+)+")
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
    return syntax_hash(*map(_file, reached(modules)))


def syntax_hash(*files: Path) -> str:
    """Of what these files define, wherever it stands in them."""
    definitions = {text for file in files for text in _definitions(file)}
    return hashlib.sha256("\0".join(sorted(definitions)).encode()).hexdigest()[:16]


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


def _definitions(path: Path) -> list[str]:
    tree = _Bare().visit(ast.parse(path.read_text()))
    return [_MODULE.sub("", ast.dump(statement)) for statement in tree.body]


class _Bare(ast.NodeTransformer):
    """Leaves out documentation, also below the fields of a dataclass, and imports."""

    def generic_visit(self, node: ast.AST) -> ast.AST | None:
        if isinstance(node, ast.Import | ast.ImportFrom) or _is_string(node):
            return None
        super().generic_visit(node)
        if getattr(node, "body", None) == [] and isinstance(node, ast.stmt):
            if isinstance(node, ast.If) and not node.orelse:  # `if TYPE_CHECKING:`, only imports
                return None
            node.body = [ast.Pass()]
        return node


def _is_string(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
