"""Kernel ridge regression with a Gaussian kernel, in closed form (Saunders et al. 1998)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from rotoscope.models.training.distances import squared_distances

MAX_CENTERS = 2000
"""Training rows that kernels are put on, evenly spread; all rows count in the fit all the same
(subset of regressors, Smola and Bartlett 2001)."""
_BATCH_ROWS = 512
_ROUNDING = 1e-3
"""Added to the diagonal: kernels in single precision are a little less than positive definite."""
_ALONE = 1e-9
"""Added to the mean of kernels, so that a row far from everything still has a logarithm."""
_PENALTY_ROWS = 1000
"""Rows that a penalty is meant for: neighbors in time are nearly one row, so that twice the rows
need twice the penalty."""


def fit_kernel(
    inputs: Float[np.ndarray, "row input"],
    encoded: Float[np.ndarray, "row encoded"],
    *,
    width: float,
    penalties: Float[np.ndarray, " encoded"],
) -> dict[str, np.ndarray]:
    """A model of standardized encoded actions.

    Args:
        inputs: Standardized windows.
        encoded: Standardized encoded actions.
        width: Width of the kernel, in median distances between training rows.
        penalties: Weight of the squared norm for each encoded number, for a thousand rows.
    """
    centers = inputs[:: -(-len(inputs) // MAX_CENTERS)].astype(np.float32)
    exponent = exponent_of(centers, width)
    kernel = gaussian(centers, centers, exponent)
    wanted = sorted(set(penalties.tolist()))
    found = solve(kernel, inputs, encoded, centers, exponent, wanted)
    weight = np.select([penalties == p for p in wanted], found)
    return {
        "centres": centers,
        "exponent": np.array([exponent], np.float32),
        "weight": weight.astype(np.float32),
    }


def solve(
    kernel: np.ndarray,
    inputs: np.ndarray,
    encoded: np.ndarray,
    centers: np.ndarray,
    exponent: float,
    penalties: Sequence[float],
) -> list[Float[np.ndarray, "center encoded"]]:
    """Weights of the centers' kernels, one solution per penalty."""
    from scipy.linalg import cho_factor, cho_solve

    scale = len(inputs) / _PENALTY_ROWS
    # All rows are centers: (K + lambda I) w = y. Fewer: (Z^T Z + lambda K) w = Z^T y, Z the kernels
    # of rows with centers (Smola and Bartlett 2001); lambda times `scale` here.
    if len(centers) == len(inputs):
        left, right, ridge = kernel.astype(float), encoded, np.eye(len(kernel))
    else:
        left, right = np.zeros(kernel.shape), np.zeros((len(kernel), encoded.shape[1]))
        for i in range(0, len(inputs), _BATCH_ROWS):
            seen = gaussian(inputs[i : i + _BATCH_ROWS], centers, exponent).astype(float)
            left += seen.T @ seen
            right += seen.T @ encoded[i : i + _BATCH_ROWS]
        ridge = kernel.astype(float) + _ROUNDING * np.eye(len(kernel))
    out = []
    for penalty in penalties:
        factor = cho_factor(left + penalty * scale * ridge, lower=True, overwrite_a=True)
        out.append(cho_solve(factor, right))
    return out


def predict_kernel(
    arrays: Mapping[str, np.ndarray], inputs: Float[np.ndarray, "row input"]
) -> tuple[Float[np.ndarray, "row encoded"], Float[np.ndarray, " row"]]:
    """Standardized encoded actions, and the log variance that rarity suggests.

    Where few training rows are near, errors are larger: the variance falls with the square of the
    mean of all kernels. A Gaussian process's own variance, which sees only the nearest rows, tells
    errors apart less well. In units that `rotoscope.models.inverse_dynamics.error_model` learns the
    worth of.
    """
    exponent = float(arrays["exponent"][0])
    values, log_variance = [], []
    for i in range(0, len(inputs), _BATCH_ROWS):
        near = gaussian(inputs[i : i + _BATCH_ROWS], arrays["centres"], exponent)
        values.append(near @ arrays["weight"])
        log_variance.append(-2 * np.log(near.mean(1) + _ALONE))
    return np.concatenate(values).astype(float), np.concatenate(log_variance).astype(float)


def gaussian(a: np.ndarray, b: np.ndarray, exponent: float) -> Float[np.ndarray, "row center"]:
    """`exp(-exponent * squared distance)`, single precision."""
    return np.exp(-np.float32(exponent) * squared_distances(a, b))


def exponent_of(centers: np.ndarray, width: float) -> float:
    """The exponent of a kernel that is `width` median distances wide."""
    few = centers[:: -(-len(centers) // 300)]
    squared = squared_distances(few, few)[np.triu_indices(len(few), 1)]
    median = float(np.median(squared)) if len(squared) else 0.0
    # exp(-d^2 / (2 s^2)) with s = width x the median distance.
    return 1 / (2 * width**2 * max(median, 1e-12))
