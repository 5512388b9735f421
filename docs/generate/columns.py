"""The page about a dataset's columns, from the calls that make them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import rotoscope.models
import rotoscope.pipeline
import rotoscope.retarget
from docs.generate.markdown import code, page, table
from rotoscope.pipeline.datasets.facts import TEXTS
from rotoscope.pipeline.export.schema import LABELS
from rotoscope.pipeline.tracks import REASONS

PARTS = (rotoscope.pipeline, rotoscope.models, rotoscope.retarget)
FIELDS = {
    "Feature": ("values", "names", "unit", "description"),
    "FeatureTrack": ("feature", "subject", "values", "names", "unit", "description"),
}
"""Arguments, in order, of what makes a column."""

ALWAYS = (
    (
        "observation.images.<camera>",
        "height, width, 3",
        "8 bit RGB",
        "The video on the dataset's clock, H.264; bars where the shape differs, never stretched. "
        "Absent for motion files.",
    ),
    (
        "observation.state",
        "n",
        "of the contract",
        "The robot's absolute state at the row's time, or what `export.state` names. Absent where "
        "a labeler gives commands or steps.",
    ),
    (
        "action",
        "n",
        "of the contract",
        "The state one shift later (`export.shift_frames`, one row by default); the tail that has "
        "none is dropped, never repeated. Commands, steps and latents stand at their own row.",
    ),
)


@dataclass(frozen=True)
class Column:
    """A column that some part of the code adds."""

    name: str
    """Full name; `<...>` stands for what is known only at run time."""
    unit: str
    """Unit of its numbers."""
    description: str
    """What it is."""


def make() -> str:
    """The page."""
    labels = [(code(n), "1", f.unit, f.description) for n, f in LABELS.items()]
    labels += [(code(name), "1", "text", text) for name, text in TEXTS.items()]
    always = [(code(name), *rest) for name, *rest in ALWAYS]
    # What is in angle brackets is known at run time only; it is no HTML.
    rows = [(code(c.name), c.unit, c.description.replace("<", "&lt;")) for c in columns()]
    return page(
        "Dataset columns",
        "What each column means for a reader is on [the page about datasets]"
        "(../how_to/read_a_dataset.md); a dataset says the same of itself in "
        "`meta/rotoscope/features.json`. LeRobot takes every column that begins with `action` for "
        "a policy's output and every `observation.` for its input; all else is `label.*`, "
        "`track.*` or `next.*`.",
        "## Always there",
        table(("column", "shape", "unit", "what it is"), [*always, *labels]),
        "LeRobot's own `timestamp`, `frame_index`, `episode_index`, `index` and `task_index` stand "
        "beside them.",
        "## Where a stage gives it",
        table(("column", "unit", "what it is"), rows),
        "## Reasons",
        "`label.reason` holds one of these; `rotoscope.pipeline.tracks.REASONS` has their names.",
        table(("value", "reason"), [(str(i), code(name)) for i, name in enumerate(REASONS)]),
        "This page is made from the code.",
    )


def columns() -> list[Column]:
    """Every column that the code makes, sorted by name."""
    found: dict[str, Column] = {}
    for part in PARTS:
        folder = Path(str(part.__file__)).parent
        for path in sorted(folder.rglob("*.py")):
            for column in _columns_of(ast.parse(path.read_text())):
                found.setdefault(column.name, column)
    return sorted(found.values(), key=lambda column: column.name)


def _columns_of(tree: ast.Module) -> Iterator[Column]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                yield from _made(key, value)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            yield from _made(node.targets[0].slice, node.value)
        elif _is_call(node, "FeatureTrack"):
            yield from _made(None, node)


def _made(key: ast.expr | None, value: ast.AST) -> Iterator[Column]:
    """The column that an entry of a mapping, or a call alone, makes."""
    if _is_call(value, "Feature"):
        arguments, name = _arguments(value, "Feature"), _text(key)
    elif key is None and _is_call(value, "FeatureTrack"):
        arguments = _arguments(value, "FeatureTrack")
        name = _text(arguments.get("feature"))
    elif _is_tuple_of_facts(value):
        assert isinstance(value, ast.Tuple)
        arguments = dict(zip(FIELDS["Feature"], value.elts, strict=True))
        name = f"label.{_text(key)}"
    else:
        return
    description = _text(arguments.get("description"))
    if name.startswith(("label.", "track.", "next.")) and description:
        yield Column(name, _text(arguments.get("unit")) or "its own", description)


def _is_tuple_of_facts(node: ast.AST) -> bool:
    """Values, names, unit, description: how a stage keeps columns that it makes in one loop."""
    if not (isinstance(node, ast.Tuple) and len(node.elts) == 4):
        return False
    values, _, unit, description = node.elts
    return not _text(values) and bool(_text(unit) and _text(description))


def _is_call(node: ast.AST | None, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def _arguments(call: ast.AST, name: str) -> dict[str, ast.expr]:
    assert isinstance(call, ast.Call)
    by_place = dict(zip(FIELDS[name], call.args, strict=False))
    return by_place | {k.arg: k.value for k in call.keywords if k.arg}


def _text(node: ast.expr | None) -> str:
    """A text as it stands in the code; what is filled in at run time as `<name>`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        names = [n.attr for n in ast.walk(node.value) if isinstance(n, ast.Attribute)]
        names = [n for n in names if n != "removeprefix"] or [ast.unparse(node.value)]
        return f"<{names[0]}>"
    return ""
