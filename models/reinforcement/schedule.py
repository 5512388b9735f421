"""Automatic discount scheduling: what comes late counts once what comes before it is mastered.

Y. Liu et al., "Imitation learning from observation with automatic discount scheduling", 2024
(2310.07433), section 4: rewards for later parts of a demonstration draw a policy away from its
first parts. So the discount is small at first and grows with the part that is followed. There,
demonstration and episode have the same clock; here the part is counted in subgoals, and the
discount in the steps that the policy itself needs for them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from rotoscope.pipeline.rewards.features import distances
from rotoscope.pipeline.rewards.subgoals import Subgoals

# The first two as published.
_ALPHA = 0.2
"""What a reward counts that comes when the part that is followed is over."""
_FOLLOWED = 0.9
"""Share of subgoals that an episode must pass in their order to follow them."""
_FIRST_STEPS = 15
"""Steps that the part is taken to last at first: a discount of 0.9, the one published."""


class DiscountSchedule:
    """The discount after every episode; it never falls.

    Args:
        demos: What is followed; of several demonstrations, the one that is followed furthest.
        steps_per_row: Steps of the simulator between two rows.
    """

    def __init__(self, demos: Sequence[Subgoals], *, steps_per_row: int = 1) -> None:
        self._demos, self._steps_per_row = demos, steps_per_row
        self._num = [1] * len(demos)
        self._steps = _FIRST_STEPS

    @property
    def discount(self) -> float:
        """What a reward counts that comes a step later."""
        return float(_ALPHA ** (1 / self._steps))

    @property
    def progress(self) -> float:
        """Share of the subgoals that the policy follows."""
        return max(n / len(d.features) for n, d in zip(self._num, self._demos, strict=True))

    def update(self, rows: Float[np.ndarray, "row number"]) -> float:
        """The discount after one more episode.

        Args:
            rows: Features of the episode, from its start on.
        """
        for number, demo in enumerate(self._demos):
            apart = np.nan_to_num(distances(rows, demo.features, demo.scale), nan=np.inf)
            while self._num[number] < len(demo.features):
                wanted = self._num[number] + 1
                lengths = increasing_lengths(apart[:, :wanted].argmin(1))
                if lengths[-1] < int(_FOLLOWED * wanted) or lengths[-1] < 2:
                    break
                self._num[number] = wanted
                reached = int(np.argmax(lengths >= max(2, int(_FOLLOWED * wanted))))
                self._steps = max(self._steps, reached * self._steps_per_row)
        return self.discount


def increasing_lengths(values: Int[np.ndarray, " row"]) -> Int[np.ndarray, " row"]:
    """Length of the longest strictly increasing subsequence of what comes up to each row."""
    ends: list[int] = []
    out = np.empty(len(values), int)
    for row, value in enumerate(values.tolist()):
        place = bisect_left(ends, value)
        ends[place : place + 1] = [value]
        out[row] = len(ends)
    return out
