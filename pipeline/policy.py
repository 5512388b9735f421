"""What a policy is, whoever trained it: what is asked of it where it moves something."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.contract import ActionContract


@runtime_checkable
class Policy(Protocol):
    """What can be tried in a simulator, or on the robot of a dataset."""

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

    def act(self, observation: dict[str, np.ndarray]) -> Float[np.ndarray, " action"]:
        """The next action."""
        ...
