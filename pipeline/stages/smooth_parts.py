"""What smoothing a hand and smoothing a body have in common."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float


def only_known(known: Bool[np.ndarray, " time"], values: np.ndarray) -> np.ndarray:
    """The values on known frames, NaN elsewhere."""
    return np.where(known.reshape(-1, *[1] * (values.ndim - 1)), values, np.nan)


SCATTER_S = 0.15
"""How far to each side samples are looked at together [s]."""
MEDIAN_OF_NOISE = 0.888
"""Median length of a normal error in space, in root mean square lengths: sqrt(2.366 / 3)."""


def error_in_sigmas(
    error: Float[np.ndarray, "time n"], stated: Float[np.ndarray, "time n"] | None
) -> Float[np.ndarray, " time"]:
    """Distance of each sample from the motion in stated sigmas, root mean square over its numbers.

    Noise that is estimated is that from frame to frame, for landmarks a tenth of what they may be
    wrong by: what stands out of it need not contradict the motion. A sample within its stated
    sigma does not; nor is it needed, as the motion is that of its neighbors.

    Args:
        error: Sample minus motion; NaN where one of them is unknown.
        stated: 1-sigma of the samples before smoothing, in the same units.

    Returns:
        NaN where either is unknown.
    """
    if stated is None:
        return np.full(len(error), np.nan)
    return np.asarray(np.sqrt(((error / stated) ** 2).mean(axis=1)))


def scatter_in_sigmas(
    time_s: Float[np.ndarray, " time"], sigmas: Float[np.ndarray, " time"]
) -> Float[np.ndarray, " time"]:
    """How far the samples around each frame lie from the motion, in sigmas.

    Noise that is estimated follows the samples: where all of them scatter none is an outlier. More
    than 1 says that they contradict each other by more than they state. It is their median, so that
    a few outliers say nothing of their neighbors; 0 where nothing is known.

    Args:
        time_s: Frame times [s].
        sigmas: `error_in_sigmas` of each sample; NaN where there is none.
    """
    samples = np.flatnonzero(np.isfinite(sigmas))
    first = np.searchsorted(time_s[samples], time_s - SCATTER_S - 1e-6)
    last = np.searchsorted(time_s[samples], time_s + SCATTER_S + 1e-6)
    around = [sigmas[samples[a:b]] for a, b in zip(first, last, strict=True)]
    return np.array([np.median(some) / MEDIAN_OF_NOISE if len(some) else 0.0 for some in around])


def with_systematic(
    time_s: Float[np.ndarray, " time"],
    variance: Float[np.ndarray, "time ..."],
    stated: Float[np.ndarray, "time ..."] | None,
    good: Bool[np.ndarray, " time"],
    fraction: float,
) -> Float[np.ndarray, "time ..."]:
    """1-sigma of random and systematic part together; inside gaps the latter is interpolated.

    Args:
        time_s: Frame times [s].
        variance: What noise and motion leave of uncertainty, squared.
        stated: 1-sigma before smoothing; none to have the random part alone.
        good: Frames whose stated sigma counts.
        fraction: Share of the stated sigma that is common to all frames.
    """
    if stated is None or not good.any():
        return np.sqrt(variance)
    columns = stated.reshape(len(stated), -1).T
    between = [np.interp(time_s, time_s[good], column[good]) for column in columns]
    systematic = fraction * np.stack(between, axis=1).reshape(stated.shape)
    return np.asarray(np.sqrt(variance + systematic**2))
