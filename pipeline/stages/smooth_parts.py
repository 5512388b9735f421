"""What smoothing a hand and smoothing a body have in common."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float


def only_known(known: Bool[np.ndarray, " time"], values: np.ndarray) -> np.ndarray:
    """The values on known frames, NaN elsewhere."""
    return np.where(known.reshape(-1, *[1] * (values.ndim - 1)), values, np.nan)


def is_beyond_stated(
    error: Float[np.ndarray, "time n"], stated: Float[np.ndarray, "time n"] | None
) -> Bool[np.ndarray, " time"]:
    """Frames whose sample is further off than was stated; all frames where nothing was.

    Noise that is estimated is that from frame to frame, for landmarks a tenth of what they may be
    wrong by: what stands out of it need not contradict the motion. A sample within its stated
    sigma does not, in the root mean square over its numbers; nor is it needed, as the motion is
    that of its neighbors.

    Args:
        error: Sample minus motion; NaN where one of them is unknown.
        stated: 1-sigma of the samples before smoothing, in the same units.
    """
    if stated is None:
        return np.ones(len(error), bool)
    inside = ((error / stated) ** 2).mean(axis=1) <= 1.0
    return np.asarray(~inside)


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
