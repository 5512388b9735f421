"""What a score is: a number for every row of a dataset, and which side of it is worse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Float

Side = Literal["high", "low"]
PREFIX = "label.quality."
"""What the column of a score begins with."""


@dataclass(frozen=True, eq=False)
class Score:
    """One way to look at a dataset's episodes."""

    name: str
    """Such as `motion_error`; its column is `label.quality.motion_error`."""
    unit: str
    """Unit of its values, `1` for none."""
    description: str
    """What it is and what it was taken from, in one sentence."""
    worse: Side
    """Which values are worse."""
    by: Literal["episode", "row"]
    """What is left out where it is worse than a limit: whole episodes, or rows."""
    values: Mapping[int, Float[np.ndarray, " _"]] = field(default_factory=dict)
    """By episode index; NaN where it is not known. A score of episodes is the same in all of its
    rows, unless `episodes` says otherwise."""
    episodes: Mapping[int, float] | None = None
    """Value of each episode, where rows have values of their own."""
    untested: str = ""
    """Why nothing is known; empty where something is."""

    @property
    def column(self) -> str:
        """Name of its column."""
        return PREFIX + self.name

    def of_episodes(self) -> dict[int, float]:
        """One value an episode: its own, or the mean of its known rows; NaN where none is."""
        if self.episodes is not None:
            return dict(self.episodes)
        known = {index: row[np.isfinite(row)] for index, row in self.values.items()}
        return {i: float(row.mean()) if len(row) else float("nan") for i, row in known.items()}

    def is_beyond(self, value: np.ndarray, limit: float) -> np.ndarray:
        """Where values are worse than a limit; never where they are not known."""
        return np.asarray(value > limit if self.worse == "high" else value < limit)


def by_episode(found: Mapping[int, float], lengths: Mapping[int, int]) -> dict[int, np.ndarray]:
    """Values of episodes, each in all of its rows."""
    return {index: np.full(lengths[index], float(value)) for index, value in found.items()}
