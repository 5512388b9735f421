"""Noise and strength of motion of single signals, by maximum likelihood over a few ratios.

For a given ratio of noise to motion the best noise has a closed form and so has the likelihood, and
every signal with that ratio shares one system. Trying all ratios on a coarse grid finds the global
maximum, where a local search from a bad start may take fast motion for noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from rotoscope.pipeline.smoothing import block_tridiagonal
from rotoscope.pipeline.smoothing.layout import Layout

RATIOS = 10.0 ** np.arange(-3.0, 8.5)
"""Ratios of noise variance to the variance of the third difference. A step of ten changes the time
that is averaged over by 1.5; the ends are fast motion with little noise, and rest over seconds."""
SMALLEST_NOISE = 1e-6
"""The noise is never taken to be smaller than this share of the signals' spread: precision."""


@dataclass(frozen=True, eq=False)
class SignalFit:
    """The likeliest motion of each signal, each for itself."""

    coefficients: Float[np.ndarray, "coefficient signal"]
    """Spline coefficients."""
    noise: Float[np.ndarray, " signal"]
    """Variance of a sample of weight 1."""
    choice: Int[np.ndarray, " signal"]
    """Index into `RATIOS` of each signal."""
    band: Float[np.ndarray, "coefficient 4 ratio 1 1"]
    """Covariance of the coefficients of a signal with that ratio, in units of its noise."""

    @property
    def ratio(self) -> Float[np.ndarray, " signal"]:
        """Noise variance over the variance of the third difference."""
        return RATIOS[self.choice]


def fit_signals(
    layout: Layout,
    samples: Float[np.ndarray, "sample signal"],
    weight: Float[np.ndarray, " sample"],
    activity: Float[np.ndarray, " interval"],
) -> SignalFit:
    """Tries every ratio on every signal and takes the likeliest.

    With too few samples to tell noise from motion, the ratio is the smallest: the samples stand.

    Args:
        layout: Clock and knots.
        samples: Signals that are sampled together.
        weight: Inverse of the relative noise variance of each sample, common to all signals.
        activity: Relative variance of the third difference of each knot interval.
    """
    num_intervals = len(activity)
    right = layout.at_samples.scatter(weight[:, None] * samples)
    rough = layout.jerks.gram(1.0 / activity)
    band = (layout.at_samples.gram(weight) + layout.rest)[..., None] + rough[..., None] * RATIOS
    posterior = block_tridiagonal.solve(
        band[..., None, None],
        np.repeat(right[:, None, None, :], len(RATIOS), axis=1),
        with_determinant=True,
    )
    assert posterior.log_determinant is not None
    # With the noise s^2 integrated out at its best value, -2 log likelihood is, but for constants,
    # freedom * log s^2 + log |information| - intervals * log ratio (restricted likelihood).
    means = posterior.mean[:, :, 0]
    # y^T W y - b^T x: what the prior and the samples together leave unexplained.
    misfit = weight @ samples**2 - np.einsum("mi,mci->ci", right, means)
    # The prior leaves a parabola free in each segment: three parameters that show no noise.
    freedom = max(float(weight.sum()) - 3.0 * layout.num_segments, 1.0)
    noise = np.maximum(misfit / freedom, smallest_noise(samples) ** 2)
    volume = posterior.log_determinant - num_intervals * np.log(RATIOS)
    choice = np.argmin(freedom * np.log(noise) + volume[:, None], axis=0)
    if not layout.is_noise_visible:
        choice = np.zeros_like(choice)
    signal = np.arange(samples.shape[1])
    return SignalFit(means[:, choice, signal], noise[choice, signal], choice, posterior.band)


def smallest_noise(samples: Float[np.ndarray, "sample signal"]) -> float:
    """Noise below which the arithmetic ends, as 1-sigma."""
    spread = float(np.sqrt(samples.var(axis=0).mean()))
    return SMALLEST_NOISE * spread + 1e-12 * float(np.abs(samples).max()) + 1e-100
