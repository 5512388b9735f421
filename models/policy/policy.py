"""What a policy is, whoever trained it, and how its episodes went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from rotoscope.models.simulators.simulator import Observation
from rotoscope.pipeline.contract import ActionContract


@runtime_checkable
class Policy(Protocol):
    """What can be tried in a simulator."""

    @property
    def contract(self) -> ActionContract | None:
        """What its actions mean; `None` where nobody knows."""
        ...

    @property
    def state_names(self) -> dict[str, tuple[str, ...]]:
        """Features that it must be given, and what their numbers are."""
        ...

    @property
    def image_sizes(self) -> dict[str, tuple[int, int]]:
        """Cameras that it must be given, and the width and height it learned from [px]."""
        ...

    def reset(self, seed: int) -> None:
        """Begins an episode; what is random in the policy comes from `seed`."""
        ...

    def act(self, observation: Observation) -> Float[np.ndarray, " action"]:
        """The next action."""
        ...


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
