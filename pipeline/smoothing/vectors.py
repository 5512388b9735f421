"""Smooths a few coupled signals on an irregular clock, such as a position.

The motion model is in `knots`, its strength in `process`, noise and outliers in `measurement`; mean
and covariance come from `block_tridiagonal`. Process noise and measurement noise are full matrices:
a reach moves along one direction, so the axis that is measured well helps the one that is measured
badly, and the result hardly depends on how the axes are turned (only the first guess is made axis
by axis).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.smoothing.em import Estimate, Units, em_steps, start
from rotoscope.pipeline.smoothing.layout import Layout, check_signals

NUM_ITERATIONS = 7
"""Rounds of estimation. On synthetic reaches the error is within 2 % of its limit."""


@dataclass(frozen=True, eq=False)
class Smoothed:
    """Signals after smoothing, on the clock they came on."""

    mean: Float[np.ndarray, "time signal"]
    """Smoothed values; NaN where nothing is known."""
    covariance: Float[np.ndarray, "time signal signal"]
    """Covariance of `mean` due to noise and motion, larger inside gaps; NaN where nothing is known.
    An error common to all samples, such as a wrong scale, is not in it: no smoother can see it."""
    is_outlier: Bool[np.ndarray, " time"]
    """Samples that lie grossly off the motion; they had no influence."""
    filled: Bool[np.ndarray, " time"]
    """Frames without a good sample in a gap that is short enough to be bridged."""
    noise_sigma: Float[np.ndarray, " signal"]
    """Estimated 1-sigma of a sample with median stated sigma; NaN with too few samples to tell."""

    @property
    def sigma(self) -> Float[np.ndarray, "time signal"]:
        """1-sigma of `mean` per signal."""
        return np.sqrt(np.einsum("tii->ti", self.covariance))

    @classmethod
    def unknown(cls, num_frames: int, num_signals: int) -> Smoothed:
        """The answer where there is no sample."""
        nothing = np.full((num_frames, num_signals), np.nan)
        covariance = np.full((num_frames, num_signals, num_signals), np.nan)
        no = np.zeros(num_frames, bool)
        return cls(nothing, covariance, no, no, nothing[0])

    @classmethod
    def of(cls, layout: Layout, units: Units, estimate: Estimate) -> Smoothed:
        """An estimate in the signals' own units, on all frames."""
        num_frames, n = len(layout.time_s), len(units.scale)
        scale = units.scale if units.is_known else np.full(n, np.nan)
        mean = np.full((num_frames, n), np.nan)
        covariance = np.full((num_frames, n, n), np.nan)
        motion = layout.at_frames.values(estimate.coefficients)
        mean[layout.frames] = units.center + units.scale * motion
        spread = layout.at_frames.covariance(estimate.band)
        covariance[layout.frames] = spread * np.outer(scale, scale)
        known, is_outlier, filled = layout.verdict(estimate.measurement.weight)
        mean[~known], covariance[~known] = np.nan, np.nan
        noise_sigma = scale * np.sqrt(np.diag(estimate.measurement.noise))
        return cls(mean, covariance, is_outlier, filled, noise_sigma)


def smooth_vectors(
    time_s: Float[np.ndarray, " time"],
    values: Float[np.ndarray, "time signal"],
    valid: Bool[np.ndarray, " time"],
    *,
    max_gap_s: float,
    sigma: Float[np.ndarray, "time signal"] | None = None,
) -> Smoothed:
    """The most likely motion behind noisy samples with gaps and outliers.

    Noise and strength of the motion are estimated from these samples; nothing is tuned. To know the
    motion at other times inside gaps, add them to the clock with `valid` False.

    Args:
        time_s: Frame times [s], increasing; intervals may vary.
        values: Samples of a few (1 to 6) signals.
        valid: Frames that have a sample.
        max_gap_s: Samples further apart than this [s] are not connected: the frames between them
            stay unknown and the motion starts anew. Neighbors on a slow clock always are.
        sigma: Stated 1-sigma of the samples. Only its course over the clip counts, except where
            there are too few samples to estimate the noise.

    Raises:
        TrackError: Lengths differ, times do not increase, a valid sample is not finite or its
            stated sigma not above 0.
    """
    check_signals("smooth_vectors", time_s, values, valid, max_gap_s)
    if not valid.any():
        return Smoothed.unknown(*values.shape)
    layout = Layout.of(time_s, valid, max_gap_s)
    samples = values[valid]
    units, estimate = start(layout, samples, None if sigma is None else sigma[valid])
    estimate = em_steps(layout, units.normalize(samples), estimate, NUM_ITERATIONS)
    return Smoothed.of(layout, units, estimate)
