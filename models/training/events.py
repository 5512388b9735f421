"""What a training tells on its way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class TrainEvent:
    """One evaluation on the way."""

    name: str
    """What is trained, such as `member 2 of 5`."""
    step: int
    """Steps done."""
    num_steps: int
    """Steps at most."""
    loss: float
    """Mean loss of the steps since the last event."""
    validation: float
    """Loss on the held-out episodes."""
    best: float
    """The least of those so far."""
    frames_per_s: Mapping[str, float] = field(default_factory=dict)
    """Frames a second since the last event, by part: `read` from memory or its map, `to device`,
    and `step`, which is the rest. Reading goes on beside the step."""


TrainListener = Callable[[TrainEvent], None]
