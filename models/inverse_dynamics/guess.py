"""What the members of an ensemble say of some moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, eq=False)
class Guess:
    """What the members say at some moments, before anything is said of its errors."""

    values: Float[np.ndarray, "row action"]
    """Their mean actions."""
    encoded: Float[np.ndarray, "member row encoded"]
    """What each gave."""
    features: Float[np.ndarray, "row action feature"]
    """Inputs of the error model."""

    @classmethod
    def join(cls, parts: Sequence[Guess]) -> Guess:
        """Moments of one clip that were asked about a few at a time."""
        return cls(
            np.concatenate([p.values for p in parts]),
            np.concatenate([p.encoded for p in parts], axis=1),
            np.concatenate([p.features for p in parts]),
        )
