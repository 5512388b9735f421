"""What simulators of Gymnasium's tasks have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.simulators.simulator import (
    Observation,
    SimulatorFacts,
    Step,
    Views,
    observe,
)


class GymnasiumTask(ABC):
    """A task that Gymnasium has made; the sum of rewards and the state are kept.

    Args:
        environment: What is stepped.
        facts: What is known of it.
        views: What its observations hold.
    """

    def __init__(self, environment: Any, facts: SimulatorFacts, views: Views) -> None:
        self.views = views
        self._environment, self._facts = environment, facts
        self._return = 0.0
        self._state: Float[np.ndarray, " number"] = np.zeros(len(facts.state_names), np.float32)

    @property
    def facts(self) -> SimulatorFacts:
        """What is known of it."""
        return self._facts

    def reset(self, seed: int) -> Observation:
        """Starts an episode; the same seed gives the same start."""
        self._state, _ = self._environment.reset(seed=seed)
        self._return = 0.0
        return self._observation()

    @abstractmethod
    def step(self, action: Float[np.ndarray, " action"]) -> Step:
        """Does an action for one step."""

    @abstractmethod
    def expert(self) -> Float[np.ndarray, " action"]:
        """What one who knows the task would do now."""

    def render(
        self, camera: str, *, width: int, height: int
    ) -> UInt8[np.ndarray, "height width 3"]:
        """A picture, squeezed into the size asked for."""
        from PIL import Image

        drawn = Image.fromarray(self._environment.render())
        return np.asarray(drawn.resize((width, height), Image.Resampling.BOX))

    def close(self) -> None:
        """Closes Gymnasium's window."""
        self._environment.close()

    def _observation(self) -> Observation:
        return observe(self, self._state)
