"""Kernel ridge regression against its closed form and SciPy's distances."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist

from rotoscope.models.inverse_dynamics.kernel_ridge import (
    exponent_of,
    fit_kernel,
    gaussian,
    predict_kernel,
    solve,
)
from rotoscope.models.training.distances import squared_distances

# Kernels are single precision: some 1e-6 of their values.


def rows(num, seed=0, size=3):
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(num, size))
    encoded = np.stack([np.sin(inputs[:, 0]), inputs[:, 1] * inputs[:, 2]], axis=1)
    return inputs, encoded


def test_distances_and_kernels_are_what_scipy_gives():
    a, b = rows(9)[0], rows(7, 1)[0]
    want = cdist(a, b, "sqeuclidean")
    np.testing.assert_allclose(squared_distances(a, b), want, rtol=1e-4, atol=1e-5)
    assert (squared_distances(a, a) >= 0).all()
    np.testing.assert_allclose(gaussian(a, b, 0.3), np.exp(-0.3 * want), rtol=1e-4, atol=1e-6)
    assert gaussian(a, b, 0.3).dtype == np.float32


def test_golden_exponent():
    # Squared distances 1, 1 and 4: median 1. Two medians wide: 1 / (2 * 2 ** 2).
    points = np.array([[0.0], [1.0], [2.0]])
    assert exponent_of(points, 2.0) == pytest.approx(1 / 8)
    assert exponent_of(3 * points, 2.0) == pytest.approx(1 / 72)
    assert exponent_of(points[:1], 1.0) == pytest.approx(0.5e12)


def test_width_is_judged_by_three_hundred_rows_at_most():
    for num, step in ((300, 1), (301, 2), (600, 2), (601, 3)):
        points = rows(num, 2)[0]
        median = np.median(pdist(points[::step], "sqeuclidean"))
        assert exponent_of(points, 1.0) == pytest.approx(1 / (2 * median), rel=1e-4)


def test_agrees_with_the_closed_form():
    # Weights (K + p n / 1000 I)^-1 y, a penalty of its own for each number (Saunders 1998).
    inputs, encoded = rows(150)
    penalties = np.array([0.5, 20.0])
    arrays = fit_kernel(inputs, encoded, width=0.7, penalties=penalties)
    exponent = 1 / (2 * 0.7**2 * np.median(pdist(inputs, "sqeuclidean")))
    assert arrays["exponent"][0] == pytest.approx(exponent, rel=1e-4)
    K = np.exp(-exponent * cdist(inputs, inputs, "sqeuclidean"))
    seen = rows(20, 5)[0]
    near = np.exp(-exponent * cdist(seen, inputs, "sqeuclidean"))
    values, doubts = predict_kernel(arrays, seen)
    for j, penalty in enumerate(penalties):
        weight = np.linalg.solve(K + penalty * 0.15 * np.eye(150), encoded[:, j])
        np.testing.assert_allclose(values[:, j], near @ weight, atol=1e-3)
    np.testing.assert_allclose(doubts, -2 * np.log(near.mean(1) + 1e-9), rtol=1e-4)


def test_far_from_everything_the_doubt_is_large_but_finite():
    arrays = fit_kernel(*rows(30), width=0.5, penalties=np.ones(2))
    values, doubts = predict_kernel(arrays, np.full((1, 3), 1e4))
    np.testing.assert_allclose(values, 0.0, atol=1e-12)
    assert doubts[0] == pytest.approx(-2 * np.log(1e-9), rel=1e-6)


def test_all_rows_count_where_only_some_carry_a_kernel():
    # Subset of regressors: (S' S + p n / 1000 (K + 1e-3 I)) w = S' y over all rows (Smola 2001).
    inputs, encoded = rows(1100)
    centers = inputs[::22].astype(np.float32)
    K = np.exp(-0.2 * cdist(centers, centers, "sqeuclidean"))
    S = np.exp(-0.2 * cdist(inputs, centers, "sqeuclidean"))
    kernel = gaussian(centers, centers, 0.2)
    found = solve(kernel, inputs, encoded, centers, 0.2, [0.3, 3.0])
    for penalty, weight in zip((0.3, 3.0), found, strict=True):
        left = S.T @ S + penalty * 1.1 * (K + 1e-3 * np.eye(len(K)))
        expected = S @ np.linalg.solve(left, S.T @ encoded)
        np.testing.assert_allclose(S @ weight, expected, atol=2e-3)


@pytest.mark.parametrize(("num", "centers"), [(2000, 2000), (2001, 1001)])
def test_two_thousand_rows_carry_kernels_at_most(num, centers):
    inputs = np.linspace(0, 1, num)[:, None]
    arrays = fit_kernel(inputs, inputs, width=1.0, penalties=np.ones(1))
    assert len(arrays["centres"]) == centers
    assert (arrays["centres"][[0, -1], 0] == [0.0, 1.0]).all()  # from one end to the other


def test_predictions_do_not_depend_on_how_many_are_asked_for_at_once():
    arrays = fit_kernel(*rows(40), width=1.0, penalties=np.ones(2))
    seen = rows(1200, 3)[0]
    values, doubts = predict_kernel(arrays, seen)
    alone = predict_kernel(arrays, seen[513:515])
    np.testing.assert_allclose(values[513:515], alone[0], atol=1e-6)
    np.testing.assert_allclose(doubts[513:515], alone[1], atol=1e-6)
    assert values.shape == (1200, 2)
