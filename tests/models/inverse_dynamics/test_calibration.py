"""Intervals hold what they promise, and confidence means a chance."""

import numpy as np
import pytest
from scipy.stats import norm

from rotoscope.models.inverse_dynamics.calibration import (
    COVERAGE,
    LEAST_HALF_WIDTH,
    NORMAL_QUANTILE,
    RIGHT_WITHIN,
    TEMPERATURES,
    Calibration,
    Evidence,
    best_temperature,
    confidence,
    conformal_factor,
    tempered,
)
from rotoscope.models.inverse_dynamics.error_model import ErrorModel, uncertainty_features


@pytest.mark.parametrize(
    ("num", "rank"),
    [(1, 1), (3, 3), (8, 8), (9, 9), (10, 10), (18, 18), (19, 18), (20, 19), (29, 27)],
)
def test_the_factor_is_the_score_of_rank_nine_tenths_of_one_more_than_there_are(num, rank):
    # Split conformal prediction: the ceil((n + 1) 0.9)-th smallest of n scores or the largest.
    score = np.random.default_rng(num).permutation(np.arange(1.0, num + 1))[:, None]
    assert conformal_factor(score).tolist() == [rank]


def test_each_dimension_has_its_own_factor():
    score = np.array([[1.5, 1.0], [2.0, 4.0]])
    np.testing.assert_allclose(conformal_factor(score), [2.0, 4.0])


def test_intervals_hold_nine_tenths_of_what_comes_next():
    # Exchangeable scores lie below the factor with chance ceil(0.9 (n + 1)) / (n + 1): 36 / 39 for
    # 38. 4000 draws leave 0.0042 of scatter; four of those are allowed.
    rng = np.random.default_rng(0)
    draws = rng.exponential(size=(4000, 39))
    held = [draw[38] <= conformal_factor(draw[:38, None])[0] for draw in draws]
    assert np.mean(held) == pytest.approx(36 / 39, abs=0.017)
    assert COVERAGE == 0.9


@pytest.mark.parametrize("sigma", [0.02, 0.1, 0.7])
def test_confidence_is_the_chance_of_a_normal_error(sigma):
    # Half of the 90 % interval is 1.645 sigma; a fifth is met with chance 2 Phi(0.2 / sigma) - 1.
    half = np.full((1, 2), norm.ppf(0.95) * sigma)
    chance = 2 * norm.cdf(0.2 / sigma) - 1
    nothing = np.zeros((1, 0))
    assert confidence(half, nothing)[0] == pytest.approx(chance, abs=1e-4)
    assert confidence(half, np.array([[0.25]]))[0] == pytest.approx(
        (2 * chance + 0.25) / 3, abs=1e-4
    )


def test_confidence_ends_at_nothing_and_certainty():
    assert confidence(np.zeros((1, 1)), np.ones((1, 1)))[0] == 1.0
    assert confidence(np.full((1, 1), 1e9), np.zeros((1, 1)))[0] == pytest.approx(0.0, abs=1e-6)
    assert norm.ppf(0.95) == pytest.approx(NORMAL_QUANTILE, abs=1e-4)
    assert RIGHT_WITHIN == 0.2


def test_golden_tempered_probabilities():
    # Square roots of 0.8 and 0.2 are as 2 to 1; their squares as 16 to 1.
    probability = np.array([[0.8, 0.2]])
    np.testing.assert_allclose(tempered(probability, 2.0), [[2 / 3, 1 / 3]], rtol=1e-12)
    np.testing.assert_allclose(tempered(probability, 0.5), [[16 / 17, 1 / 17]], rtol=1e-12)
    np.testing.assert_allclose(tempered(np.array([[1.0, 0.0]]), 3.0)[0, 1], 1e-3, rtol=2e-3)


def test_best_temperature_is_that_of_the_true_frequencies():
    # Said 0.8 to 0.2, true two times in three: 4 ** (1 / T) = 2, so T = 2. The grid has steps of
    # 8 %, so half of that is the tolerance.
    probability = np.tile([[0.8, 0.2]], (300, 1))
    truth = np.eye(2)[np.repeat([0, 1], [200, 100])]
    assert best_temperature(probability, truth) == pytest.approx(2.0, rel=0.042)
    always, never = np.eye(2)[np.zeros(300, int)], np.eye(2)[np.ones(300, int)]
    assert best_temperature(probability, always) == pytest.approx(0.2)
    assert best_temperature(probability, never) == pytest.approx(5.0)
    steps = np.diff(np.log(TEMPERATURES))
    np.testing.assert_allclose(steps, np.log(25) / 40)


DOUBT = ErrorModel(np.zeros((2, 3)), np.ones((2, 3)), np.array([[0, 0, 0, 1.0], [0, 0, 0, -9.0]]))
NOTHING = Evidence(np.zeros((0, 1)), np.zeros((0, 2)), np.zeros(0))


def test_half_width_is_the_expected_error_times_the_factor():
    calibration = Calibration(DOUBT, np.array([3.0, 0.5]), np.full(2, 9.0), NOTHING, 1.0)
    found = calibration.half_width(np.zeros((1, 2, 3)))
    # e^1 and e^-9 are expected; no interval is smaller than a fiftieth of the spread.
    np.testing.assert_allclose(found, [[3.0 * np.e, LEAST_HALF_WIDTH]])
    assert LEAST_HALF_WIDTH == 0.02


def evidence_of_two_kinds():
    """Rows at -1 err by 1 at most, those at +1 by 10; most are at -1."""
    place = np.repeat([-1.0, 1.0], [280, 20])
    scores = np.linspace(0, 1, 300)[:, None] * np.where(place > 0, 10.0, 1.0)[:, None]
    return Evidence(place[:, None], np.repeat(scores, 2, axis=1), np.full(300, 1 / 300))


def rows_at(place, num=50):
    features = np.zeros((num, 2, 3))
    features[:, :, 2] = place
    return features


def test_rows_like_those_that_erred_most_widen_the_interval_up_to_the_ceiling():
    evidence = evidence_of_two_kinds()
    factor = evidence.quantile(evidence.weights)
    free = Calibration(DOUBT, factor, np.full(2, 1e9), evidence, 1.0)
    held = Calibration(DOUBT, factor, 1.1 * factor, evidence, 1.0)
    plain = np.e * factor[0]
    assert free.half_width(rows_at(1.0))[0, 0] > 1.3 * plain
    assert held.half_width(rows_at(1.0))[0, 0] == pytest.approx(1.1 * plain)


def test_no_rows_narrow_the_interval():
    evidence = evidence_of_two_kinds()
    factor = evidence.quantile(evidence.weights)
    calibration = Calibration(DOUBT, factor, 2 * factor, evidence, 1.0)
    assert calibration.half_width(rows_at(-1.0))[0, 0] == pytest.approx(np.e * factor[0])
    assert calibration.half_width(rows_at(0.0, num=0)).shape == (0, 2)


def test_little_evidence_is_kept_of_many_rows():
    many = Evidence(np.zeros((4100, 1)), np.arange(4100.0)[:, None], np.ones(4100))
    kept = many.thinned()
    assert len(kept.weights) == 1367
    assert kept.scores[:2].tolist() == [[0], [3]]


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
