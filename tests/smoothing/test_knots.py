import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotoscope.pipeline.smoothing.knots import Functionals, Knots

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


def test_golden_weights_of_a_cubic_b_spline():
    # At a knot 1/6, 4/6, 1/6 (de Boor 1978); half way 1/48, 23/48, 23/48, 1/48.
    knots = Knots(np.array([2.0]), np.array([3]), 0.5)
    rows = knots.samples(np.array([2.0, 2.75, 3.5]), np.zeros(3, int))
    weights = np.stack([rows.values(c) for c in np.eye(6)], axis=1)
    expected = np.zeros((3, 6))
    expected[0, :3] = [1 / 6, 4 / 6, 1 / 6]
    expected[1, 1:5] = [1 / 48, 23 / 48, 23 / 48, 1 / 48]
    expected[2, 3:] = [1 / 6, 4 / 6, 1 / 6]
    np.testing.assert_allclose(weights, expected, atol=1e-12)


def test_coefficients_of_segments_stand_one_after_the_other():
    knots = Knots(np.array([0.0, 5.0, 9.0]), np.array([3, 6, 3]), 0.1)
    assert knots.first_coefficient.tolist() == [0, 6, 15]
    assert knots.num_coefficients == 21
    first = [0, 1, 2, 6, 7, 8, 9, 10, 11, 15, 16, 17]
    assert knots.first_of_interval.tolist() == first


@pytest.mark.parametrize(
    ("time_s", "interval"),
    [(2.0, 0), (2.24, 0), (2.26, 1), (3.49, 5), (3.5, 5), (9.0, 5), (1.0, 0)],
)
def test_a_time_lies_in_the_interval_that_holds_it_and_the_ends_hold_the_rest(time_s, interval):
    knots = Knots(np.array([0.0, 2.0]), np.array([3, 6]), 0.25)
    found = knots.interval(np.array([0.1, time_s]), np.array([0, 1]))
    assert found.tolist() == [0, interval]


def test_slopes_and_jerks_are_differences_of_neighbors():
    knots = Knots(np.array([0.0]), np.array([3]), 0.1)
    coefficients = np.array([[1.0], [2.0], [4.0], [8.0], [16.0], [32.0]])
    assert knots.slopes().values(coefficients)[:, 0].tolist() == [2.0, 4.0, 8.0]
    assert knots.jerks().values(coefficients)[:, 0].tolist() == [1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("last_s", "num_intervals"), [(0.0, 3), (0.3, 3), (0.3 + 1e-7, 6), (0.59, 6), (0.61, 9)]
)
def test_as_many_blocks_of_three_as_cover_the_span(last_s, num_intervals):
    knots = Knots.cover(np.array([0.0]), np.array([last_s]), 0.1)
    assert knots.num_intervals.tolist() == [num_intervals]
    assert knots.start_s[0] == pytest.approx((last_s - 0.1 * num_intervals) / 2, abs=1e-12)


def test_matrices_of_several_signals_are_what_dense_ones_give():
    rng = np.random.default_rng(0)
    weights, size = rng.normal(size=(3, 4)), 7
    first = np.array([0, 1, 3])
    rows = Functionals(first, weights, size)
    dense = np.zeros((3, size))
    for row, start in enumerate(first):
        dense[row, start : start + 4] = weights[row]
    precision = rng.normal(size=(3, 2, 2))
    gram = np.einsum("tm,tij,tk->mkij", dense, precision, dense)
    band = rows.gram(precision)
    root = rng.normal(size=(size, 2, size, 2))
    covariance = np.einsum("aibj,ckbj->aick", root, root)
    cov_band = np.zeros((size, 4, 2, 2))
    for m in range(size):
        for offset in range(min(4, size - m)):
            np.testing.assert_allclose(band[m, offset], gram[m, m + offset], atol=1e-12)
            cov_band[m, offset] = covariance[m, :, m + offset, :]
    want = np.einsum("tm,minj,tn->tij", dense, covariance, dense)
    np.testing.assert_allclose(rows.covariance(cov_band), want, rtol=1e-9)
    coefficients = rng.normal(size=(size, 2, 2))
    want = np.einsum("tm,mij->tij", dense, coefficients)
    np.testing.assert_allclose(rows.values(coefficients), want, atol=1e-12)
    want = np.einsum("tm,tij->mij", dense, precision)
    np.testing.assert_allclose(rows.scatter(precision), want, atol=1e-12)
