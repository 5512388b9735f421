"""Which episodes each member of an ensemble leaves out, so that every episode is new to some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rotoscope.pipeline.errors import DatasetError

MIN_EPISODES = 3
"""One to learn from, one to stop early on, one to know the errors from."""

Groups = Sequence[Sequence[int]]
"""Which episodes belong together, as `rotoscope.models.training.alike.alike` says."""


@dataclass(frozen=True)
class Folds:
    """Episodes in parts; member k of an ensemble leaves out two of them."""

    parts: tuple[tuple[int, ...], ...]
    """Episodes of each part."""
    stride: int = 1
    """Parts from one member's to the next one's."""

    @classmethod
    def of(cls, groups: Groups, num_parts: int, *, seed: int) -> Folds:
        """Episodes dealt out by chance, those of a group into the same part.

        Raises:
            DatasetError: Too few episodes, or too few that differ.
        """
        if len(groups) < MIN_EPISODES:
            num_episodes = sum(map(len, groups))
            differ = "" if num_episodes == len(groups) else f", of which {len(groups)} differ,"
            raise DatasetError(
                f"{num_episodes} labeled episodes{differ} are too few: at least {MIN_EPISODES} "
                f"{'different ones ' if differ else ''}are needed, so that some can be held out "
                "for calibration"
            )
        order = np.random.default_rng(seed).permutation(len(groups))
        num = min(len(groups), num_parts)
        parts = [[e for g in order[k::num] for e in groups[g]] for k in range(num)]
        return cls(tuple(tuple(sorted(part)) for part in parts))

    @classmethod
    def for_members(cls, groups: Groups, num_members: int, *, seed: int) -> Folds:
        """As many parts as members; twice as many for two, which must not share any."""
        found = cls.of(groups, 4 if num_members == 2 else num_members, seed=seed)
        return replace(found, stride=2) if num_members == 2 and len(found.parts) == 4 else found

    def left_out(self, member: int) -> tuple[int, int]:
        """The part on which a member stops early, and another that it never sees.

        Neighbors leave out overlapping pairs: each part is new to two members, whose mean errs
        almost as the whole ensemble's does.
        """
        num, first = len(self.parts), self.stride * member
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
