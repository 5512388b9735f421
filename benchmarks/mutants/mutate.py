"""Every mutant of a module that could change what it computes."""

from __future__ import annotations

import ast
import itertools
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

from benchmarks.mutants.operators import operators

_COMPUTES_NOTHING = frozenset({"strict", "check_finite", "overwrite_a", "overwrite_b"})
"""Keywords that ask for a check or save memory; with sound inputs they change no number."""


@dataclass(frozen=True)
class Mutant:
    """One change of one module."""

    operator: str
    """Name of the operator that made it."""
    line: int
    """Where, from 1."""
    source: str
    """The whole module after the change."""

    def description(self, original: str) -> str:
        """One line for a person: where, what stood there and what stands there now."""
        before, after = original.splitlines(), self.source.splitlines()
        pairs = zip(before, after, strict=False)
        changed = next(i for i, (old, new) in enumerate(pairs) if old != new)
        return f"{changed + 1}: {before[changed].strip()}  ->  {after[changed].strip()}"


def sampled(source: str, size: int, seed: int) -> tuple[list[Mutant], int]:
    """Up to `size` mutants, in order of line, and how many places there are to choose from."""
    places = list(_places(source))
    random.Random(seed).shuffle(places)
    found = itertools.islice(_made(source, places), size)
    return sorted(found, key=lambda mutant: mutant.line), len(places)


def mutants(source: str) -> list[Mutant]:
    """All of them."""
    return list(_made(source, _places(source)))


def _places(source: str) -> Iterator[tuple[str, int, int]]:
    """Operator, occurrence and line of every change that could matter."""
    nodes = list(ast_nodes(get_ast(source)))
    # A bare `*` or `/` among parameters is no product.
    signs = [n for n in nodes if n.parent is not None and n.parent.type == "parameters"]
    excluded = [*_excluded(ast.parse(source)), *((n.start_pos, n.end_pos) for n in signs)]
    lines = source.splitlines()
    for name, operator in operators().items():
        spans = (span for node in nodes for span in operator.mutation_positions(node))
        for occurrence, ((line, column), _) in enumerate(spans):
            place = (line, len(lines[line - 1][:column].encode()))
            if not any(start <= place < end for start, end in excluded):
                yield name, occurrence, line


def _made(source: str, places: Iterable[tuple[str, int, int]]) -> Iterator[Mutant]:
    """The mutants at these places; what does not compile, or reads the same, is left out."""
    known, unchanged = operators(), ast.dump(ast.parse(source))
    for name, occurrence, line in places:
        changed = mutate_code(source, known[name], occurrence)
        if _compiles(changed) and ast.dump(ast.parse(changed)) != unchanged:
            yield Mutant(name, line, changed)


def _excluded(tree: ast.Module) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Spans whose change no test should see: types, decorators, messages, checks of lengths."""
    for node in ast.walk(tree):
        parts: list[ast.AST | None] = []
        if isinstance(node, ast.FunctionDef):
            parts = [node.returns, *node.decorator_list]
        elif isinstance(node, ast.ClassDef):
            parts = [*node.decorator_list]
        elif isinstance(node, ast.arg | ast.AnnAssign):
            parts = [node.annotation]
        elif isinstance(node, ast.Raise):
            parts = [node.exc]
        elif isinstance(node, ast.JoinedStr) or (
            isinstance(node, ast.keyword) and node.arg in _COMPUTES_NOTHING
        ):
            parts = [node]
        for part in parts:
            if isinstance(part, ast.expr | ast.keyword):
                yield (
                    (part.lineno, part.col_offset),
                    (part.end_lineno or 0, part.end_col_offset or 0),
                )


def _compiles(source: str) -> bool:
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True
