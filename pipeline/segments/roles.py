"""Which numbers of a dataset are the hand, its gripper, and the things that it moves."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows
from rotoscope.pipeline.errors import DatasetError, quoted

STATE, HELD = "observation.state", ("track.grasp", "label.object_held")
"""Where hand, gripper and things are looked for, and columns that say when something is held."""
_GRIPPER = re.compile(r"gripper|finger|jaw|claw|aperture", re.I)
_THING = re.compile(r"(^|[._])(object|thing|obj)", re.I)
_PLAN = re.compile(r"(^|[._])(goal|target)", re.I)
_AXIS = re.compile(r"[._]?([xyz]|\d+)$")


@dataclass(frozen=True)
class Numbers:
    """Numbers of a column that belong together, such as x, y, z of a point."""

    column: str
    """Column of the dataset."""
    name: str
    """What they share, such as `object`."""
    indices: tuple[int, ...]
    """Which of the column's numbers."""
    is_point: bool
    """Whether they are x, y and z."""

    def of(self, episode: EpisodeRows) -> Float[np.ndarray, "row number"]:
        """Their values in an episode."""
        values = np.asarray(episode.columns[self.column], float).reshape(episode.num_rows, -1)
        return values[:, list(self.indices)]


@dataclass(frozen=True)
class Roles:
    """What is what."""

    own: tuple[Numbers, ...]
    """What the demonstrator moves of itself, gripper aside."""
    grippers: tuple[Numbers, ...]
    """How far a gripper is open, or closed."""
    things: tuple[Numbers, ...]
    """Where things are."""
    held: str
    """Column that says when something is held; empty where there is none."""

    def said(self) -> str:
        """In words."""
        parts = [
            f"{what}: {', '.join(f'{n.column}:{n.name}' for n in some)}"
            for what, some in (
                ("hand", self.own), ("gripper", self.grippers), ("things", self.things),
            )
            if some
        ]  # fmt: skip
        return "; ".join([*parts, *([f"held: {self.held}"] if self.held else [])])


def roles_of(
    dataset: Dataset, *, things: Sequence[str] = (), grippers: Sequence[str] = ()
) -> Roles:
    """What the names of a dataset's numbers say, and what is named.

    Numbers of `observation.state` are told by their names: `object.x` is of a thing, a name with
    `gripper`, `finger`, `jaw`, `claw` or `aperture` is a gripper, goals are left out, all others
    are the demonstrator's own.

    Args:
        dataset: The dataset.
        things: Numbers of things, `COLUMN:PATTERN,PATTERN` each.
        grippers: Numbers of grippers, likewise.

    Raises:
        DatasetError: What is named is not there, or nothing is known that could move.
    """
    named_things = [n for text in things for n in named(dataset, text)]
    named_grippers = [n for text in grippers for n in named(dataset, text)]
    taken = {(n.column, i) for n in (*named_things, *named_grippers) for i in n.indices}
    found: dict[str, list[Numbers]] = {"own": [], "gripper": named_grippers, "thing": named_things}
    features = dataset.info["features"]
    for group in grouped(dataset, STATE) if STATE in features else ():
        kind = _kind(group.name)
        if any((group.column, i) in taken for i in group.indices) or kind == "plan":
            continue
        if (kind == "gripper" and grippers) or (kind == "thing" and things):
            continue
        found[kind].append(group)
    held = next((name for name in HELD if name in features), "")
    if not (any(found.values()) or held):
        raise DatasetError(
            f"{dataset.root} has no {STATE} and no {' or '.join(HELD)}: nothing says what moves; "
            "name columns with --things, such as track.object:x,y,z"
        )
    return Roles(tuple(found["own"]), tuple(found["gripper"]), tuple(found["thing"]), held)


def named(dataset: Dataset, text: str) -> list[Numbers]:
    """The numbers that `COLUMN:PATTERN,PATTERN` names, by what they share.

    Raises:
        DatasetError: There are none.
    """
    column, _, patterns = text.partition(":")
    features = dataset.info["features"]
    if not str(features.get(column, {}).get("dtype", "")).startswith(("float", "int")):
        numbers = [n for n, f in features.items() if str(f["dtype"]).startswith(("float", "int"))]
        raise DatasetError(
            f"{dataset.root} has no column {column!r} of numbers; it has {quoted(numbers)}"
        )
    wanted = [p.strip() for p in patterns.split(",") if p.strip()] or ["*"]
    names = names_of(dataset, column)
    chosen = [i for i, n in enumerate(names) if any(fnmatch.fnmatch(n, p) for p in wanted)]
    if not chosen:
        raise DatasetError(
            f"{dataset.root}: {column} has no number {patterns!r}; it has {quoted(names)}"
        )
    return grouped(dataset, column, chosen)


def grouped(dataset: Dataset, column: str, chosen: Sequence[int] | None = None) -> list[Numbers]:
    """Numbers of a column, those together whose names differ in an axis or a number at the end."""
    names = names_of(dataset, column)
    groups: dict[str, list[int]] = {}
    for index in range(len(names)) if chosen is None else chosen:
        groups.setdefault(_AXIS.sub("", names[index]), []).append(index)
    return [
        Numbers(column, name or column, tuple(indices), _is_point([names[i] for i in indices]))
        for name, indices in groups.items()
    ]


def names_of(dataset: Dataset, column: str) -> list[str]:
    """Names of a column's numbers; their places where the dataset names none."""
    size = int(np.prod(dataset.info["features"][column]["shape"]))
    names = list(dataset.names(column))
    return names if len(names) == size else [str(i) for i in range(size)]


def _is_point(names: Sequence[str]) -> bool:
    return [name[-1:] for name in names] == ["x", "y", "z"]


def _kind(name: str) -> str:
    for kind, pattern in (("plan", _PLAN), ("gripper", _GRIPPER), ("thing", _THING)):
        if pattern.search(name):
            return kind
    return "own"
