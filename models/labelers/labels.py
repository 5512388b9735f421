"""What a labeler says of some rows."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

UNFAMILIAR = 0.5
"""Familiarity below which a row is called not like what the labeler was trained on."""
STRANGE = 0.1
"""Familiarity below which a row is not valid: 1.7 times as far out as nine of ten rows of held-out
episodes lie (see `_STEEP` of `rotoscope.models.labelers.familiarity`). What is said there
is said in the dark."""
_NO_TABLE, _NO_COLUMN = np.zeros((0, 0)), np.zeros(0)


@dataclass(frozen=True, eq=False)
class Labels:
    """Actions of some rows, and how far they may be off. What is left out is not said: NaN."""

    values: Float[np.ndarray, "row action"]
    """Actions in the contract's units; NaN where nothing is known."""
    half_width: Float[np.ndarray, "row action"] = field(default_factory=lambda: _NO_TABLE)
    """Half of the 90 % interval, same units; NaN for choices."""
    confidence: Float[np.ndarray, " row"] = field(default_factory=lambda: _NO_COLUMN)
    """Chance of being right, 0..1: that numbers are within a fifth of their spread, choices right;
    less where little is familiar."""
    familiarity: Float[np.ndarray, " row"] = field(default_factory=lambda: _NO_COLUMN)
    """How much what is seen is like the training episodes, 0..1."""

    def __post_init__(self) -> None:
        nothing = np.full(self.values.shape, np.nan)
        if self.half_width is _NO_TABLE:
            object.__setattr__(self, "half_width", nothing)
        for name in ("confidence", "familiarity"):
            if getattr(self, name) is _NO_COLUMN:
                object.__setattr__(self, name, np.full(len(self.values), np.nan))

    @property
    def known(self) -> Bool[np.ndarray, " row"]:
        """Rows that have an action."""
        return np.isfinite(self.values).all(axis=1)

    def of(self, rows: Bool[np.ndarray, " row"]) -> Labels:
        """Those of some rows alone."""
        return Labels(*(array[rows] for array in vars(self).values()))

    def spread_over(self, rows: Bool[np.ndarray, " whole"]) -> Labels:
        """The same as rows of something longer; NaN in the others.

        Args:
            rows: Which of them these are.
        """

        def spread(array: np.ndarray) -> np.ndarray:
            out = np.full((len(rows), *array.shape[1:]), np.nan)
            out[rows] = array
            return out

        return Labels(*(spread(array) for array in vars(self).values()))
