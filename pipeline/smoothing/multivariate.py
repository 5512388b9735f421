"""Smooths many correlated signals at once, such as the joints of a hand in its wrist frame.

Signals are turned into their principal components, which move independently of each other over the
clip. The components share the times at which they move (a profile of activity, learnt) and the
frames that are outliers; each has a ratio of noise to motion of its own, the likeliest of a few
classes, and its noise follows in closed form. So a few small systems serve any number of signals.
Model and updates are those of `vectors`, for scalars.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.smoothing.layout import Layout, check_signals
from rotoscope.pipeline.smoothing.measurement import (
    LARGEST_SHARE,
    PRIOR_OUTLIER_SPREAD,
    PRIOR_OUTLIERS,
    good_weight,
    initial_weights,
    running_median_residual,
)
from rotoscope.pipeline.smoothing.process import SHARE_OF_CLIP
from rotoscope.pipeline.smoothing.stationary import SignalFit, fit_signals

NUM_ITERATIONS = 3
"""Rounds of estimation. On synthetic hands the error is within 1 % of its limit."""
ACTIVITY_RANGE = 1e4
"""Activity stays within this factor of the clip's typical one, either way."""
NEIGHBORS = 2
"""Samples on each side that a sample must stand out from to be an outlier."""
INDEPENDENT_SHARE = 0.1
"""Noise is common to many signals: this share of them counts as independent witnesses when a frame
is judged."""


@dataclass(frozen=True, eq=False)
class SmoothedMultivariate:
    """Many signals after smoothing, on the clock they came on."""

    mean: Float[np.ndarray, "time signal"]
    """Smoothed values; NaN where nothing is known."""
    sigma: Float[np.ndarray, "time signal"]
    """1-sigma of `mean` due to noise and motion; NaN where nothing is known."""
    is_outlier: Bool[np.ndarray, " time"]
    """Frames that lie grossly off the motion; they had no influence."""
    filled: Bool[np.ndarray, " time"]
    """Frames without a good sample in a gap that is short enough to be bridged."""


@dataclass(frozen=True, eq=False)
class _Parameters:
    """What all components share."""

    weight: Float[np.ndarray, " sample"]
    """Probability that each sample is good."""
    activity: Float[np.ndarray, " interval"]
    """Variance of the third difference over the clip's typical one."""
    outlier_share: float = 0.02
    """Prior probability that a sample is an outlier, 0..1."""
    outlier_variance: float = PRIOR_OUTLIER_SPREAD**2
    """Variance that an outlier adds, in units of the noise variance."""


def smooth_multivariate(
    time_s: Float[np.ndarray, " time"],
    values: Float[np.ndarray, "time signal"],
    valid: Bool[np.ndarray, " time"],
    *,
    max_gap_s: float,
) -> SmoothedMultivariate:
    """The most likely motion behind many noisy signals that are sampled together.

    Linear relations that hold in all samples (a coordinate that is always zero, a point that stays
    in a plane) hold in the result.

    Args:
        time_s: Frame times [s], increasing; intervals may vary.
        values: Samples of any number of signals in one unit.
        valid: Frames that have a sample.
        max_gap_s: Samples further apart than this [s] are not connected; see `smooth_vectors`.

    Raises:
        TrackError: Lengths differ, times do not increase, or a valid sample is not finite.
    """
    check_signals("smooth_multivariate", time_s, values, valid, max_gap_s)
    if not valid.any():
        nothing, no = np.full(values.shape, np.nan), np.zeros(len(time_s), bool)
        return SmoothedMultivariate(nothing, nothing, no, no)
    layout = Layout.of(time_s, valid, max_gap_s)
    good = initial_weights(values[valid], layout.run_of_sample)
    center = np.average(values[valid], axis=0, weights=good)
    axes = _principal_axes((values[valid] - center)[good > 0])
    samples = (values[valid] - center) @ axes
    parameters = _Parameters(np.ones(len(samples)), np.ones(layout.jerks.num_rows))
    fit = fit_signals(layout, samples, parameters.weight, parameters.activity)
    median_residual = running_median_residual(samples, layout.run_of_sample, NEIGHBORS)
    for _ in range(NUM_ITERATIONS if layout.is_noise_visible else 0):
        weighted = _reweighted(layout, samples, median_residual, parameters, fit)
        parameters = replace(weighted, activity=_activity(layout, parameters.activity, fit))
        fit = fit_signals(layout, samples, parameters.weight, parameters.activity)
    return _result(layout, parameters, fit, center, axes)


