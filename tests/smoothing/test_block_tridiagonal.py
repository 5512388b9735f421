import numpy as np
import pytest

from rotoscope.pipeline.smoothing import block_tridiagonal


def random_problem(rng, num_coefficients, batch, n):
    """A random positive definite band, and the dense matrices it stands for."""
    dense = np.zeros((*batch, num_coefficients, n, num_coefficients, n))
    for start in range(num_coefficients - 3):
        factor = rng.normal(size=(*batch, 4 * n, 4 * n))
        part = (factor @ np.swapaxes(factor, -1, -2)).reshape(*batch, 4, n, 4, n)
        dense[..., start : start + 4, :, start : start + 4, :] += part
    band = np.zeros((num_coefficients, 4, *batch, n, n))
    for m in range(num_coefficients):
        for offset in range(min(4, num_coefficients - m)):
            band[m, offset] = dense[..., m, :, m + offset, :]
    size = num_coefficients * n
    return band, dense.reshape(*batch, size, size)


@pytest.mark.parametrize("num_coefficients", [6, 9, 12, 15, 24, 30])
@pytest.mark.parametrize(("batch", "n"), [((), 3), ((5,), 1), ((2,), 2)])
def test_agrees_with_dense_linear_algebra(num_coefficients, batch, n):
    rng = np.random.default_rng(num_coefficients)
    band, dense = random_problem(rng, num_coefficients, batch, n)
    right = rng.normal(size=(num_coefficients, *batch, n, 2))
    found = block_tridiagonal.solve(band, right, with_determinant=True)

    flat = np.moveaxis(right, 0, -3).reshape(*batch, num_coefficients * n, 2)
    mean = np.linalg.solve(dense, flat).reshape(*batch, num_coefficients, n, 2)
    np.testing.assert_allclose(np.moveaxis(found.mean, 0, -3), mean, rtol=1e-6, atol=1e-9)

    inverse = np.linalg.inv(dense).reshape(*batch, num_coefficients, n, num_coefficients, n)
    for m in range(num_coefficients):
        for offset in range(min(4, num_coefficients - m)):
            want = inverse[..., m, :, m + offset, :]
            np.testing.assert_allclose(found.band[m, offset], want, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found.log_determinant, np.linalg.slogdet(dense)[1], rtol=1e-9)
