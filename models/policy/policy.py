"""How the episodes of a policy went."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EpisodeResult:
    """How one episode went."""

    seed: int
    """Which start."""
    is_success: bool
    """Whether the task was solved."""
    total_reward: float
    """Sum of rewards: the return."""
    steps: int
    """Steps it took."""
