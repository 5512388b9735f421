import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rotoscope.pipeline.smoothing.knots import Knots

seeds = st.integers(0, 2**31)


def two_segments():
    return Knots.cover(np.array([0.0, 5.0]), np.array([1.3, 5.4]), 0.1)


def test_a_segment_has_whole_blocks_and_lies_around_its_span():
    knots = two_segments()
    np.testing.assert_array_equal(knots.num_intervals, [15, 6])
    assert knots.num_coefficients == 18 + 9
    end_s = knots.start_s + knots.num_intervals * knots.interval_s
    np.testing.assert_allclose(knots.start_s + end_s, [1.3, 10.4])


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_reproduces_parabolas_without_jerk(seed):
    rng = np.random.default_rng(seed)
    knots = Knots.cover(np.array([0.0]), np.array([2.0]), 0.1)
    a, b, c = rng.normal(size=3)
    # Greville abscissae of the coefficients; a parabola's control points follow from them.
    at = knots.start_s[0] + (np.arange(knots.num_coefficients) - 1.0) * 0.1
    coefficients = a + b * at + c * (at**2 - 0.1**2 / 3)
    time_s = np.sort(rng.uniform(0, 2, 50))
    values = knots.samples(time_s, np.zeros(50, int)).values(coefficients)
    np.testing.assert_allclose(values, a + b * time_s + c * time_s**2, atol=1e-12)
    np.testing.assert_allclose(knots.jerks().values(coefficients), 0.0, atol=1e-12)


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_scatter_gram_and_covariance_are_what_dense_matrices_give(seed):
    rng = np.random.default_rng(seed)
    knots = two_segments()
    size = knots.num_coefficients
    time_s, segment = np.array([0.0, 0.31, 1.3, 5.0, 5.2, 5.4]), np.array([0, 0, 0, 1, 1, 1])
    rows = knots.samples(time_s, segment)
    B = np.stack([rows.values(column) for column in np.eye(size)], axis=1)
    values = rng.normal(size=(6, 2))
    np.testing.assert_allclose(rows.scatter(values), B.T @ values, atol=1e-12)

    weights = rng.uniform(1, 2, 6)
    gram, band = B.T @ np.diag(weights) @ B, rows.gram(weights)
    factor = rng.normal(size=(size, size))
    covariance = factor @ factor.T
    cov_band = np.zeros((size, 4, 1, 1))
    for m in range(size):
        for offset in range(min(4, size - m)):
            np.testing.assert_allclose(band[m, offset], gram[m, m + offset], atol=1e-12)
            cov_band[m, offset] = covariance[m, m + offset]
    want = np.einsum("tm,mk,tk->t", B, covariance, B)
    np.testing.assert_allclose(rows.covariance(cov_band)[:, 0, 0], want, rtol=1e-9)
