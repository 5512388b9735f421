"""A labeler that needs not see what comes after a row, as a policy."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from rotoscope.models.checkpoints.device import Device, torch_device
from rotoscope.models.labelers.labeler import Labeler
from rotoscope.models.labelers.names import open_labeler
from rotoscope.models.training.data import UnlabelledEpisode
from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.errors import UsageError, quoted


@dataclass(eq=False)
class ActingLabeler:
    """Does what its labeler says of the last row that it has seen."""

    labeler: Labeler
    """Trained; its `acts_on` is at least 1, and it sees numbers alone."""
    input_names: tuple[tuple[str, ...], ...] = ()
    """For each feature that it sees, what its numbers are; none where nobody knows: all that a
    feature holds are then taken."""
    _seen: deque[np.ndarray] = field(default_factory=deque)

    @property
    def contract(self) -> ActionContract:
        """What its actions mean."""
        return self.labeler.contract

    @property
    def state_names(self) -> dict[str, tuple[str, ...]]:
        """Features that it must be given, and what their numbers are."""
        return dict(zip(self.labeler.config.inputs, self.input_names, strict=False))

    @property
    def image_sizes(self) -> dict[str, tuple[int, int]]:
        """It sees no pictures."""
        return {}

    def reset(self, seed: int) -> None:
        """Forgets what it has seen; nothing in it is random."""
        del seed
        self._seen = deque(maxlen=self.labeler.acts_on)

    def act(self, observation: dict[str, np.ndarray]) -> Float[np.ndarray, " action"]:
        """The action of the last row; 0 where the labeler does not tell.

        Raises:
            UsageError: A feature is not there, or holds another count of numbers than it learned.
        """
        self._seen.append(self._numbers(observation))
        episode = UnlabelledEpisode(
            name="what it has seen",
            time_s=np.arange(len(self._seen)) / self.contract.rate_hz,
            features=np.stack(self._seen),
        )
        return np.nan_to_num(self.labeler.label(episode).values[-1])

    def _numbers(self, observation: dict[str, np.ndarray]) -> Float[np.ndarray, " number"]:
        inputs, facts = self.labeler.config.inputs, self.labeler.facts
        missing = [name for name in inputs if name not in observation]
        if missing:
            raise UsageError(
                f"the labeler sees {quoted(inputs)}, and where it acts there is no "
                f"{quoted(missing)}: train it with inputs=[observation.state]"
            )
        parts = [np.ravel(observation[name]).astype(float) for name in inputs]
        sizes = tuple(map(len, parts))
        if facts is not None and sizes != facts.input_sizes:
            raise UsageError(
                f"the labeler learned from {list(facts.input_sizes)} numbers of {quoted(inputs)}, "
                f"and where it acts there are {list(sizes)}; name the simulator that it learned in"
            )
        return np.concatenate(parts)


def open_acting(name: str | os.PathLike[str], device: Device = "auto") -> ActingLabeler:
    """A trained labeler as a policy.

    Args:
        name: `FOLDER` that `rotoscope train` wrote, or `NAME@FOLDER`.
        device: Where its networks run.

    Raises:
        UsageError: There is none, or it looks at what comes after a row, or at pictures.
    """
    labeler = open_labeler(name)
    facts = labeler.trained
    if not labeler.acts_on or facts.camera:
        why = "sees pictures" if labeler.acts_on else "looks at what comes after a row"
        raise UsageError(
            f"{name} is a labeler ({facts.family}) that {why}, so that it cannot act; train a "
            "policy on its labels ('rotoscope relabel', then 'rotoscope train policy'), or one "
            "that acts on numbers, such as predictive-inverse-dynamics"
        )
    torch_device(device)
    labeler.device = device
    labeler.setup()
    return ActingLabeler(labeler, facts.input_names)
