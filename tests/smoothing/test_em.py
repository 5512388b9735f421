import dense_smoother as dense
import numpy as np
import pytest

from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.smoothing.em import Units, em_steps, posterior_of, start
from rotoscope.pipeline.smoothing.layout import Layout
from rotoscope.pipeline.smoothing.measurement import Measurement
from rotoscope.pipeline.smoothing.stationary import fit_signals

TIME_S = np.arange(60) / 30
LAYOUT = Layout.of(TIME_S, np.ones(60, bool), 0.25)


def signals(seed=0, noise=(0.01, 0.05)):
    rng = np.random.default_rng(seed)
    motion = np.stack([np.sin(3 * TIME_S), 2 + np.cos(2 * TIME_S)], axis=1)
    return motion + rng.normal(size=(60, 2)) * noise


def test_the_motion_for_given_parameters_is_that_of_dense_matrices():
    # Independent: the normal equations of all coefficients of both signals, as one dense matrix.
    rng = np.random.default_rng(1)
    size, samples = len(LAYOUT.rest), signals()
    root = rng.normal(size=(LAYOUT.jerks.num_rows, 2, 2))
    strength = root @ np.swapaxes(root, 1, 2) + 0.1 * np.eye(2)
    weight = rng.uniform(0.1, 1.0, 60)
    measurement = Measurement.first_guess(rng.uniform(0.5, 2, (60, 2)), weight)
    found = posterior_of(LAYOUT, samples, measurement, strength)

    # A thousandth of the motion's covariance around each sample adds to its noise.
    noise = np.stack([np.diag(r**2) for r in measurement.relative])
    noise += 1e-3 * strength[LAYOUT.interval_of_sample]
    precision = weight[:, None, None] * np.linalg.inv(noise)
    B, D = dense.matrix(LAYOUT.at_samples, LAYOUT), dense.matrix(LAYOUT.jerks, LAYOUT)
    information = np.einsum("tm,tij,tk->mikj", B, precision, B)
    information += np.einsum("tm,tij,tk->mikj", D, np.linalg.inv(strength), D)
    information += dense.from_band(LAYOUT.rest)[:, None, :, None] * np.eye(2)[:, None]
    flat = information.reshape(2 * size, 2 * size)
    right = np.einsum("tm,tij,tj->mi", B, precision, samples).ravel()
    mean = np.linalg.solve(flat, right).reshape(size, 2)
    np.testing.assert_allclose(found.coefficients, mean, atol=1e-8)
    covariance = np.linalg.inv(flat).reshape(size, 2, size, 2)
    for m in range(size):
        np.testing.assert_allclose(found.band[m, 0], covariance[m, :, m], atol=1e-8)
    np.testing.assert_array_equal(found.process, strength)


def test_with_few_samples_nothing_is_put_down_to_the_splines_coarseness():
    few = Layout.of(TIME_S, np.arange(60) < 6, 0.25)
    strength = np.full((few.jerks.num_rows, 1, 1), 1e6)
    measurement = Measurement.first_guess(np.ones((6, 1)), np.ones(6))
    found = posterior_of(few, np.arange(6.0)[:, None], measurement, strength)
    np.testing.assert_array_equal(found.measurement.covariance, np.ones((6, 1, 1)))


def test_units_are_the_mean_and_the_noise_of_each_signal():
    samples = signals(2)
    units, estimate = start(LAYOUT, samples, None)
    np.testing.assert_allclose(units.center, samples.mean(axis=0))
    # 60 samples tell a sigma to a tenth; three times that is allowed.
    np.testing.assert_allclose(units.scale, [0.01, 0.05], rtol=0.3)
    assert units.is_known
    np.testing.assert_array_equal(units.relative, np.ones((60, 2)))
    normalized = units.normalize(samples)
    np.testing.assert_allclose(normalized * units.scale + units.center, samples)
    residual = normalized - LAYOUT.at_samples.values(estimate.coefficients)
    np.testing.assert_allclose(residual.std(axis=0), 1.0, atol=0.3)
    # Third differences start with the variance that each signal's own ratio gives, alike always.
    alone = fit_signals(LAYOUT, samples - units.center, np.ones(60), np.ones(LAYOUT.jerks.num_rows))
    for covariance in estimate.process:
        np.testing.assert_allclose(covariance, np.diag(1 / alone.ratio))
    np.testing.assert_allclose(units.scale, np.sqrt(alone.noise))


def test_stated_sigma_counts_by_its_course():
    samples = signals(3)
    sigma = np.repeat(np.where(np.arange(60) % 3 == 0, 1.0, 4.0)[:, None], 2, axis=1)
    units, estimate = start(LAYOUT, samples, sigma)
    np.testing.assert_allclose(units.relative, sigma / 4.0)
    again, _ = start(LAYOUT, samples, 7 * sigma)
    np.testing.assert_allclose(again.scale, units.scale)
    # A sample's weight in the first fit is one over the mean square of its relative sigma.
    weight = 1.0 / (sigma[:, 0] / 4.0) ** 2
    alone = fit_signals(LAYOUT, samples - samples.mean(0), weight, np.ones(LAYOUT.jerks.num_rows))
    np.testing.assert_allclose(units.scale, np.sqrt(alone.noise))
    assert (estimate.measurement.weight == 1).all()