def _principal_axes(
    samples: Float[np.ndarray, "sample signal"],
) -> Float[np.ndarray, "signal component"]:
    """Orthogonal directions in which the samples differ, uncorrelated over the clip."""
    power, axes = np.linalg.eigh(samples.T @ samples)
    return np.asarray(axes[:, power >= 1e-12 * power[-1]])


def _reweighted(
    layout: Layout,
    samples: np.ndarray,
    median_residual: np.ndarray,
    parameters: _Parameters,
    fit: SignalFit,
) -> _Parameters:
    """Which frames are good, judged by all components from all other frames."""
    fit_variance = layout.at_samples.covariance(fit.band)[:, fit.choice, 0, 0]
    fit_variance = np.maximum(fit_variance, 0.0)
    # Leave-one-out residual: r / (1 - leverage), with the leverage weight * variance of the fit.
    keep = 1.0 + LARGEST_SHARE - np.minimum(parameters.weight[:, None] * fit_variance, 1.0)
    left_out = (samples - layout.at_samples.values(fit.coefficients)) / np.sqrt(fit.noise) / keep
    if_good = fit_variance / keep + 1.0
    witnesses = max(1.0, INDEPENDENT_SHARE * samples.shape[1])
    log_good = witnesses * np.fmax(
        _mean_log_density(left_out, if_good),
        _mean_log_density(median_residual / np.sqrt(fit.noise), np.ones_like(if_good)),
    )
    log_bad = witnesses * _mean_log_density(left_out, if_good + parameters.outlier_variance)
    weight, outlier_share = good_weight(log_good, log_bad, parameters.outlier_share)
    bad = 1.0 - weight
    total = bad @ (left_out**2).mean(axis=1) + PRIOR_OUTLIERS * PRIOR_OUTLIER_SPREAD**2
    variance = float(total / (bad.sum() + PRIOR_OUTLIERS))
    return replace(
        parameters, weight=weight, outlier_share=outlier_share, outlier_variance=variance
    )


def _mean_log_density(
    x: Float[np.ndarray, "sample component"], variance: Float[np.ndarray, "sample component"]
) -> Float[np.ndarray, " sample"]:
    """Logarithm of normal densities without their constant, mean over components."""
    return np.asarray(-0.5 * (x**2 / variance + np.log(variance)).mean(axis=1))


def _activity(
    layout: Layout, activity: Float[np.ndarray, " interval"], fit: SignalFit
) -> Float[np.ndarray, " interval"]:
    """A more likely profile of activity: `process.update` for scalars, all components together."""
    jerk = layout.jerks.values(fit.coefficients)
    jerk_variance = layout.jerks.covariance(fit.band)[:, fit.choice, 0, 0]
    # Every component in units of its own process noise: noise over ratio at activity 1.
    moment = (fit.ratio / fit.noise * jerk**2).sum(axis=1)
    # Equation (2) of `process.update`; rounding leaves 0..1 where nothing is determined.
    kept = np.clip(fit.ratio * jerk_variance / activity[:, None], 0.0, 1.0)
    slope = (1.0 - kept).sum(axis=1) / activity
    numerator = layout.window.sum(moment) + SHARE_OF_CLIP * moment.mean() + 1e-6 * activity
    denominator = layout.window.sum(slope) + SHARE_OF_CLIP * slope.mean() + 1e-6 / activity
    # Equation (4) for scalars. The ratios carry the scale, so that activity keeps the mean 1.
    new = np.sqrt(numerator / denominator)
    return np.clip(new / np.exp(np.log(new).mean()), 1.0 / ACTIVITY_RANGE, ACTIVITY_RANGE)


def _result(
    layout: Layout, parameters: _Parameters, fit: SignalFit, center: np.ndarray, axes: np.ndarray
) -> SmoothedMultivariate:
    """The fit in the signals' own axes, on all frames."""
    shape = (len(layout.time_s), len(center))
    mean, sigma = np.full(shape, np.nan), np.full(shape, np.nan)
    mean[layout.frames] = center + layout.at_frames.values(fit.coefficients) @ axes.T
    variance = layout.at_frames.covariance(fit.band)[:, fit.choice, 0, 0] * fit.noise
    if layout.is_noise_visible:
        sigma[layout.frames] = np.sqrt(variance @ (axes**2).T)
    known, is_outlier, filled = layout.verdict(parameters.weight)
    mean[~known], sigma[~known] = np.nan, np.nan
    return SmoothedMultivariate(mean, sigma, is_outlier, filled)
