import numpy as np
import pytest

from rotoscope.pipeline.smoothing.measurement import (
    Measurement,
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
