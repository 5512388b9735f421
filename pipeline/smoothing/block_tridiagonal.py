"""Mean and covariance of a Gauss-Markov chain given its information matrix.

This is the Rauch-Tung-Striebel smoother in information form, over blocks of three neighboring
coefficients. Only the blocks of the covariance that lie in the band are formed (Takahashi, Fagan
and Chin 1973). Elimination runs by odd-even reduction (Heller 1976), which takes every second block
out at once: the same result as a sweep in time, in a few large array operations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

BLOCK = 3
"""Coefficients in a block: a cubic spline couples each coefficient with the next three."""


@dataclass(frozen=True, eq=False)
class Posterior:
    """What the chain's information says about its coefficients."""

    mean: Float[np.ndarray, "coefficient *batch signal column"]
    """Posterior mean per right-hand side."""
    band: Float[np.ndarray, "coefficient 4 *batch signal signal"]
    """Covariance of coefficient m with m, m + 1, m + 2 and m + 3."""
    log_determinant: Float[np.ndarray, "*batch"] | None
    """Logarithm of the determinant of the information matrix, where asked for."""


def solve(
    band: Float[np.ndarray, "coefficient 4 *batch signal signal"],
    right: Float[np.ndarray, "coefficient *batch signal column"],
    *,
    with_determinant: bool = False,
) -> Posterior:
    """Solves for the mean of each right-hand side and the covariance within the band.

    Args:
        band: Information between coefficient m and m, m + 1, m + 2, m + 3. The number of
            coefficients must be a multiple of 3.
        right: Information vectors.
        with_determinant: Whether to compute the determinant too, which costs a sixth more.
    """
    batch, n = band.shape[2:-2], band.shape[-1]
    diagonal, upper = _to_blocks(band)
    pivots: list[np.ndarray] | None = [] if with_determinant else None
    chain = _reduce(diagonal, upper, _stack(right, batch, n), pivots)
    mean = np.moveaxis(chain.mean.reshape(len(diagonal), *batch, BLOCK, n, -1), -3, 1)
    return Posterior(
        mean=mean.reshape(len(band), *batch, n, -1),
        band=_to_band(chain.covariance, chain.cross, batch, n),
        log_determinant=None if pivots is None else _log_determinant(pivots),
    )


@dataclass(frozen=True, eq=False)
class _Chain:
    """Mean, covariance and covariance with the next block, of every block."""

    mean: np.ndarray
    covariance: np.ndarray
    cross: np.ndarray


def _reduce(
    diagonal: np.ndarray, upper: np.ndarray, vector: np.ndarray, pivots: list[np.ndarray] | None
) -> _Chain:
    """Takes every second block out, solves for the rest, and puts them back.

    Inverse pivots are appended to `pivots` where it is given.
    """
    if len(diagonal) == 1:
        covariance = _symmetric(np.linalg.inv(diagonal))
        if pivots is not None:
            pivots.append(covariance)
        return _Chain(covariance @ vector, covariance, upper)
    # The blocks taken out have a neighbor `before` them; all but perhaps the last one `after` too.
    before, after = upper[0::2], upper[1::2]
    out, num_after = len(before), len(after)
    inverse = _symmetric(np.linalg.inv(diagonal[1::2]))
    if pivots is not None:
        pivots.append(inverse)
    from_before, from_after = inverse @ _transposed(before), inverse[:num_after] @ after
    alone = inverse @ vector[1::2]
    kept, kept_vector = diagonal[0::2].copy(), vector[0::2].copy()
    kept[:out] -= before @ from_before
    kept[1:] -= _transposed(after) @ from_after
    kept_vector[:out] -= before @ alone
    kept_vector[1:] -= _transposed(after) @ alone[:num_after]
    rest = _reduce(kept, -(before[:num_after] @ from_after), kept_vector, pivots)

    mean, covariance, cross = np.empty_like(vector), np.empty_like(diagonal), np.empty_like(upper)
    mean[0::2], covariance[0::2] = rest.mean, rest.covariance
    with_before = -(from_before @ rest.covariance[:out])
    with_before[:num_after] -= from_after @ _transposed(rest.cross)
    with_after = -(from_before[:num_after] @ rest.cross + from_after @ rest.covariance[1:])
    alone -= from_before @ rest.mean[:out]
    alone[:num_after] -= from_after @ rest.mean[1:]
    inside = inverse - with_before @ _transposed(from_before)
    inside[:num_after] -= with_after @ _transposed(from_after)
    mean[1::2], covariance[1::2] = alone, _symmetric(inside)
    cross[0::2], cross[1::2] = _transposed(with_before), with_after
    return _Chain(mean, covariance, cross)


def _log_determinant(inverse_pivots: list[np.ndarray]) -> np.ndarray:
    """Logarithm of a matrix's determinant from the inverses of its pivots."""
    return np.asarray(-np.linalg.slogdet(np.concatenate(inverse_pivots))[1].sum(axis=0))


def _transposed(matrix: np.ndarray) -> np.ndarray:
    return matrix.swapaxes(-1, -2)


def _symmetric(matrix: np.ndarray) -> np.ndarray:
    return 0.5 * (matrix + _transposed(matrix))


def _stack(right: np.ndarray, batch: tuple[int, ...], n: int) -> np.ndarray:
    """Right-hand sides as (block, *batch, 3 n, column)."""
    grouped = right.reshape(len(right) // BLOCK, BLOCK, *batch, n, right.shape[-1])
    moved = np.moveaxis(grouped, 1, -3)
    return moved.reshape(len(moved), *batch, BLOCK * n, right.shape[-1])


def _to_blocks(band: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Diagonal blocks (block, *batch, 3 n, 3 n) and the ones above them, from the band."""
    batch, n = band.shape[2:-2], band.shape[-1]
    grouped = band.reshape(-1, BLOCK, 4, *batch, n, n)
    shape = (len(grouped), *batch, BLOCK, n, BLOCK, n)
    diagonal, upper = np.zeros(shape), np.zeros(shape)
    for i in range(BLOCK):
        for j in range(BLOCK):
            if j >= i:
                diagonal[..., i, :, j, :] = grouped[:, i, j - i]
                diagonal[..., j, :, i, :] = np.swapaxes(grouped[:, i, j - i], -1, -2)
            if j <= i:
                upper[..., i, :, j, :] = grouped[:, i, BLOCK + j - i]
    flat = (len(grouped), *batch, BLOCK * n, BLOCK * n)
    return diagonal.reshape(flat), upper.reshape(flat)[:-1]


def _to_band(diagonal: np.ndarray, upper: np.ndarray, batch: tuple[int, ...], n: int) -> np.ndarray:
    """The band (coefficient, 4, *batch, n, n) of a matrix given by its blocks."""
    num_blocks = len(diagonal)
    wide = np.zeros((num_blocks, *batch, BLOCK, n, 2 * BLOCK, n))
    wide[..., :BLOCK, :] = diagonal.reshape(num_blocks, *batch, BLOCK, n, BLOCK, n)
    wide[:-1, ..., BLOCK:, :] = upper.reshape(num_blocks - 1, *batch, BLOCK, n, BLOCK, n)
    band = np.empty((num_blocks, BLOCK, 4, *batch, n, n))
    for i in range(BLOCK):
        for offset in range(4):
            band[:, i, offset] = wide[..., i, :, i + offset, :]
    return band.reshape(num_blocks * BLOCK, 4, *batch, n, n)
