"""An episode in a simulator, as demonstrations are held against it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from rotoscope.models.reinforcement.shown import Pictures, Shown
from rotoscope.models.rewards.seen import SIDE_PX, Describer
from rotoscope.models.simulators.record import state_columns
from rotoscope.models.simulators.simulator import Simulator
from rotoscope.models.training.pictures import shrink
from rotoscope.pipeline.errors import UsageError, quoted


@dataclass(frozen=True, eq=False)
class Episode:
    """An episode that has ended."""

    features: Float[np.ndarray, "row number"]
    """What demonstrations are held against, of the moments that were looked at."""
    task_rewards: Float[np.ndarray, " step"]
    """The task's own."""
    looked: Int[np.ndarray, " row"]
    """Steps that had been taken at these moments, from 0 to all."""

    def of_steps(self, rewards: Float[np.ndarray, " row"]) -> Float[np.ndarray, " step"]:
        """What each step is worth, from what moments are: that of the next look after it."""
        steps = np.arange(1, len(self.task_rewards) + 1)
        return rewards[np.searchsorted(self.looked, steps)]


class Watcher:
    """Keeps of an episode in a simulator what demonstrations are held against.

    Args:
        simulator: Where; it need not draw pictures by itself.
        shown: What counts.
        every: Steps between two looks.

    Raises:
        UsageError: The simulator's state has no such number, or it has no such camera.
    """

    def __init__(self, simulator: Simulator, shown: Shown, *, every: int = 1) -> None:
        self._simulator, self._shown, self._every = simulator, shown, every
        self._columns = state_columns(simulator.facts.state_names, shown.names)
        if shown.camera and shown.camera not in simulator.facts.cameras:
            raise UsageError(
                f"{simulator.facts.name} has no camera {shown.camera!r}; it has "
                f"{quoted(simulator.facts.cameras)}"
            )
        self.describe: Describer | None = None
        """What turns pictures into numbers, as soon as it is known."""
        self._begin()

    def _begin(self) -> None:
        self._steps = 0
        self._looked: list[int] = []
        self._numbers: list[np.ndarray] = []
        self._pictures: list[np.ndarray] = []

    def note(self, state: Float[np.ndarray, " number"], *, is_first: bool, is_last: bool) -> None:
        """Looks at one more moment; the first and the last of an episode are always looked at."""
        if is_first:
            self._begin()
        if is_last or self._steps % self._every == 0:
            self._looked.append(self._steps)
            self._numbers.append(np.asarray(state, float)[self._columns])
            if self._shown.camera:
                width, height = self._shown.size
                drawn = self._simulator.render(self._shown.camera, width=width, height=height)
                self._pictures.append(shrink(drawn, SIDE_PX))
        self._steps += 1

    def pictures(self) -> Pictures:
        """Pictures of the moments that were looked at."""
        none = np.zeros((0, SIDE_PX, SIDE_PX, 3), np.uint8)
        return np.stack(self._pictures) if self._pictures else none

    def episode(self, task_rewards: list[float]) -> Episode:
        """What was kept of the episode, which must have ended."""
        features = np.stack(self._numbers)
        if self.describe is not None:
            features = np.concatenate([features, self.describe(self.pictures())], axis=1)
        return Episode(features, np.array(task_rewards), np.array(self._looked))
