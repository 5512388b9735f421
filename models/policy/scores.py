"""Success rates with what chance allows."""

from __future__ import annotations

import math


def wilson(successes: int, trials: int, *, z: float = 1.96) -> tuple[float, float]:
    """Interval that holds the true rate in 95 % of all cases (Wilson 1927).

    Unlike the normal approximation it is right near 0 and 1; without trials it is 0 to 1.

    Raises:
        ValueError: More successes than trials.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes in {trials} trials; there must be 0..trials")
    if trials == 0:
        return 0.0, 1.0
    rate, square = successes / trials, z * z / trials
    middle = (rate + square / 2) / (1 + square)
    half = z * math.sqrt(rate * (1 - rate) / trials + square / trials / 4) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)
