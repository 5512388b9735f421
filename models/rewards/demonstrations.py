"""Which episodes show how a task is done: `3` of the dataset itself, `OTHER#0,2` of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rotoscope.pipeline.datasets.choose import numbers
from rotoscope.pipeline.datasets.read import Dataset, open_dataset
from rotoscope.pipeline.errors import UsageError


@dataclass(frozen=True, eq=False)
class Demonstration:
    """An episode that is followed."""

    dataset: Dataset
    """Whose."""
    row: int
    """Row of the dataset's table."""

    @property
    def index(self) -> int:
        """Its episode index."""
        return int(self.dataset.table[self.row]["episode_index"])

    @property
    def name(self) -> str:
        """Dataset and episode, as they are typed."""
        return f"{self.dataset.root.name}#{self.index}"


def demonstrations(texts: Sequence[str], own: Dataset) -> list[Demonstration]:
    """The episodes that texts name, in order, each once.

    Args:
        texts: Each `EPISODES` of `own`, `DATASET#EPISODES` of another dataset, or `DATASET` for
            all of its episodes; episodes are a number, a list or a span, `0`, `0,2`, `0:5`.
        own: The dataset that is judged.

    Raises:
        UsageError: A text names no episode, or one that is not there.
        DatasetError: A dataset is not there.
    """
    found: dict[tuple[Path, int], Demonstration] = {}
    for text in texts:
        folder, mark, episodes = text.rpartition("#")
        if not mark and not set(text) <= set("0123456789:, []"):
            folder, episodes = text, ""
        dataset = open_dataset(folder) if folder else own
        rows = {int(line["episode_index"]): row for row, line in enumerate(dataset.table)}
        wanted = numbers(episodes, source=f"--demo {text}") if episodes else list(rows)
        if strange := [index for index in wanted if index not in rows]:
            raise UsageError(
                f"--demo {text}: {dataset.root} has no episode {strange[0]}; it has {len(rows)}"
            )
        for index in wanted:
            place = (dataset.root.resolve(), index)
            found.setdefault(place, Demonstration(dataset, rows[index]))
    if not found:
        raise UsageError("no demonstration is named: give --demo EPISODE or --demo DATASET#EPISODE")
    return list(found.values())
