"""How far two sides agree, number by number, and by how many rows the one is late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.compare.sides import PairedRows, SharedNumber, rotations
from rotoscope.pipeline.geometry import se3

LONGEST_LAG_S = 0.5
"""Lags up to this are looked at, as the doctor does."""
LAG_GAIN = 0.1
"""A lag is told where moving the rows takes away more than this share of the difference: shifting
noise against noise gains some percent by chance."""
STILL = 1e-9
"""Numbers that vary less do not move at all."""


@dataclass(frozen=True)
class Agreement:
    """How far the two agree on one number."""

    number: SharedNumber
    """Which."""
    rows: int
    """Rows in which both count."""
    spread: float
    """Standard deviation of the first, in the number's unit."""
    mae: float
    """Mean absolute difference, in the number's unit; of choices the share that differs."""
    worst: float
    """Largest difference."""
    correlation: float
    """Pearson's; NaN where one of the two does not move."""
    lag_rows: int
    """By how many rows the second is late; 0 where no lag stands out."""
    error_a: float = float("nan")
    """Mean absolute error of the first against true actions; NaN without."""
    error_b: float = float("nan")
    """And of the second."""


@dataclass(frozen=True)
class Lag:
    """By how much the second is late, over all numbers."""

    rows: int
    """Rows of the first; 0 where no lag stands out."""
    seconds: float
    """The same [s]."""
    gain: float
    """Share of the difference that it takes away, 0..1."""

    def __str__(self) -> str:
        if not self.rows:
            return "no lag stands out"
        when = "after" if self.rows > 0 else "before"
        return (
            f"B comes {abs(self.rows)} rows ({abs(self.seconds):.3f} s) {when} A: moved by that, "
            f"the difference is {100 * self.gain:.0f} % smaller"
        )


def differences(
    a: Float[np.ndarray, "row number"],
    b: Float[np.ndarray, "row number"],
    numbers: Sequence[SharedNumber],
) -> Float[np.ndarray, "row number"]:
    """How far `b` is from `a`; rotation vectors by the turn between them, choices as 0 or 1."""
    out = b - a
    for three in rotations(numbers):
        known = np.isfinite(out[:, three]).all(axis=1)
        first, second = (se3.exp_so3(values[known, three]) for values in (a, b))
        out[known, three] = se3.log_so3(second @ np.swapaxes(first, -1, -2))
    for column, number in enumerate(numbers):
        if number.quantity == "discrete":
            off = a[:, column] != b[:, column]
            out[:, column] = np.where(np.isfinite(out[:, column]), off, np.nan)
    return out


def agreements(
    stretches: Sequence[PairedRows],
    numbers: Sequence[SharedNumber],
    *,
    fps: float,
    errors: tuple[Float[np.ndarray, " number"], Float[np.ndarray, " number"]] | None = None,
) -> list[Agreement]:
    """One line per number.

    Args:
        stretches: What both are about.
        numbers: What the columns of it are.
        fps: Rows of the first per second.
        errors: Mean absolute errors of both against true actions, where these are known.
    """
    whole_a, whole_b = (np.concatenate([getattr(s, side) for s in stretches]) for side in "ab")
    known = np.concatenate([s.both_know for s in stretches])
    apart = differences(whole_a, whole_b, numbers)
    out = []
    for column, number in enumerate(numbers):
        a, off = whole_a[known[:, column], column], apart[known[:, column], column]
        size = np.abs(off)
        correlation = _correlation(a, a + off, number)
        # Where one side stands still, or only switches, no moment of it has one on the other side.
        moves = np.isfinite(correlation)
        lag = _lag(stretches, [column], numbers, fps) if moves else Lag(0, 0.0, 0.0)
        out.append(
            Agreement(
                number=number,
                rows=len(size),
                spread=float(a.std()) if len(size) else float("nan"),
                mae=float(size.mean()) if len(size) else float("nan"),
                worst=float(size.max()) if len(size) else float("nan"),
                correlation=correlation,
                lag_rows=lag.rows,
                error_a=float("nan") if errors is None else float(errors[0][column]),
                error_b=float("nan") if errors is None else float(errors[1][column]),
            )
        )
    return out


def overall_lag(
    stretches: Sequence[PairedRows], numbers: Sequence[SharedNumber], *, fps: float
) -> Lag:
    """The lag over all numbers that move."""
    moving = [i for i, number in enumerate(numbers) if number.quantity != "discrete"]
    return _lag(stretches, moving, numbers, fps)


def scales(stretches: Sequence[PairedRows]) -> Float[np.ndarray, " number"]:
    """What a difference of each number is measured by, so that they can be added.

    The larger spread of the two sides; without bound for numbers that stand still on both, which
    differ everywhere alike.
    """
    spreads = []
    for side in "ab":
        values = np.concatenate([getattr(s, side) for s in stretches])
        known = np.concatenate([getattr(s, f"known_{side}") for s in stretches])
        columns = zip(values.T, known.T, strict=True)
        spreads.append(
            [float(one[is_known].std()) if is_known.any() else 0.0 for one, is_known in columns]
        )
    spread: np.ndarray = np.max(spreads, axis=0)
    return np.where(spread > STILL, spread, np.inf)


def _lag(
    stretches: Sequence[PairedRows],
    columns: Sequence[int],
    numbers: Sequence[SharedNumber],
    fps: float,
) -> Lag:
    scale = scales(stretches)[list(columns)]
    chosen = [numbers[c] for c in columns]
    most = min(round(LONGEST_LAG_S * fps), max(len(s.a) for s in stretches) // 4)
    cost = {k: _cost(stretches, columns, chosen, scale, k, most) for k in range(-most, most + 1)}
    known = {k: c for k, c in cost.items() if np.isfinite(c)}
    now = known.get(0, np.nan)
    if not known or not now > 0:
        return Lag(0, 0.0, 0.0)
    best = min(known, key=lambda k: (known[k], abs(k)))
    gain = 1 - known[best] / now
    return Lag(best, best / fps, gain) if gain > LAG_GAIN else Lag(0, 0.0, 0.0)


def _cost(
    stretches: Sequence[PairedRows],
    columns: Sequence[int],
    numbers: Sequence[SharedNumber],
    scale: np.ndarray,
    lag: int,
    most: int,
) -> float:
    """Mean difference in spreads where the second is read some rows later, its median left out.

    Over the same rows of the first for every lag up to `most`: a spike near an end must not make a
    lag look good by falling out. Nor must an even offset, which is no lag.
    """
    found: list[np.ndarray] = [np.zeros((0, len(columns)))]
    for one in stretches:
        core = slice(most, len(one.a) - most)
        later = slice(most + lag, len(one.a) - most + lag)
        if core.stop > core.start:
            both = (one.known_a[core] & one.known_b[later])[:, columns]
            a, b = one.a[core][:, columns], one.b[later][:, columns]
            found.append(np.where(both, differences(a, b, numbers) / scale, np.nan))
    off = np.concatenate(found)
    parts = [part[np.isfinite(part)] for part in off.T]
    sizes = [np.abs(part - np.median(part)) for part in parts if len(part)]
    return float(np.concatenate(sizes).mean()) if sizes else float("nan")


def _correlation(a: np.ndarray, b: np.ndarray, number: SharedNumber) -> float:
    if number.quantity == "discrete" or len(a) < 3 or min(a.std(), b.std()) <= STILL:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])
