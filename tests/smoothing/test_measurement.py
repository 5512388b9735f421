from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from rotoscope.pipeline.smoothing.measurement import (
    Measurement,
    good_weight,
    initial_weights,
    running_median_residual,
)

ONE_RUN = np.zeros(600, int)


def test_noise_and_outliers_are_told_apart():
    rng = np.random.default_rng(0)
    noise = np.array([[1.0, 0.5], [0.5, 2.0]])
    residual = rng.multivariate_normal([0, 0], noise, 600)
    is_outlier = rng.random(600) < 0.05
    residual[is_outlier] += rng.normal(0, 40, (is_outlier.sum(), 2))
    model = Measurement.first_guess(np.ones((600, 2)), np.ones(600))
    for _ in range(20):
        model = model.updated(residual, np.zeros((600, 2, 2)), residual)
    np.testing.assert_allclose(model.noise, noise, atol=0.25)
    assert (model.weight[~is_outlier] > 0.5).all()
    assert (model.weight[is_outlier] < 0.5).mean() > 0.9
    assert model.outlier_share == pytest.approx(is_outlier.mean(), abs=0.01)


def test_a_sample_of_twice_the_sigma_carries_a_quarter_of_the_information():
    relative = np.ones((4, 3))
    relative[2] = 2.0
    precision = Measurement.first_guess(relative, np.ones(4)).precision
    np.testing.assert_allclose(precision[2], precision[1] / 4)


def test_a_fast_step_does_not_stick_out_but_a_blip_does():
    step = np.where(np.arange(600) < 300, 0.0, 10.0)
    step[299:302] = [3.0, 5.0, 8.0]
    blip = np.zeros(600)
    blip[100:103] = 10.0
    signals = np.stack([step, blip], axis=1)
    np.testing.assert_allclose(running_median_residual(signals, ONE_RUN, 3)[:, 0], 0.0)
    np.testing.assert_allclose(running_median_residual(signals, ONE_RUN, 3)[:, 1], blip)


def test_short_runs_cannot_tell_who_sticks_out():
    run = np.repeat([0, 1], [5, 10])
    assert np.isnan(running_median_residual(np.zeros((15, 1)), run, 3)[:5]).all()


def test_gross_outliers_are_screened_before_anything_is_known():
    rng = np.random.default_rng(1)
    samples = rng.normal(0, 1, (600, 3)) + 30 * np.sin(np.arange(600) / 20)[:, None]
    samples[[50, 51, 200]] += 100.0
    weight = initial_weights(samples, ONE_RUN)
    assert (weight[[50, 51, 200]] == 0).all()
    assert weight.sum() >= 595


def mean_of(values):
    """A motion that stays at one place: residuals from the mean, whose variance is 1 / n."""
    n = len(values)
    return (values - values.mean())[:, None], np.full((n, 1, 1), 1.0 / n)


def log_normal(x, variance):
    return -0.5 * (x**2 / variance + np.log(variance))


def test_golden_update_of_a_resting_point():
    # Closed form for n samples of one place: without sample i the mean is off by n / (n - 1) times
    # its residual, and known to 1 / (n - 1). The thousandth that keeps a sample from judging
    # itself is in it too, so the numbers agree to rounding.
    values = np.array([0.1, -0.4, 0.3, 0.2, -0.1, 6.0])
    residual, fit_cov = mean_of(values)
    nowhere = np.full((6, 1), np.nan)
    before = Measurement.first_guess(np.ones((6, 1)), np.ones(6))
    after = before.updated(residual, fit_cov, nowhere)

    keep = 1.001 - 1 / 6
    left_out = residual[:, 0] / keep
    variance = (1 / 6) / keep + 1.0
    odds = log_normal(left_out, variance) - log_normal(left_out, variance + 100.0) + np.log(49)
    weight = 1 / (1 + np.exp(-odds))
    np.testing.assert_allclose(after.weight, weight, rtol=1e-9)
    assert after.weight[5] < 0.01 < 0.99 < after.weight[:5].min()
    assert after.outlier_share == pytest.approx(((1 - weight).sum() + 1) / 56, rel=1e-9)
    bad = 1 - weight
    outlier = ((bad * left_out**2).sum() + 2 * 100.0) / (bad.sum() + 2)
    assert after.outlier[0, 0] == pytest.approx(outlier, rel=1e-9)
    noise = ((weight * (residual[:, 0] ** 2 + 1 / 6)).sum() + 4) / (weight.sum() + 4)
    assert after.noise[0, 0] == pytest.approx(noise, rel=1e-9)


def test_who_was_thought_bad_has_no_say_in_the_noise():
    residual, fit_cov = mean_of(np.array([0.1, -0.4, 0.3, 0.2, -0.1, 0.5]))
    half = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.25])
    after = Measurement.first_guess(np.ones((6, 1)), half).updated(residual, fit_cov, residual)
    weight = after.weight * half
    noise = ((weight * (residual[:, 0] ** 2 + 1 / 6)).sum() + 4) / (weight.sum() + 4)
    assert after.noise[0, 0] == pytest.approx(noise, rel=1e-9)


