"""Which samples a training draws, and what counts in their windows: the one mask of all trainers.

No sample begins at a row that is not valid. Inside a window (a chunk of actions, a history of
observations) such a row is what lies beyond an episode's end: padding, which losses leave out, and
its values are the nearest valid row's, for networks that look at padding too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

MAX_PICTURES = 200
"""Pictures that statistics are taken over at most: the others hardly change them."""


@dataclass(frozen=True, eq=False)
class ValidSamples:
    """The rows of some episodes that follow each other, one sample for each that is valid."""

    is_valid: Bool[np.ndarray, " row"]
    """Rows that count."""
    episode: Int[np.ndarray, " row"]
    """Which episode each belongs to; rows of one stand together."""

    @cached_property
    def rows(self) -> Int[np.ndarray, " sample"]:
        """The row at which each sample stands."""
        return np.flatnonzero(self.is_valid)

    @cached_property
    def spans(self) -> Int[np.ndarray, "episode 2"]:
        """First sample and one past the last of every episode that has any."""
        of_samples = self.episode[self.rows]
        starts = np.flatnonzero(np.diff(of_samples, prepend=of_samples[:1] - 1))
        ends = np.append(starts[1:], len(of_samples))
        return np.stack([starts, ends], axis=1).reshape(-1, 2)

    @property
    def some_rows(self) -> Int[np.ndarray, " picture"]:
        """Valid rows spread evenly, for what is costly to look at."""
        num = min(MAX_PICTURES, len(self.rows))
        return self.rows[np.linspace(0, len(self.rows) - 1, num).round().astype(int)]

    @cached_property
    def _bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """For every row, the first and the last row of its episode."""
        starts = np.flatnonzero(np.diff(self.episode, prepend=self.episode[:1] - 1))
        ends = np.append(starts[1:], len(self.episode))
        lengths = ends - starts
        return np.repeat(starts, lengths), np.repeat(ends - 1, lengths)

    def windows(
        self, rows: Int[np.ndarray, " sample"], deltas: Int[np.ndarray, " step"]
    ) -> Windows:
        """What to read for windows around some rows.

        Args:
            rows: Where the windows stand.
            deltas: Rows from there, one a step.
        """
        wanted = rows[:, None] + deltas
        first, last = (bound[rows, None] for bound in self._bounds)
        inside = np.clip(wanted, first, last)
        counts = (wanted == inside) & self.is_valid[inside]
        apart = np.abs(deltas[:, None] - deltas[None, :]).astype(float)
        step = np.argmin(np.where(counts[:, None, :], apart, np.inf), axis=2)
        return Windows(inside, counts, step)

    def longest_stretch(self) -> int:
        """Rows of the longest unbroken stretch of valid ones."""
        breaks = ~self.is_valid[1:] | (np.diff(self.episode) != 0)
        groups = np.cumsum(np.concatenate([[True], breaks]))[self.is_valid]
        return int(np.bincount(groups).max()) if len(groups) else 0


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of some samples."""

    rows: Int[np.ndarray, "sample step"]
    """Row of each step, those beyond an episode's ends the first or last of it."""
    counts: Bool[np.ndarray, "sample step"]
    """Steps that lie in the episode and are valid; all others are padding."""
    nearest: Int[np.ndarray, "sample step"]
    """Step that holds what is to stand at each: itself, or the nearest one that counts."""

    @property
    def to_read(self) -> Int[np.ndarray, "sample step"]:
        """Row whose values stand at each step; where no step counts, any."""
        return np.take_along_axis(self.rows, self.nearest, axis=1)

    @property
    def is_known(self) -> Bool[np.ndarray, " sample"]:
        """Windows of which some step counts."""
        return np.asarray(self.counts.any(axis=1))


def picture_stats(pictures: Float[np.ndarray, "picture channel height width"]) -> dict[str, Any]:
    """What LeRobot stores of a camera's pictures on 0..1."""
    from lerobot.datasets.compute_stats import get_feature_stats

    found = get_feature_stats(pictures, axis=(0, 2, 3), keepdims=True)
    return {name: v if name == "count" else v.squeeze(0) for name, v in found.items()}
