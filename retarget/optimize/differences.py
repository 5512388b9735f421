"""Finite differences over frames whose clock may be irregular."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.geometry.arrays import Array

REFERENCE_INTERVAL_S = 1.0 / 30.0
"""Weights are per this much time, so that a faster camera does not weigh more."""
MAX_FRAME_INTERVAL_S = 0.1
"""A frame beside a long gap stands for no more time than this."""


def acceleration_bands(
    time_s: Float[np.ndarray, " time"],
    weight: Float[np.ndarray, " time"],
    is_start: Bool[np.ndarray, " time"] | None = None,
) -> Float[np.ndarray, "3 time"]:
    """Bands of the matrix A with `x @ A @ x` the weighted sum of squared accelerations of x.

    Row k holds `A[t + k, t]`. The acceleration at a frame is the second derivative of the parabola
    through it and its neighbors, which honors an irregular clock.
    """
    bands = np.zeros((3, len(time_s)))
    if len(time_s) < 3:
        return bands
    stencil = acceleration_stencil(time_s, is_start)
    # The sum over frames of weight * (stencil' x)^2: outer products of the stencil with itself.
    inner = weight[1:-1]
    for a in range(3):
        for b in range(a + 1):
            bands[a - b, b : len(inner) + b] += inner * stencil[a] * stencil[b]
    return bands


def acceleration_stencil(
    time_s: Float[np.ndarray, " time"], is_start: Bool[np.ndarray, " time"] | None = None
) -> Float[np.ndarray, "3 inner"]:
    """Weights of the frame before, the frame itself and the frame after in its acceleration.

    Zero where a new clip starts in between.
    """
    step = np.diff(time_s)
    if is_start is not None:
        step = np.where(is_start[1:], 1.0, step)
    before, after = step[:-1], step[1:]
    both = before + after
    # Twice the second divided difference: with steps a before and b after,
    # x'' = 2 (x[-1] / (a (a + b)) - x[0] / (a b) + x[1] / (b (a + b))).
    stencil = 2.0 / np.stack([before * both, -before * after, after * both])
    if is_start is not None:
        stencil = stencil * ~(is_start[1:-1] | is_start[2:])
    return stencil


def accelerations_transposed(
    y: Float[np.ndarray, "time column"],
    time_s: Float[np.ndarray, " time"],
    is_start: Bool[np.ndarray, " time"] | None = None,
) -> Float[np.ndarray, "time column"]:
    """The transpose of taking accelerations, applied to values at the frames."""
    out = np.zeros_like(y)
    if len(y) < 3:
        return out
    stencil = acceleration_stencil(time_s, is_start)[:, :, None]
    for a in range(3):
        out[a : len(y) - 2 + a] += stencil[a] * y[1:-1]
    return out


def banded_product(bands: Array, x: Array) -> Array:
    """A symmetric banded matrix, by its lower bands (order, time, column), times each column."""
    out = bands[0] * x
    for k in range(1, min(len(bands), len(x))):
        band = bands[k][:-k]
        out[k:] += band * x[:-k]
        out[:-k] += band * x[k:]
    return out


def seconds_per_frame(
    time_s: Float[np.ndarray, " time"], is_start: Bool[np.ndarray, " time"] | None = None
) -> Float[np.ndarray, " time"]:
    """How much time each frame stands for [s]: half of the way to both neighbors.

    At the ends of a clip the one neighbor counts twice; a frame alone stands for 1/30 s.
    """
    steps = np.minimum(np.diff(time_s), MAX_FRAME_INTERVAL_S)
    if is_start is not None:
        steps = np.where(is_start[1:], np.nan, steps)
    before, after = np.append(np.nan, steps), np.append(steps, np.nan)
    before = np.where(np.isnan(before), after, before)
    after = np.where(np.isnan(after), before, after)
    return np.nan_to_num(0.5 * (before + after), nan=REFERENCE_INTERVAL_S)