def test_stated_sigma_scales_what_a_residual_says_about_the_noise():
    # Samples of three times the sigma, three times as far off: the noise of relative 1 is the same.
    residual, fit_cov = mean_of(np.array([0.5, -1.4, 1.3, 0.2, -1.1]))
    one = Measurement.first_guess(np.ones((5, 1)), np.ones(5))
    three = Measurement.first_guess(np.full((5, 1), 3.0), np.ones(5))
    alike = one.updated(residual, fit_cov, residual).noise
    scaled = three.updated(3 * residual, 9 * fit_cov, 3 * residual).noise
    np.testing.assert_allclose(scaled, alike, rtol=0.01)


def test_whoever_stays_among_its_neighbors_is_good_however_far_off_the_motion():
    residual, fit_cov = mean_of(np.array([0.0, 0.1, -0.1, 0.0, 0.1, 50.0]))
    first = Measurement.first_guess(np.ones((6, 1)), np.ones(6))
    assert first.updated(residual, fit_cov, np.full((6, 1), np.nan)).weight[5] < 1e-6
    among = np.zeros((6, 1))
    assert first.updated(residual, fit_cov, among).weight[5] > 0.99


def test_covariance_is_noise_of_that_sigma_and_what_the_spline_cannot_follow():
    relative = np.array([[1.0, 2.0], [3.0, 1.0]])
    model = Measurement.first_guess(relative, np.array([1.0, 0.5]))
    np.testing.assert_allclose(model.covariance, [np.diag([1, 4]), np.diag([9, 1])])
    motion = np.array([[[1000.0, 500.0], [500.0, 2000.0]]] * 2)
    beside = model.with_process(motion)
    # A thousandth of the motion's variance is added.
    expected = [[[2.0, 0.5], [0.5, 6.0]], [[10.0, 0.5], [0.5, 3.0]]]
    np.testing.assert_allclose(beside.covariance, expected)
    np.testing.assert_allclose(beside.precision[1], 0.5 * np.linalg.inv(expected[1]))


def test_first_guess_is_unit_noise_and_one_wide_outlier_in_fifty():
    model = Measurement.first_guess(np.ones((3, 2)), np.ones(3))
    np.testing.assert_array_equal(model.noise, np.eye(2))
    np.testing.assert_array_equal(model.outlier, 100 * np.eye(2))
    assert model.outlier_share == 0.02


def test_golden_weights_follow_from_bayes():
    # Even densities leave the prior: 0.98 good. A factor 49 against the sample makes it even odds.
    log_good = np.array([0.0, -np.log(49.0), 3.0, -1e4, 1e4])
    weight, share = good_weight(log_good, np.zeros(5), 0.02)
    expected = [0.98, 0.5, 49 * np.exp(3) / (49 * np.exp(3) + 1), 0.0, 1.0]
    np.testing.assert_allclose(weight, expected, atol=1e-12)
    assert share == pytest.approx(((1 - weight).sum() + 1) / 55, rel=1e-12)


def test_the_density_is_that_of_a_normal():
    # Two signals with correlated noise; the judgment compares two normal densities (scipy's).
    rng = np.random.default_rng(5)
    root = rng.normal(size=(2, 2))
    noise = root @ root.T
    model = replace(Measurement.first_guess(np.ones((4, 2)), np.ones(4)), noise=noise)
    residual = rng.normal(0, 2.0, (4, 2))
    none = np.zeros((4, 2, 2))
    left_out = residual / 1.001
    good = multivariate_normal([0, 0], noise).logpdf(left_out)
    bad = multivariate_normal([0, 0], noise + model.outlier).logpdf(left_out)
    expected, _ = good_weight(good, bad, 0.02)
    found = model.updated(residual, none, np.full((4, 2), np.nan)).weight
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize(("factor", "weight"), [(9.5, 1.0), (10.5, 0.0)])
def test_ten_times_further_than_four_in_five_is_screened_and_no_less(factor, weight):
    samples = np.random.default_rng(3).normal(size=(301, 1))
    run = np.zeros(301, int)
    usual = np.quantile(np.abs(running_median_residual(samples, run, 2)), 0.8)
    samples[150] = 0.0  # its own place in the quantile, and its neighbors', move it by 1 %
    around = np.sort(samples[[148, 149, 151, 152], 0])
    samples[150] = around[2] + factor * usual  # the median is then the third of its neighbors
    assert initial_weights(samples, run)[150] == weight


def test_one_signal_is_enough_to_be_screened_and_a_still_one_screens_nobody():
    rng = np.random.default_rng(2)
    samples = rng.normal(size=(60, 2))
    samples[:, 1] = 0.0
    samples[30, 1] = 5.0
    assert initial_weights(samples, np.zeros(60, int)).all()
    samples[40, 0] = 500.0
    np.testing.assert_array_equal(
        np.flatnonzero(initial_weights(samples, np.zeros(60, int)) == 0), [40]
    )
