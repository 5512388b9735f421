"""Which stretch is looked for: `DATASET#EPISODE`, or some rows of it, `DATASET#EPISODE:40-90`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rotoscope.models.rewards.demonstrations import Demonstration
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.quoting import shown

_CLIP = re.compile(r"(.+)#(\d+)(?::(\d+)-(\d+))?")


@dataclass(frozen=True, eq=False)
class Clip:
    """Rows of an episode of a dataset."""

    source: Demonstration
    """The episode."""
    start: int
    """First row."""
    end: int
    """Row after the last one."""

    @property
    def name(self) -> str:
        """As it is typed."""
        return f"{self.source.name}:{self.start}-{self.end}"

    def is_of(self, one: Demonstration) -> bool:
        """Whether an episode is the one that it is taken from."""
        places = [(e.dataset.root.resolve(), e.index) for e in (self.source, one)]
        return places[0] == places[1]


def open_clip(text: str) -> Clip:
    """The stretch that a text names.

    Args:
        text: `DATASET#EPISODE` for a whole episode, `DATASET#EPISODE:FROM-TO` for its rows from
            FROM on, up to the one before TO.

    Raises:
        UsageError: It names no stretch, or one that is not there.
        DatasetError: The dataset is not there.
    """
    found = _CLIP.fullmatch(text)
    if found is None:
        raise UsageError(
            f"{shown(text)} names no stretch; write DATASET#EPISODE, such as demos#3, or "
            "DATASET#EPISODE:FROM-TO, such as demos#3:40-90 for rows 40 to 89"
        )
    dataset, index = open_dataset(found[1]), int(found[2])
    rows = {int(line["episode_index"]): row for row, line in enumerate(dataset.table)}
    if index not in rows:
        raise UsageError(f"{text}: {dataset.root} has no episode {index}; it has {len(rows)}")
    length = int(dataset.table[rows[index]]["length"])
    start, end = (int(found[3]), int(found[4])) if found[3] else (0, length)
    if not start < end <= length:
        raise UsageError(
            f"{text}: episode {index} has rows 0-{length}; rows {start}-{end} are no stretch of it"
        )
    return Clip(Demonstration(dataset, rows[index]), start, end)
