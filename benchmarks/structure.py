"""How the code hangs together: circles, arrows between rooms, names that an installation adds.

A room is a folder, or a single file, directly below one of the top folders; an arrow means that
some file of one room imports some file of the other, inside functions too. Counted on the source.
"""

from __future__ import annotations

from benchmarks._import_graph import (
    PARTS,
    circles,
    file_graph,
    product_files,
    room_graph,
)
from benchmarks.figure import Bar, Figure

ARROWS = {"models": 25.0, "retarget": 40.0}
"""How many arrows between rooms a folder may have."""


def run() -> list[Figure]:
    """Counts."""
    files = product_files()
    graph = file_graph(files)
    figures = [Figure("structure.circles.files", len(circles(graph)), "1", Bar("<=", 0))]
    for part in PARTS:
        rooms = room_graph(graph, part)
        num = sum(map(len, rooms.values()))
        figures += [
            Figure(f"structure.rooms.{part}", len(rooms), "1"),
            Figure(f"structure.circles.{part}", len(circles(rooms)), "1", Bar("<=", 0)),
            Figure(
                f"structure.arrows.{part}",
                num,
                "1",
                Bar("<=", ARROWS[part]) if part in ARROWS else None,
            ),
        ]
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files.values())
    figures.append(Figure("structure.lines", lines, "lines"))
    return figures
