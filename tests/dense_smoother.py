"""The smoother's linear model with dense matrices: slow, short, and written from its equations."""

from dataclasses import dataclass

import numpy as np

from rotoscope.pipeline.smoothing.stationary import RATIOS


def matrix(functionals, layout):
    """The matrix that the functionals stand for."""
    columns = np.eye(len(layout.rest))
    return np.stack([functionals.values(column) for column in columns], axis=1)


def from_band(band):
    """The symmetric matrix (coefficient, coefficient) of a band."""
    size = len(band)
    out = np.zeros((size, size))
    for m in range(size):
        for offset in range(min(4, size - m)):
            out[m, m + offset] = out[m + offset, m] = band[m, offset]
    return out


@dataclass(frozen=True, eq=False)
class DenseFit:
    """Each signal's likeliest motion, as `stationary.SignalFit`."""

    coefficients: np.ndarray
    noise: np.ndarray
    choice: np.ndarray
    covariance: np.ndarray
    """(signal, coefficient, coefficient), in units of the noise."""


def fit(layout, signals, weight, activity):
    """Marginal likelihood of the whole linear model, over all ratios, one by one."""
    B, D = matrix(layout.at_samples, layout), matrix(layout.jerks, layout)
    freedom = max(weight.sum() - 3 * layout.num_segments, 1.0)
    scores, means, noises, covariances = [], [], [], []
    for ratio in RATIOS:
        A = B.T @ (weight[:, None] * B) + from_band(layout.rest)
        A += ratio * D.T @ (D / activity[:, None])
        mean = np.linalg.solve(A, B.T @ (weight[:, None] * signals))
        misfit = (weight[:, None] * signals * (signals - B @ mean)).sum(axis=0)
        noises.append(misfit / freedom)
        volume = np.linalg.slogdet(A)[1] - len(activity) * np.log(ratio)
        scores.append(freedom * np.log(noises[-1]) + volume)
        means.append(mean)
        covariances.append(np.linalg.inv(A))
    choice, signal = np.argmin(scores, axis=0), np.arange(signals.shape[1])
    return DenseFit(
        np.stack(means)[choice, :, signal].T,
        np.stack(noises)[choice, signal],
        choice,
        np.stack(covariances)[choice],
    )
