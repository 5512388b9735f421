"""Ticks that a person would write: round numbers, a few of them, none beside the axis."""

from __future__ import annotations

import itertools
import math

STEPS = (1.0, 2.0, 5.0, 10.0)
"""First digits of the distance between two ticks."""


def ticks(low: float, high: float, *, most: int = 5) -> list[float]:
    """Round numbers inside a range, `most` at most and at least two where two round ones fit.

    Args:
        low: Start of the axis.
        high: End of the axis, above its start.
        most: How many there is room for.
    """
    span = high - low
    if not (math.isfinite(span) and span > 0):
        return [low]
    rough = span / max(most, 1)
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(s * unit for s in STEPS if s * unit >= rough * (1 - 1e-9))
    slack = 1e-6 * span
    first, last = math.ceil((low - slack) / step), math.floor((high + slack) / step)
    # A product of whole numbers, so that no sum of tenths gathers dust.
    return [round(k * step, 12) + 0.0 for k in range(first, last + 1)]


def labels(values: list[float]) -> list[str]:
    """The ticks as text, all with as many decimals as the finest of them needs."""
    steps = [abs(b - a) for a, b in itertools.pairwise(values)] or [1.0]
    decimals = max(0, min(6, -math.floor(math.log10(min(steps) * (1 + 1e-9)))))
    return [f"{value:.{decimals}f}" for value in values]
