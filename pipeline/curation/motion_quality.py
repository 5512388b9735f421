"""How smooth the motion is, where it stands still at the ends, and where actions hit their limits.

None of these says whether a label is right: smoothness is mostly a matter of length and task, and a
good demonstration may rest. See the table in the benchmarks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.curation.forward_model import Moves
from rotoscope.pipeline.curation.score import Score, by_episode

SMOOTHNESS, IDLE, SATURATION = "smoothness", "idle", "saturation"
_MAX_HZ, _MIN_AMPLITUDE = 10.0, 0.05
"""Cutoff frequency and amplitude of the spectral arc length (Balasubramanian et al., 2015)."""
_PADDED = 16
"""How many times as long the padded speed is, at least, as in the published measure."""
_STILL = 0.02
"""Steps below this share of a usual large step are none."""
_AT_LIMIT = 1e-3
"""Distance from a limit, as a share of the range, that counts as at it."""


def smoothness(episodes: Sequence[Moves], *, fps: float, source: str) -> Score:
    """`smoothness` by episode: the spectral arc length of the speed, 0 at best, below it less."""
    scale = _step_scale(episodes)
    found = {e.episode: spectral_arc_length(_speed(e, scale), fps) for e in episodes}
    return Score(
        SMOOTHNESS,
        "1",
        f"Spectral arc length of the speed of {source}: nearer to 0 is smoother.",
        "low",
        "episode",
        by_episode(found, {e.episode: len(e.action) for e in episodes}),
    )


def spectral_arc_length(speed: Float[np.ndarray, " step"], fps: float) -> float:
    """Minus the length of the normalized spectrum of a speed; NaN where nothing moves.

    Source: S. Balasubramanian, A. Melendez-Calderon, A. Roby-Brami and E. Burdet, "On the analysis
    of movement smoothness", 2015, equation 2.
    """
    if len(speed) < 2 or not np.isfinite(speed).all() or speed.max() <= 0:
        return float("nan")
    size = 2 ** int(np.ceil(np.log2(_PADDED * len(speed))))
    amplitude = np.abs(np.fft.rfft(speed, size))
    frequency = np.fft.rfftfreq(size, 1 / fps)
    amplitude = amplitude / amplitude[0]
    loud = np.flatnonzero((amplitude >= _MIN_AMPLITUDE) & (frequency <= _MAX_HZ))
    last = int(loud[-1]) + 1
    if last < 2:
        return 0.0
    across = np.diff(frequency[:last]) / (frequency[last - 1] - frequency[0])
    return -float(np.hypot(across, np.diff(amplitude[:last])).sum())


def idle_ends(episodes: Sequence[Moves], *, fps: float, source: str) -> Score:
    """`idle` by row: seconds that nothing moves at the beginning or end that the row is in.

    Rows in which something moves, or is about to after a pause, have 0.
    """
    scale = _step_scale(episodes)
    values = {}
    for moves in episodes:
        is_still = np.concatenate([_speed(moves, scale) < _STILL, [True]])
        is_still &= np.concatenate([_is_same_action(moves), [True]])
        values[moves.episode] = _ends(is_still) / fps
    return Score(
        IDLE,
        "s",
        f"How long {source} and the action rest at the beginning or end that the row is in; 0 in "
        "between.",
        "high",
        "row",
        values,
        {
            i: float(row[0] + (row[-1] if row[-1] < len(row) / fps else 0))
            for i, row in values.items()
        },
    )


def saturation(episodes: Sequence[Moves], bounds: tuple[np.ndarray, np.ndarray] | None) -> Score:
    """`saturation` by row: share of the action's numbers that stand at a limit.

    Args:
        episodes: All episodes.
        bounds: Limits of each number; where `None`, or infinite, the extremes of the dataset.
    """
    whole = np.concatenate([e.action for e in episodes])
    low, high = np.nanmin(whole, axis=0), np.nanmax(whole, axis=0)
    if bounds is not None:
        low = np.where(np.isfinite(bounds[0]), bounds[0], low)
        high = np.where(np.isfinite(bounds[1]), bounds[1], high)
    near = _AT_LIMIT * np.maximum(high - low, 1e-12)
    values = {
        e.episode: ((e.action <= low + near) | (e.action >= high - near)).mean(axis=1)
        for e in episodes
    }
    return Score(
        SATURATION,
        "1",
        "Share of the action's numbers that stand at their limit, or at the dataset's extreme.",
        "high",
        "episode",
        values,
    )


def _step_scale(episodes: Sequence[Moves]) -> Float[np.ndarray, " state"]:
    """A usual large step of each number; infinite where it never moves."""
    steps = np.abs(np.concatenate([e.steps for e in episodes]))
    scale = np.nanquantile(steps, 0.9, axis=0)
    scale = np.where(scale > 0, scale, np.nanmax(steps, axis=0))
    return np.where(scale > 0, scale, np.inf)


def _speed(moves: Moves, scale: Float[np.ndarray, " state"]) -> Float[np.ndarray, " step"]:
    found: np.ndarray = np.linalg.norm(moves.steps / scale, axis=1)
    return found


def _is_same_action(moves: Moves) -> Bool[np.ndarray, " step"]:
    spread = np.ptp(moves.action, axis=0)
    steps = np.abs(np.diff(moves.action, axis=0))
    same: np.ndarray = (steps <= _STILL * np.where(spread > 0, spread, 1)).all(axis=1)
    return same


def _at_both_ends(idle_s: Float[np.ndarray, " row"]) -> float:
    """Seconds at beginning and end together; one stretch where all of it is idle."""
    return float(idle_s[0] if (idle_s > 0).all() else idle_s[0] + idle_s[-1])


def _ends(is_still: Bool[np.ndarray, " row"]) -> Float[np.ndarray, " row"]:
    """Rows of the still stretch at either end, in every row of it; 0 elsewhere."""
    out = np.zeros(len(is_still))
    moving = np.flatnonzero(~is_still)
    first, last = (int(moving[0]), int(moving[-1]) + 1) if len(moving) else (len(out), len(out))
    out[:first] = first
    out[last:] = len(out) - last
    return out
