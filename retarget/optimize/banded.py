"""Solving for all frames of a trajectory together: a symmetric banded system."""

from __future__ import annotations

import numpy as np
from array_api_compat import device, is_numpy_namespace

from rotoscope.pipeline.geometry.arrays import Array, array_namespace


def empty_bands(x: Array) -> Array:
    """Bands of zeros for a system that reaches two frames, (2 * column + 1, time, column).

    They lie in memory entry by entry, as LAPACK wants them: nothing is copied to solve.

    Args:
        x: An array (time, column) of the same library, type and device.
    """
    xp = array_namespace(x)
    frames, columns = x.shape
    bands = xp.zeros((frames, columns, 2 * columns + 1), dtype=x.dtype, device=device(x))
    return xp.moveaxis(bands, -1, 0)


def solve_banded(bands: Array, right: Array) -> Array:
    """Solution of a symmetric positive definite system that reaches two frames.

    LAPACK's banded Cholesky on NumPy arrays; on other libraries, whose machines like many small
    problems better than one long one, block cyclic reduction (Hockney 1965; Heller 1976).

    Args:
        bands: Row k holds what couples an entry to the one k further on, entries numbered by
            time, then column; (2 * column + 1, time, column).
        right: Right-hand side, (time, column).
    """
    if is_numpy_namespace(array_namespace(right)):
        from scipy.linalg import solveh_banded

        solution = solveh_banded(
            bands.reshape(len(bands), -1),
            right.ravel(),
            lower=True,
            overwrite_ab=True,
            check_finite=False,
        )
        return solution.reshape(right.shape)
    return _by_reduction(bands, right)


def _by_reduction(bands: Array, right: Array) -> Array:
    xp = array_namespace(right)
    frames, columns = right.shape
    size = 2 * columns
    if frames % 2:
        # One more frame that nothing is coupled to makes the number of pairs whole.
        more = xp.zeros((len(bands), 1, columns), dtype=bands.dtype, device=device(bands))
        more[0] = 1.0
        bands = xp.concat([bands, more], axis=1)
        right = xp.concat([right, xp.zeros_like(right[:1])], axis=0)
    # Entries reach two frames, so blocks of two frames couple to their neighbors alone: the system
    # is block tridiagonal.
    pairs = right.shape[0] // 2
    flat = bands.reshape(len(bands), pairs, size)
    diagonal = xp.zeros((pairs, size, size), dtype=bands.dtype, device=device(bands))
    below = xp.zeros_like(diagonal)
    k, j = np.meshgrid(np.arange(len(bands)), np.arange(size), indexing="ij")
    inside, outside = k + j < size, k + j >= size
    for mask, target, shift in ((inside, diagonal, 0), (outside, below, size)):
        rows, cols, band = (k + j)[mask] - shift, j[mask], k[mask]
        target[:, rows.tolist(), cols.tolist()] = flat[band.tolist(), :, cols.tolist()].T
    diagonal = diagonal + xp.moveaxis(xp.tril(diagonal, k=-1), -1, -2)
    solved = _reduce(diagonal, below[:-1], right.reshape(pairs, size, 1))
    return solved.reshape(-1, columns)[:frames]


def _reduce(D: Array, L: Array, b: Array) -> Array:
    """Block tridiagonal system: `L[i-1] x[i-1] + D[i] x[i] + L[i].T x[i+1] = b[i]`."""
    xp = array_namespace(D)
    count = len(D)
    if count == 1:
        return xp.linalg.solve(D, b)
    # Every odd unknown is x = D^-1 (b - L x_before - L' x_after). Put into the even equations, that
    # leaves a block tridiagonal system of half the size in the even unknowns (Heller 1976).
    up = xp.moveaxis(L, -1, -2)
    odd_D, odd_b = D[1::2], b[1::2]
    before = L[0::2]
    after = up[1::2]
    inner = len(after)
    size = D.shape[-1]
    X = xp.linalg.solve(odd_D, xp.concat([before, odd_b], axis=-1))
    from_before, own = X[..., :size], X[..., size:]
    even_D, even_b = xp.asarray(D[0::2], copy=True), xp.asarray(b[0::2], copy=True)
    # What an even block couples to: the odd one after it through L', then the one before through L.
    n = len(from_before)
    even_D[:n] -= up[0::2] @ from_before
    even_b[:n] -= up[0::2] @ own
    next_L = D[:0]
    from_after = D[:0]
    if inner:
        from_after = xp.linalg.solve(odd_D[:inner], after)
        even_D[1 : inner + 1] -= L[1::2] @ from_after
        even_b[1 : inner + 1] -= L[1::2] @ own[:inner]
        next_L = -(L[1::2] @ from_before[:inner])
    even = _reduce(even_D, next_L, even_b)
    odd = own - from_before @ even[:n]
    if inner:
        odd[:inner] -= from_after @ even[1 : inner + 1]
    out = xp.empty((count, *b.shape[1:]), dtype=b.dtype, device=device(b))
    out[0::2], out[1::2] = even, odd
    return out
