"""How far samples lie from the motion: noise covariance, and which samples are gross outliers.

A sample is good with the estimated noise or, with small probability, an outlier with a much wider
covariance; both and the share of outliers are fitted (a contaminated normal, Tukey 1960). Each
sample is judged by its distance from the motion that all *other* samples predict, over all axes
together: an outlier has no say in its own trial. Whoever stays among its neighbors is good as
well: a hand that snaps from rest surprises the motion model, but is no outlier.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from rotoscope.pipeline.smoothing.segments import neighbors

PRIOR_SAMPLES = 4.0
"""The first guess of the noise counts as this many samples."""
PRIOR_OUTLIERS = 2.0
"""The first guess of the outliers' covariance counts as this many outliers."""
PRIOR_OUTLIER_SPREAD = 10.0
"""First guess of an outlier's size, in units of the noise."""

UNRESOLVED_SHARE = 1e-3
"""Jerk that changes within a knot interval leaves the spline by this share of the variance of the
third difference. Measured on noise-free reaches; without it such samples count as outliers."""
LARGEST_SHARE = 1e-3
"""A sample that makes up all but this much of its own fit cannot be judged by the others."""


@dataclass(frozen=True, eq=False)
class Measurement:
    """The measurement model, in units of the first guess of the noise."""

    relative: Float[np.ndarray, "sample signal"]
    """Stated 1-sigma of each sample over the clip's median."""
    noise: Float[np.ndarray, "signal signal"]
    """Covariance of a good sample whose relative sigma is 1."""
    outlier: Float[np.ndarray, "signal signal"]
    """Covariance that an outlier adds to the noise."""
    outlier_share: float
    """Prior probability that a sample is an outlier, 0..1."""
    weight: Float[np.ndarray, " sample"]
    """Probability that each sample is good."""
    unresolved: Float[np.ndarray, "sample signal signal"]
    """Covariance of the motion that the spline is too coarse to follow."""

    @classmethod
    def first_guess(
        cls, relative: Float[np.ndarray, "sample signal"], weight: Float[np.ndarray, " sample"]
    ) -> Measurement:
        """Unit noise and one outlier in fifty samples."""
        eye = np.eye(relative.shape[1])
        nothing = np.zeros((*relative.shape, relative.shape[1]))
        return cls(relative, eye, PRIOR_OUTLIER_SPREAD**2 * eye, 0.02, weight, nothing)

    def with_process(self, motion: Float[np.ndarray, "sample signal signal"]) -> Measurement:
        """The same, for a motion whose third difference has this covariance around each sample."""
        return replace(self, unresolved=UNRESOLVED_SHARE * motion)

    @property
    def covariance(self) -> Float[np.ndarray, "sample signal signal"]:
        """Noise covariance of each sample, were it good."""
        noise = self.relative[:, :, None] * self.noise * self.relative[:, None, :]
        return noise + self.unresolved

    @property
    def precision(self) -> Float[np.ndarray, "sample signal signal"]:
        """Information that each sample carries."""
        return self.weight[:, None, None] * np.linalg.inv(self.covariance)

    def updated(
        self,
        residual: Float[np.ndarray, "sample signal"],
        fit_cov: Float[np.ndarray, "sample signal signal"],
        median_residual: Float[np.ndarray, "sample signal"],
    ) -> Measurement:
        """One step of expectation maximization.

        Args:
            residual: Samples minus the posterior mean.
            fit_cov: Posterior covariance of the motion at the samples.
            median_residual: Samples minus the median of their neighbors, NaN where there are none.
        """
        weighted = self._reweighted(residual, fit_cov, median_residual)
        scaled = residual / self.relative
        # M step of a Gaussian: E[(y - f)(y - f)^T] is the residual's square plus the posterior's
        # covariance, with an inverse-Wishart prior of PRIOR_SAMPLES samples around the identity.
        spread = fit_cov / (self.relative[:, :, None] * self.relative[:, None, :])
        moments = scaled[:, :, None] * scaled[:, None, :] + spread
        # The motion was found without those that were thought bad: they cannot tell the noise yet.
        weight = weighted.weight * self.weight
        prior = PRIOR_SAMPLES * np.eye(len(self.noise))
        noise = (np.tensordot(weight, moments, axes=1) + prior) / (weight.sum() + PRIOR_SAMPLES)
        return replace(weighted, noise=noise)

    def _reweighted(
        self, residual: np.ndarray, fit_cov: np.ndarray, median_residual: np.ndarray
    ) -> Measurement:
        """Which samples are good, and what the others look like."""
        n = len(self.noise)
        share = fit_cov @ self.precision  # how much of its own fit each sample makes up
        # The residual from, and the covariance of, what all other samples predict: (I - H)^-1 r and
        # (I - H)^-1 P + R (Rasmussen and Williams, section 5.4.2, for vectors).
        leave_out = np.linalg.inv((1.0 + LARGEST_SHARE) * np.eye(n) - share)
        left_out = np.einsum("tij,tj->ti", leave_out, residual)
        if_good = leave_out @ fit_cov + self.covariance
        if_good = 0.5 * (if_good + np.swapaxes(if_good, -1, -2))
        log_good = np.fmax(
            _log_density(left_out, if_good), _log_density(median_residual, self.covariance)
        )
        log_bad = _log_density(left_out, if_good + self.outlier)
        weight, outlier_share = good_weight(log_good, log_bad, self.outlier_share)
        bad = 1.0 - weight
        prior = PRIOR_OUTLIERS * PRIOR_OUTLIER_SPREAD**2 * self.noise
        moments = np.einsum("t,ti,tj->ij", bad, left_out, left_out)
        return replace(
            self,
            weight=weight,
            outlier_share=outlier_share,
            outlier=(moments + prior) / (bad.sum() + PRIOR_OUTLIERS),
        )


