"""Error against the number of demonstrations: a power law with an offset, and its interval.

The form is that of J. Hestness et al., "Deep learning scaling is predictable, empirically", 2017
(1712.00409), found for imitation of robots by F. Lin et al., "Data scaling laws in imitation
learning for robotic manipulation", 2024 (2410.18647).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

EXPONENTS = (0.05, 4.0)
"""How fast errors may fall. Set, not tuned: exponents that are reported lie between 0.1 and 1.5;
what falls faster than a fourth power cannot be told from what falls at once."""
_FIRST_GUESSES = (0.3, 1.0, 2.5)
RESAMPLES = 200
"""Curves that an interval is taken from: its ends move by a twentieth of its width."""
MIN_COUNTS = 4
"""Counts that a curve of three numbers is fitted to, at least."""


@dataclass(frozen=True)
class Curve:
    """`offset + drop (n / first)^-exponent`, at most `ceiling`."""

    first: int
    """The least number of demonstrations that was tried."""
    offset: float
    """Error that is left however many demonstrations there are; 0 and above."""
    drop: float
    """What is above that at `first`, were there no ceiling; 0 and above."""
    exponent: float
    """How fast it falls; see `EXPONENTS`."""
    ceiling: float
    """The largest error there is: 1 for failures, infinite else."""

    def __call__(self, counts: Sequence[int] | np.ndarray) -> Float[np.ndarray, " count"]:
        """Errors that are expected of so many demonstrations."""
        share = np.asarray(counts, float) / self.first
        return np.minimum(self.offset + self.drop * share**-self.exponent, self.ceiling)

    def gain(self, now: int, more: int) -> float:
        """How much less the error is with `more` demonstrations than with `now`."""
        before, after = self([now, now + more])
        return float(before - after)


def fit_curve(
    counts: Sequence[int], errors: Float[np.ndarray, " count"], *, ceiling: float = np.inf
) -> Curve:
    """The curve of least squares.

    Args:
        counts: Numbers of demonstrations, increasing; four at least.
        errors: Mean error of each; 0 and above.
        ceiling: The largest error there is.

    Raises:
        ValueError: Fewer than four counts, or errors that are not finite.
    """
    from scipy.optimize import least_squares

    if len(counts) < MIN_COUNTS or not np.isfinite(errors).all():
        raise ValueError(
            f"a curve needs {MIN_COUNTS} counts and finite errors, got {counts}, {errors}"
        )
    first, last = float(errors[0]), float(errors[-1])
    top = max(float(np.max(errors)), 1e-9)

    def curve(told: np.ndarray) -> Curve:
        return Curve(counts[0], top * told[0], top * told[1], told[2], ceiling)

    low, high = np.array([0, 0, EXPONENTS[0]]), np.array([np.inf, np.inf, EXPONENTS[1]])
    found = [
        least_squares(
            lambda told: (curve(told)(counts) - errors) / top,
            np.array([max(last, 0) / top / 2, max(first - last / 2, 1e-3) / top, guess]),
            bounds=(low, high),
        )
        for guess in _FIRST_GUESSES
    ]
    return curve(min(found, key=lambda one: float(one.cost)).x)


def resampled(
    errors: Float[np.ndarray, "count repeat unit"], *, seed: int = 0
) -> Float[np.ndarray, "resample count"]:
    """Mean errors, had chance drawn other repeats and other units in each (bootstrap).

    The same ones for every count: counts are compared on the same starts, or episodes.
    """
    draw = np.random.default_rng(seed)
    _, repeats, units = errors.shape
    out = []
    for _ in range(RESAMPLES):
        chosen = draw.integers(repeats, size=repeats)
        within = draw.integers(units, size=(repeats, units))
        out.append(errors[:, chosen[:, None], within].mean(axis=(1, 2)))
    return np.array(out)


def interval(values: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """What 95 % of them lie between."""
    low, high = np.quantile(np.asarray(values, float), [0.025, 0.975])
    return float(low), float(high)