def test_the_weight_of_a_sample_is_that_of_its_mean_variance_over_signals():
    samples = signals(4)
    sigma = np.ones((60, 2))
    sigma[::2] = [1.0, 7.0]
    sigma[1::2] = [1.0, 1.0]
    units, _ = start(LAYOUT, samples, sigma)
    relative = sigma / np.median(sigma, axis=0)
    weight = 1.0 / (relative**2).mean(axis=1)
    alone = fit_signals(LAYOUT, samples - samples.mean(0), weight, np.ones(LAYOUT.jerks.num_rows))
    np.testing.assert_allclose(units.scale, np.sqrt(alone.noise))


@pytest.mark.parametrize(("sigma", "scale", "is_known"), [(None, None, False), (0.3, 0.3, True)])
def test_with_few_samples_the_scale_is_the_stated_one_if_there_is_any(sigma, scale, is_known):
    few = Layout.of(TIME_S, np.arange(60) < 5, 0.25)
    samples = np.random.default_rng(0).normal(size=(5, 2))
    units, _ = start(few, samples, None if sigma is None else np.full((5, 2), sigma))
    assert units.is_known is is_known
    if scale is not None:
        np.testing.assert_allclose(units.scale, scale)


def test_signals_without_noise_have_a_scale_above_zero():
    units, _ = start(LAYOUT, np.ones((60, 2)) * [3.0, 0.0], np.full((60, 2), 1e-30))
    assert (units.scale > 0).all()
    few = Layout.of(TIME_S, np.arange(60) < 5, 0.25)
    tiny = np.full((5, 2), 1e-30)
    samples = np.random.default_rng(0).normal(size=(5, 2))
    units, _ = start(few, samples, tiny)
    # A millionth of the spread: below that the arithmetic ends.
    spread = np.sqrt(samples.var(axis=0).mean())
    np.testing.assert_allclose(units.scale, 1e-6 * spread, rtol=1e-4)


@pytest.mark.parametrize("wrong", [0.0, -1.0, np.nan, np.inf])
def test_a_sigma_that_is_no_number_above_zero_is_refused(wrong):
    sigma = np.ones((60, 2))
    sigma[7, 1] = wrong
    with pytest.raises(TrackError, match="stated sigma > 0; leave sigma out"):
        start(LAYOUT, signals(), sigma)


def test_gross_outliers_have_no_weight_from_the_start():
    samples = signals(5)
    samples[30] += 50.0
    units, estimate = start(LAYOUT, samples, None)
    assert np.flatnonzero(estimate.measurement.weight == 0).tolist() == [30]
    np.testing.assert_allclose(units.scale, [0.01, 0.05], rtol=0.3)


def test_rounds_bring_noise_and_motion_closer_to_the_truth():
    samples = signals(6)
    units, first = start(LAYOUT, samples, None)
    normalized = units.normalize(samples)
    assert em_steps(LAYOUT, normalized, first, 0) is first
    seven = em_steps(LAYOUT, normalized, first, 7)
    truth = np.stack([np.sin(3 * TIME_S), 2 + np.cos(2 * TIME_S)], axis=1)
    error = LAYOUT.at_samples.values(seven.coefficients) * units.scale + units.center - truth
    assert (np.sqrt((error**2).mean(axis=0)) < [0.006, 0.03]).all()
    noise = np.sqrt(np.diag(seven.measurement.noise)) * units.scale
    np.testing.assert_allclose(noise, [0.01, 0.05], rtol=0.3)


def test_too_few_samples_are_not_improved_upon():
    few = Layout.of(TIME_S, np.arange(60) < 6, 0.25)
    samples = np.random.default_rng(1).normal(size=(6, 2))
    units, first = start(few, samples, None)
    assert em_steps(few, units.normalize(samples), first, 5) is first


def test_a_sample_three_from_a_step_counts_its_neighbors_on_both_sides():
    # A blip of three samples sticks out of three neighbors on each side, one of four does not
    # (its middle is the median): so the first is an outlier, the second a motion.
    rng = np.random.default_rng(7)
    for width, is_outlier in ((3, True), (4, False)):
        samples = rng.normal(0, 0.01, (60, 2))
        samples[28 : 28 + width] += 2.0
        units, first = start(LAYOUT, samples, None)
        last = em_steps(LAYOUT, units.normalize(samples), first, 7)
        assert bool((last.measurement.weight[29 : 28 + width - 1] < 0.5).any()) is is_outlier


def test_units_normalize_golden():
    units = Units(np.array([1.0, -1.0]), np.array([2.0, 0.5]), np.ones((1, 2)), True)
    np.testing.assert_allclose(units.normalize(np.array([[5.0, 0.0]])), [[2.0, 2.0]])
