"""A dataset cut into skills, and written with them: a column, texts, pieces, pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope import __version__
from rotoscope.pipeline.add_tracks.labels import check_out
from rotoscope.pipeline.datasets.phases import Phase
from rotoscope.pipeline.datasets.read import Dataset
from rotoscope.pipeline.datasets.said import SEGMENTS
from rotoscope.pipeline.errors import DatasetError, UsageError, quoted
from rotoscope.pipeline.export.added_columns import AddedColumn, write_with_columns
from rotoscope.pipeline.export.language import add_language
from rotoscope.pipeline.export.pieces import Piece, write_pieces
from rotoscope.pipeline.export.pieces_said import check_pieces_out, made_by
from rotoscope.pipeline.export.stored_episode import FeatureFacts
from rotoscope.pipeline.segments.cues import cues_of
from rotoscope.pipeline.segments.roles import Roles, roles_of
from rotoscope.pipeline.segments.sheets import write_sheets
from rotoscope.pipeline.segments.skills import Segment, segments_of
from rotoscope.pipeline.store.store import content_key

SKILL = "label.skill"
"""Column that says which skill is at work: its number in `meta/rotoscope/segments.json`."""
MADE_HERE = "segments"
"""Key in `meta/rotoscope/provenance.json` of a dataset that was written here."""
TEXTS = {
    "reach": "reach for a thing",
    "grasp": "take hold of it",
    "move": "move it",
    "hold": "hold it",
    "release": "let it go and leave",
}
"""What skills are in words, where what is held and moved is known."""


MOST_ALONE = 0.5
"""Share of segments whose skill one episode has alone, up to which skills are told. Not chosen on
data: a skill is what episodes share."""


@dataclass(frozen=True, eq=False)
class Segmented:
    """What was found."""

    roles: Roles
    """Which numbers said so."""
    segments: tuple[Segment, ...]
    """Of all episodes, in order of their rows; every row of an episode is in one."""
    lengths: Mapping[int, int]
    """Rows of each episode, by its index."""

    @property
    def skills(self) -> tuple[str, ...]:
        """Names of the skills, in the order in which they first come."""
        return tuple(dict.fromkeys(one.skill for one in self.segments))

    def of(self, skill: str) -> list[Segment]:
        """Segments of a skill."""
        return [one for one in self.segments if one.skill == skill]


def segment(
    dataset: Dataset, *, things: Sequence[str] = (), grippers: Sequence[str] = ()
) -> Segmented:
    """Cuts all episodes of a dataset into skills.

    Args:
        dataset: Whoever wrote it.
        things: Numbers that say where things are, beside those that say so by their names.
        grippers: Numbers that say how far a gripper is open, likewise.

    Raises:
        DatasetError: Nothing says what moves, what is named is not there, it is damaged, or what
            was found is mostly in one episode alone, and therefore no skill.
    """
    roles = roles_of(dataset, things=things, grippers=grippers)
    episodes = [dataset.episode(number) for number in range(len(dataset))]
    found = segments_of(cues_of(episodes, roles, dataset.fps), dataset.fps)
    check_shared(found, len(episodes))
    return Segmented(roles, tuple(found), {e.index: e.num_rows for e in episodes})


def check_shared(found: Sequence[Segment], num_episodes: int) -> None:
    """Refuses pieces that are called skills, and that hardly any two episodes have in common.

    Raises:
        DatasetError: More than half of the segments are of skills that one episode has alone.
    """
    has: dict[str, set[int]] = {}
    for one in found:
        has.setdefault(one.skill, set()).add(one.episode)
    alone = sum(len(has[one.skill]) == 1 for one in found)
    if num_episodes > 1 and alone > MOST_ALONE * len(found):
        raise DatasetError(
            f"{alone} of {len(found)} segments are like none of another episode: the "
            f"{num_episodes} episodes share no skills that could be told from what is known; name "
            "what is moved with --things and grippers with --gripper, or add episodes of the task"
        )


def write_segments(
    dataset: Dataset, found: Segmented, out: Path, *, has_language: bool = False
) -> None:
    """Writes a copy of a dataset with its skills; it appears whole or not at all.

    `label.skill` is a column; `meta/rotoscope/segments.json` lists segments by skill;
    `meta/rotoscope/skills/NAME.jpg` shows some of each.

    Args:
        dataset: What was cut.
        found: The cuts.
        out: Where it appears.
        has_language: Also as `subtask` lines of LeRobot's language columns.

    Raises:
        UsageError: `out` is the dataset itself, or holds something else.
        DatasetError: Something is in the way; see `write_with_columns`.
    """
    check_out(dataset.root, out, key=MADE_HERE, command="segment")
    made = {"rotoscope": __version__, "by": found.roles.said(), "skills": list(found.skills)}
    before: dict[str, Any] = dataset.rotoscope("provenance.json")
    key = content_key({"kind": MADE_HERE, "of": before.get("dataset_key", ""), "made": made})
    provenance = before | {"dataset_key": key, MADE_HERE: [*before.get(MADE_HERE, []), made]}
    finish = partial(_finish, dataset, found, has_language)
    write_with_columns(dataset, {SKILL: _column(found)}, out, provenance=provenance, finish=finish)


def write_skill(dataset: Dataset, found: Segmented, skill: str, out: Path) -> int:
    """Writes the segments of one skill, each an episode; no video is encoded anew.

    Args:
        dataset: What was cut.
        found: The cuts.
        skill: Name of the skill.
        out: Where it appears, whole.

    Returns:
        How many there are.

    Raises:
        UsageError: No such skill, or `out` is the dataset itself, or holds something else.
    """
    if skill not in found.skills:
        raise UsageError(f"no skill {skill!r} was found; there are {quoted(found.skills)}")
    check_pieces_out([dataset.root], out, record=SEGMENTS, command="segment")
    pieces = [Piece(one.episode, one.start, one.end) for one in found.of(skill)]
    made = {**made_by("segment"), "skill": skill, "by": found.roles.said()}

    def say(root: Path) -> None:
        rows = [[p.episode, p.start, p.end] for p in sorted(pieces)]
        _write(root, {**made, "rows_of_episode": rows})

    write_pieces(dataset, pieces, {SKILL: _column(found)}, out, made=made, finish=say)
    return len(pieces)


def _column(found: Segmented) -> AddedColumn:
    names = found.skills
    meaning = "Which skill is at work: " + ", ".join(f"{n} {s}" for n, s in enumerate(names)) + "."
    values = {index: np.zeros((rows, 1), np.int64) for index, rows in found.lengths.items()}
    for one in found.segments:
        values[one.episode][one.start : one.end] = names.index(one.skill)
    return AddedColumn(FeatureFacts(("skill",), "int64", "1", meaning), values)


def _finish(dataset: Dataset, found: Segmented, has_language: bool, root: Path) -> None:
    sheets = write_sheets(dataset, found.segments, root)
    skills = {
        name: {
            "number": number,
            "text": TEXTS.get(name, name),
            "sheet": sheets.get(name, ""),
            "rows_of_episode": [[one.episode, one.start, one.end] for one in found.of(name)],
        }
        for number, name in enumerate(found.skills)
    }
    _write(root, {"by": found.roles.said(), "fps": dataset.fps, "skills": skills})
    if has_language:
        phases: dict[int, list[Phase]] = {index: [] for index in found.lengths}
        for one in found.segments:
            text = TEXTS.get(one.skill, one.skill)
            phases[one.episode].append(Phase(one.start, one.skill, text))
        add_language(root, phases, {}, camera=None, fps=dataset.fps)


def _write(root: Path, content: Mapping[str, Any]) -> None:
    path = root / "meta" / SEGMENTS
    path.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
