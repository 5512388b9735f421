"""Joint estimation of a motion, its process noise at each moment, the noise and the outliers.

Expectation maximization, in units of the first guess of the noise: the E step is the posterior of
the motion for given parameters (exact, one banded system), the M step the parameters for that
posterior (`process`, `measurement`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.smoothing import block_tridiagonal, process
from rotoscope.pipeline.smoothing.layout import Layout
from rotoscope.pipeline.smoothing.measurement import (
    Measurement,
    initial_weights,
    running_median_residual,
)
from rotoscope.pipeline.smoothing.stationary import fit_signals, smallest_noise

NEIGHBORS = 3
"""Samples on each side that a sample must stand out from to be an outlier."""


@dataclass(frozen=True, eq=False)
class Units:
    """Zero and scale of each signal, and how samples compare to each other."""

    center: Float[np.ndarray, " signal"]
    """Subtracted from the samples."""
    scale: Float[np.ndarray, " signal"]
    """First guess of the noise, as 1-sigma of a sample of relative sigma 1."""
    relative: Float[np.ndarray, "sample signal"]
    """Stated sigma of the samples over its median."""
    is_known: bool
    """Whether `scale` means something: estimated from enough samples, or stated."""

    def normalize(
        self, samples: Float[np.ndarray, "sample signal"]
    ) -> Float[np.ndarray, "sample signal"]:
        """Samples in units of the noise."""
        return (samples - self.center) / self.scale


@dataclass(frozen=True, eq=False)
class Estimate:
    """Parameters of motion and measurement, and the motion that they give."""

    measurement: Measurement
    """Noise and outliers."""
    process: Float[np.ndarray, "interval signal signal"]
    """Covariance of the third difference of each knot interval."""
    coefficients: Float[np.ndarray, "coefficient signal"]
    """Spline coefficients of the motion."""
    band: Float[np.ndarray, "coefficient 4 signal signal"]
    """Covariance of each coefficient with itself and the next three."""


def start(
    layout: Layout,
    samples: Float[np.ndarray, "sample signal"],
    sigma: Float[np.ndarray, "sample signal"] | None,
) -> tuple[Units, Estimate]:
    """Units and a first estimate: each signal for itself, motion alike at all times.

    Args:
        layout: Clock and knots.
        samples: Signals in their own units.
        sigma: Stated 1-sigma of the samples, or `None` for samples alike.

    Raises:
        TrackError: A stated sigma is not a number above 0.
    """
    if sigma is not None and not (np.isfinite(sigma).all() and (sigma > 0).all()):
        raise TrackError(
            "every valid sample must have a stated sigma > 0; leave sigma out where there is none"
        )
    stated = np.ones(samples.shape[1]) if sigma is None else np.median(sigma, axis=0)
    relative = np.ones_like(samples) if sigma is None else sigma / stated
    good = initial_weights(samples, layout.run_of_sample)
    weight = good / np.mean(relative**2, axis=1)
    center = samples.mean(axis=0)
    alone = fit_signals(layout, samples - center, weight, np.ones(layout.jerks.num_rows))
    scale = np.sqrt(alone.noise) if layout.is_noise_visible or sigma is None else stated
    scale = np.maximum(scale, smallest_noise(samples - center))
    units = Units(center, scale, relative, layout.is_noise_visible or sigma is not None)
    variance = np.repeat(np.diag(1.0 / alone.ratio)[None], layout.jerks.num_rows, axis=0)
    measurement = Measurement.first_guess(relative, good)
    return units, posterior_of(layout, units.normalize(samples), measurement, variance)


def em_steps(
    layout: Layout,
    samples: Float[np.ndarray, "sample signal"],
    estimate: Estimate,
    num_iterations: int,
) -> Estimate:
    """Parameters and motion after more rounds, where there are enough samples to tell noise.

    Samples are in units of the noise.
    """
    median_residual = running_median_residual(samples, layout.run_of_sample, NEIGHBORS)
    for _ in range(num_iterations if layout.is_noise_visible else 0):
        coefficients, band = estimate.coefficients, estimate.band
        residual = samples - layout.at_samples.values(coefficients)
        fit_cov = layout.at_samples.covariance(band)
        measurement = estimate.measurement.updated(residual, fit_cov, median_residual)
        jerk, jerk_cov = layout.jerks.values(coefficients), layout.jerks.covariance(band)
        strength = process.update(estimate.process, jerk, jerk_cov, layout.window)
        estimate = posterior_of(layout, samples, measurement, strength)
    return estimate


def posterior_of(
    layout: Layout,
    samples: Float[np.ndarray, "sample signal"],
    measurement: Measurement,
    strength: Float[np.ndarray, "interval signal signal"],
) -> Estimate:
    """The posterior of the motion for given parameters. Samples are in units of the noise."""
    if layout.is_noise_visible:
        measurement = measurement.with_process(strength[layout.interval_of_sample])
    precision = measurement.precision
    # Information of the spline's coefficients: sum A^T R^-1 A of the samples, sum D^T Q^-1 D of the
    # third differences, and a faint pull to rest; its vector is sum A^T R^-1 y.
    information = layout.at_samples.gram(precision) + layout.jerks.gram(np.linalg.inv(strength))
    information += layout.rest[:, :, None, None] * np.eye(samples.shape[1])
    weighted = layout.at_samples.scatter(precision @ samples[:, :, None])
    posterior = block_tridiagonal.solve(information, weighted)
    return Estimate(measurement, strength, posterior.mean[..., 0], posterior.band)
