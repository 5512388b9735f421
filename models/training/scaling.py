"""What is subtracted and divided by on either side of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.models.training.action_space import ActionSpace

_EDGE = 8.0
"""What lies further from the mean than this many standard deviations is held there."""


@dataclass(frozen=True, eq=False)
class Scaling:
    """Means and scales of the rows that were learned from."""

    input_mean: Float[np.ndarray, " input"]
    """Mean of each input."""
    input_scale: Float[np.ndarray, " input"]
    """Standard deviation of each; 1 where it never changes."""
    encoded_mean: Float[np.ndarray, " encoded"]
    """Mean of each encoded number of the action; 0 for probabilities."""
    encoded_scale: Float[np.ndarray, " encoded"]
    """Standard deviation of each; 1 for probabilities and where it never changes."""

    @classmethod
    def of(
        cls,
        inputs: Float[np.ndarray, "row input"],
        actions: Float[np.ndarray, "known action"],
        space: ActionSpace,
    ) -> Scaling:
        """From training rows."""
        encoded = space.encode(actions)
        mean, scale = encoded.mean(0), safe(encoded.std(0))
        for block in space.blocks:
            if block.kind == "discrete":
                mean[block.encoded], scale[block.encoded] = 0, 1
        return cls(inputs.mean(0), safe(inputs.std(0)), mean, scale)

    def inputs(self, values: Float[np.ndarray, "row input"]) -> Float[np.ndarray, "row input"]:
        """Standardized inputs. What lies far outside of all training is held at its edge."""
        return np.clip((values - self.input_mean) / self.input_scale, -_EDGE, _EDGE)

    def encoded(self, values: Float[np.ndarray, "row encoded"]) -> Float[np.ndarray, "row encoded"]:
        """Standardized encoded actions."""
        return (values - self.encoded_mean) / self.encoded_scale

    def raw(self, values: Float[np.ndarray, "row encoded"]) -> Float[np.ndarray, "row encoded"]:
        """Encoded actions as they were before standardizing."""
        return values * self.encoded_scale + self.encoded_mean


def safe(scale: Any) -> Any:
    """Scales to divide by: 1 where something never changes."""
    return np.where(scale > 1e-6, scale, 1.0)
