"""Conformal factors, confidence and temperatures: values found by hand."""

import numpy as np
import pytest
from scipy.stats import norm

from rotoscope.models.inverse_dynamics.calibration import (
    NORMAL_QUANTILE,
    RIGHT_WITHIN,
    best_temperature,
    confidence,
    conformal_factor,
    tempered,
)
from rotoscope.models.inverse_dynamics.error_model import ErrorModel, uncertainty_features


@pytest.mark.parametrize(("num", "rank"), [(10, 10), (19, 18), (100, 91), (3, 3)])
def test_factor_is_the_quantile_that_counts_the_error_to_come(num, rank):
    # ceil((n + 1) 0.9), at most n: 9.9 -> 10, 18, 90.9 -> 91, 3.6 -> 3.
    error = np.random.default_rng(0).permutation(np.arange(1.0, num + 1))[:, None]
    signed = error * np.where(np.arange(num) % 2, 1, -1)[:, None]
    assert conformal_factor(signed, np.full((num, 1), 2.0))[0] == rank / 2


def test_factors_hold_ninety_percent_of_errors_to_come():
    rng = np.random.default_rng(1)
    held = []
    for _ in range(300):
        factor = conformal_factor(rng.normal(size=(49, 1)), np.ones((49, 1)))
        held.append((np.abs(rng.normal(size=(200, 1))) <= factor).mean())
    assert np.mean(held) == pytest.approx(0.9, abs=0.01)


def test_confidence_is_the_chance_of_a_small_error():
    half_width = np.array([[0.4], [0.0], [1e6]])
    found = confidence(half_width, np.zeros((3, 0)))
    sigma = 0.4 / NORMAL_QUANTILE
    wanted = np.mean([norm.cdf(s / sigma) - norm.cdf(-s / sigma) for s in RIGHT_WITHIN])
    np.testing.assert_allclose(found, [wanted, 1, 0], atol=1e-5)
    assert pytest.approx(norm.ppf(0.95), abs=1e-4) == NORMAL_QUANTILE


def test_temperature_undoes_what_was_made_too_sure():
    rng = np.random.default_rng(2)
    true = rng.dirichlet(np.ones(3), 20_000)
    chosen = np.eye(3)[(true.cumsum(1) < rng.uniform(size=(len(true), 1))).sum(1)]
    assert best_temperature(tempered(true, 0.5), chosen) == pytest.approx(2.0, rel=0.1)
    np.testing.assert_allclose(tempered(np.array([[0.8, 0.2]]), 0.5), [[16 / 17, 1 / 17]])


def test_expected_error_follows_its_features():
    rng = np.random.default_rng(3)
    sigma = np.exp(rng.normal(size=(4000, 1)))
    features = uncertainty_features(sigma, rng.normal(size=(4000, 1)), np.ones((4000, 2)))
    assert features.shape == (4000, 1, 6)
    np.testing.assert_allclose(features[:, 0, 0], np.log(sigma[:, 0] + 1e-6))
    error = sigma * rng.normal(size=(4000, 1))
    expected = ErrorModel.of(features, error)(features)
    # E|e| of a normal error is sqrt(2 / pi) sigma; the penalty holds slopes back a little.
    ratio = expected / (np.sqrt(2 / np.pi) * sigma)
    assert np.median(ratio) == pytest.approx(1.0, abs=0.1)
    assert np.corrcoef(np.log(expected[:, 0]), np.log(sigma[:, 0]))[0, 1] > 0.95
