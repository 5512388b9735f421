"""Who imports whom, read from the source of every file; imports inside functions count too."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("pipeline", "models", "retarget", "flows", "rotoscope")
"""Folders of product code."""

Graph = dict[str, set[str]]
"""A name to the names that it imports."""


def product_files(root: Path = ROOT) -> dict[str, Path]:
    """Dotted names of all product modules, without the import root, and their files."""
    found = {}
    for part in PARTS:
        for path in sorted((root / part).rglob("*.py")):
            found[".".join(path.relative_to(root).with_suffix("").parts)] = path
    return {name.removesuffix(".__init__"): path for name, path in found.items()}


def file_graph(files: Mapping[str, Path]) -> Graph:
    """The import arrows between modules."""
    known = set(files)
    return {
        name: {other for other in _imported(tree_of(path), known) if other != name}
        for name, path in files.items()
    }


@cache
def tree_of(path: Path) -> ast.Module:
    """The file, parsed once for all that is asked of it."""
    return ast.parse(path.read_text(encoding="utf-8"))


def room_of(module: str) -> str:
    """The folder, or the single file, of a top folder that a module stands in."""
    return ".".join(module.split(".")[:2])


def room_graph(graph: Graph, part: str) -> Graph:
    """The arrows between rooms of one top folder."""
    inside = [name for name in graph if name.startswith(part + ".")]
    rooms: Graph = {room_of(name): set() for name in inside}
    for name in inside:
        there = {room_of(other) for other in graph[name] if other.startswith(part + ".")}
        rooms[room_of(name)] |= there - {room_of(name)}
    return rooms


def circles(graph: Graph) -> list[list[str]]:
    """Groups of names that reach each other: none where one can stand above what it imports."""
    reached = {name: _reached(graph, name) for name in graph}
    found = {
        tuple(sorted(other for other in reached[name] if name in reached[other]))
        for name in graph
        if name in reached[name]
    }
    return [list(group) for group in sorted(found)]


def _reached(graph: Graph, start: str) -> set[str]:
    found: set[str] = set()
    left = [start]
    while left:
        new = graph.get(left.pop(), set()) - found
        found |= new
        left += new
    return found


def _imported(tree: ast.AST, known: set[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # What is taken from a package may be a module, or a name that stands in the package.
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            found = [name if _plain(name) in known else node.module for name in whole]
        else:
            continue
        yield from (_plain(name) for name in found if _plain(name) in known)


def _plain(name: str) -> str:
    """Without the import root."""
    return name.removeprefix("rotoscope.")