def good_weight(
    log_good: Float[np.ndarray, " sample"],
    log_bad: Float[np.ndarray, " sample"],
    outlier_share: float,
) -> tuple[Float[np.ndarray, " sample"], float]:
    """Probability that each sample is good, and the share of outliers that follows.

    Args:
        log_good: Logarithm of the sample's density, were it good.
        log_bad: The same, were it an outlier.
        outlier_share: Share of outliers, as known before.
    """
    # Bayes' rule for the two parts of the mixture: the E step.
    odds = log_good - log_bad + np.log((1.0 - outlier_share) / outlier_share)
    weight = 1.0 / (1.0 + np.exp(-np.clip(odds, -50.0, 50.0)))
    # Prior: one outlier in fifty samples.
    return weight, float(((1.0 - weight).sum() + 1.0) / (len(weight) + 50.0))


def _log_density(
    x: Float[np.ndarray, "sample signal"], covariance: Float[np.ndarray, "sample signal signal"]
) -> Float[np.ndarray, " sample"]:
    """Logarithm of the zero-mean normal density, without its constant."""
    whitened = np.linalg.solve(covariance, x[:, :, None])[:, :, 0]
    log_determinant = np.linalg.slogdet(covariance)[1]
    return np.asarray(-0.5 * (np.einsum("ti,ti->t", x, whitened) + log_determinant))


def running_median_residual(
    samples: Float[np.ndarray, "sample signal"], run: Int[np.ndarray, " sample"], reach: int
) -> Float[np.ndarray, "sample signal"]:
    """How far each sample lies from the median of itself and `reach` neighbors on each side.

    A move in one direction, however fast, does not stick out; a blip of up to `reach` samples does.
    NaN in runs of samples that are too short to tell.
    """
    index, is_full = neighbors(run, reach)
    distance = samples - np.partition(samples[index], reach, axis=1)[:, reach]
    return np.where(is_full[:, None], distance, np.nan)


def initial_weights(
    samples: Float[np.ndarray, "sample signal"], run: Int[np.ndarray, " sample"]
) -> Float[np.ndarray, " sample"]:
    """First guess of the weights: 0 for what sticks out of its neighbors, 1 for the rest.

    That is ten times further than four samples in five do, in any signal.
    """
    distance = np.nan_to_num(np.abs(running_median_residual(samples, run, 2)))
    usual = np.quantile(distance, 0.8, axis=0)
    return 1.0 - ((distance > 10.0 * usual) & (usual > 0)).any(axis=1)
