"""The expected error is that of a regression, and holds far outside of all training."""

import numpy as np
import pytest
from scipy.optimize import root

from rotoscope.models.inverse_dynamics.error_model import ErrorModel, uncertainty_features


def by_root_finding(signs, error):
    """The same regression from its equations: where the penalized score of a gamma is zero.

    Score of `log E[y] = X w` is X' (y exp(-X w) - 1); gains over 4 count as 4; the penalty is
    0.05 a row on all but the constant.
    """
    rows = np.concatenate([(signs - signs.mean(0)) / signs.std(0), np.ones((len(signs), 1))], 1)
    penalty = np.append(np.full(signs.shape[1], 0.05 * len(rows)), 0.0)

    def score(weight):
        return rows.T @ np.minimum(error * np.exp(-rows @ weight) - 1, 4) - penalty * weight

    start = np.append(np.zeros(signs.shape[1]), np.log(error.mean()))
    found = root(score, start, tol=1e-12)
    assert found.success
    return found.x


@pytest.mark.parametrize("outlier", [1.0, 30.0])
def test_agrees_with_the_roots_of_its_score(outlier):
    rng = np.random.default_rng(0)
    signs = rng.normal(2.0, 3.0, (200, 2))
    error = np.exp(0.2 * signs[:, 0] - 0.1 * signs[:, 1]) * rng.gamma(2.0, 0.5, 200)
    error[7] *= outlier
    model = ErrorModel.of(
        np.repeat(signs[:, None], 2, axis=1), np.stack([error, -3.0 * error], axis=1)
    )
    expected = by_root_finding(signs, error)
    np.testing.assert_allclose(model.weight[0], expected, atol=1e-4)
    # Three times the error, whatever its sign, moves the constant by log 3 and nothing else.
    np.testing.assert_allclose(model.weight[1] - model.weight[0], [0, 0, np.log(3)], atol=1e-4)
    np.testing.assert_allclose(model.mean[0], signs.mean(0))
    np.testing.assert_allclose(model.scale[0], signs.std(0))


def test_signs_that_tell_nothing_give_the_mean_error():
    rng = np.random.default_rng(1)
    error = rng.gamma(9.0, 0.3, (400, 1))  # none is five times the mean, where gains are cut
    model = ErrorModel.of(np.ones((400, 1, 1)), error)
    np.testing.assert_allclose(model(np.full((2, 1, 1), 1.0)), error.mean(), rtol=1e-9)


def test_golden_expected_error_and_its_ends():
    # exp(0.5 z + log 2) with z = (sign - 1) / 2, held at three standard deviations.
    model = ErrorModel(np.array([[1.0]]), np.array([[2.0]]), np.array([[0.5, np.log(2.0)]]))
    signs = np.array([1.0, 3.0, 7.0, 700.0, -5.0, -50.0])[:, None, None]
    expected = 2.0 * np.exp([0.0, 0.5, 1.5, 1.5, -1.5, -1.5])
    np.testing.assert_allclose(model(signs)[:, 0], expected, rtol=1e-12)


def test_golden_expected_error_of_two_numbers_and_two_dimensions():
    # exp(0.5 * 1 - 0.25 * 2 + 0.1) and exp(2 * 0.5 + 0.2), from standardized 1, 2 and 0.5, -1.
    model = ErrorModel(
        np.zeros((2, 2)), np.full((2, 2), 2.0), np.array([[0.5, -0.25, 0.1], [2.0, 0.0, 0.2]])
    )
    signs = np.array([[[2.0, 4.0], [1.0, -2.0]]])
    np.testing.assert_allclose(model(signs), [[np.exp(0.1), np.exp(1.2)]], rtol=1e-12)


def test_golden_signs():
    own, apart = np.array([[1.0, np.e**2]]), np.array([[0.9, -0.9]])
    signs = uncertainty_features(own, apart, np.array([[1.0, np.e]]))
    # Own doubt, size log(0.9 + 0.1) = 0, mean doubt 1, mean size 0, and motions 0 and 1.
    expected = [[[0.0, 0.0, 1.0, 0.0, 0.0, 1.0], [2.0, 0.0, 1.0, 0.0, 0.0, 1.0]]]
    np.testing.assert_allclose(signs, expected, atol=1e-5)
    # Actions far below a tenth of the spread say nothing more.
    small = uncertainty_features(own, 0 * apart, np.array([[0.0, 0.0]]))
    np.testing.assert_allclose(small[0, :, 1], np.log(0.1))
    np.testing.assert_allclose(small[0, 0, 4:], np.log(1e-6))
    certain = uncertainty_features(0 * own, apart, np.ones((1, 2)))
    np.testing.assert_allclose(certain[0, :, 0], np.log(1e-6))


def test_no_error_and_no_spread_make_no_infinity():
    model = ErrorModel.of(np.zeros((5, 1, 1)), np.zeros((5, 1)))
    assert np.isfinite(model.weight).all()
    assert (model(np.zeros((1, 1, 1))) < 1e-6).all()
