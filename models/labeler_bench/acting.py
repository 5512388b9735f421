"""A labeler that needs not see what comes after a row, as a policy."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from rotoscope.models.labelers.labeler import Labeler
from rotoscope.models.simulators.simulator import STATE
from rotoscope.models.training.data import UnlabelledEpisode
from rotoscope.pipeline.contract import ActionContract


@dataclass(eq=False)
class ActingLabeler:
    """Does what its labeler says of the last row that it has seen."""

    labeler: Labeler
    """Trained; its `acts_on` is at least 1, and it sees the state alone."""
    numbers: tuple[str, ...]
    """What the numbers of the state are."""
    _seen: deque[np.ndarray] = field(default_factory=deque)

    @property
    def contract(self) -> ActionContract:
        """What its actions mean."""
        return self.labeler.contract

    @property
    def state_names(self) -> dict[str, tuple[str, ...]]:
        """The state, and what its numbers are."""
        return {STATE: self.numbers}

    @property
    def image_sizes(self) -> dict[str, tuple[int, int]]:
        """It sees no pictures."""
        return {}

    def reset(self, seed: int) -> None:
        """Forgets what it has seen; nothing in it is random."""
        del seed
        self._seen = deque(maxlen=self.labeler.acts_on)

    def act(self, observation: dict[str, np.ndarray]) -> Float[np.ndarray, " action"]:
        """The action of the last row; 0 where the labeler does not tell."""
        self._seen.append(np.ravel(observation[STATE]).astype(float))
        episode = UnlabelledEpisode(
            name="what it has seen",
            time_s=np.arange(len(self._seen)) / self.contract.rate_hz,
            features=np.stack(self._seen),
        )
        return np.nan_to_num(self.labeler.label(episode).values[-1])
