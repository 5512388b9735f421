"""What every labeler of the bench is: labeled episodes and bare observations in, labels out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float

from benchmarks.labelers.episodes import Demonstration, Labels

NUM_TRACKED = 7
"""Leading state columns a tracker would see: hand (3), gripper opening (1), object (3)."""
OPENING = 3
"""Column of the gripper's opening."""


@dataclass(frozen=True)
class Labeled:
    """What a labeler made of all hidden episodes."""

    labels: tuple[Labels, ...]
    """One for each episode, in their order."""
    num_parameters: int
    """Fitted numbers; 0 where nothing was fitted."""


class Labeler(Protocol):
    """Infers actions; is never shown those of the episodes it labels."""

    def __call__(
        self,
        labeled: Sequence[Demonstration],
        observations: Sequence[Float[np.ndarray, "step observation"]],
        *,
        seed: int,
    ) -> Labeled:
        """Labels episodes.

        Args:
            labeled: Episodes whose actions may be learned from.
            observations: Of the episodes to label; one more than there are actions.
            seed: Of everything random.

        Returns:
            Labels and the number of fitted parameters.
        """
        ...


def motion_features(
    observations: Float[np.ndarray, "step observation"], offsets: Sequence[int]
) -> Float[np.ndarray, "time feature"]:
    """Displacements of what is tracked from each frame to those `offsets` away, and the gripper.

    Displacements rather than places, so that what was learned in one part of the table holds in
    another. Offsets that leave the episode end at its first or last frame.
    """
    tracked = observations[:, :NUM_TRACKED]
    last = len(tracked) - 1
    now = np.arange(last)
    moves = [tracked[np.clip(now + offset, 0, last)] - tracked[:-1] for offset in offsets]
    opening = tracked[:, OPENING : OPENING + 1]
    return np.concatenate([*moves, opening[:-1], opening[1:]], axis=1)
