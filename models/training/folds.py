"""Which episodes each member of an ensemble leaves out, so that every episode is new to some."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rotoscope.pipeline.errors import DatasetError

MIN_EPISODES = 3
"""One to learn from, one to stop early on, one to know the errors from."""


@dataclass(frozen=True)
class Folds:
    """Episodes in parts; member k of an ensemble leaves out two of them."""

    parts: tuple[tuple[int, ...], ...]
    """Episodes of each part."""

    @classmethod
    def of(cls, num_episodes: int, num_parts: int, *, seed: int) -> Folds:
        """Episodes dealt out by chance.

        Raises:
            DatasetError: Too few episodes.
        """
        if num_episodes < MIN_EPISODES:
            raise DatasetError(
                f"{num_episodes} labeled episodes are too few: at least {MIN_EPISODES} are "
                "needed, so that some can be held out for calibration"
            )
        order = np.random.default_rng(seed).permutation(num_episodes)
        num = min(num_episodes, num_parts)
        return cls(tuple(tuple(sorted(order[k::num].tolist())) for k in range(num)))

    @classmethod
    def for_members(cls, num_episodes: int, num_members: int, *, seed: int) -> Folds:
        """As many parts as members; twice as many for two, which must not share any."""
        return cls.of(num_episodes, 4 if num_members == 2 else num_members, seed=seed)

    def left_out(self, member: int) -> tuple[int, int]:
        """The part on which a member stops early, and another that it never sees.

        Neighbors leave out overlapping pairs: each part is new to two members, whose mean errs
        almost as the whole ensemble's does.
        """
        num = len(self.parts)
        first = 2 * member if num == 4 else member
        return (first + 1) % num, first % num

    def fitted(self, member: int) -> list[int]:
        """Episodes that a member is fitted to."""
        out = self.left_out(member)
        return sorted(e for p, part in enumerate(self.parts) if p not in out for e in part)

    def blind(self, part: int, num_members: int) -> list[int]:
        """Members that were not fitted to a part."""
        return [k for k in range(num_members) if part in self.left_out(k)]

    def others(self, part: int) -> list[int]:
        """All episodes but those of one part."""
        return sorted(e for p, kept in enumerate(self.parts) if p != part for e in kept)
