import dense_smoother as dense
import numpy as np
import pytest

from rotoscope.pipeline.smoothing.layout import Layout
from rotoscope.pipeline.smoothing.stationary import RATIOS, fit_signals, smallest_noise

TIME_S = np.arange(45) / 15


def problem(seed=0):
    """Two segments, samples of unequal weight, one signal that drifts and one that shakes."""
    rng = np.random.default_rng(seed)
    valid = np.ones(45, bool)
    valid[20:26] = False
    layout = Layout.of(TIME_S, valid, 0.2)
    t = TIME_S[valid]
    signals = np.stack([0.2 * t**2 + rng.normal(0, 0.3, len(t)), np.cumsum(t * 0 + 1)], axis=1)
    signals[:, 1] = 5.0 * np.sin(9.0 * t) + rng.normal(0, 0.001, len(t))
    weight = rng.uniform(0.2, 1.0, len(t))
    activity = rng.uniform(0.5, 2.0, layout.jerks.num_rows)
    return layout, signals, weight, activity


def test_agrees_with_the_likelihood_of_dense_matrices():
    layout, signals, weight, activity = problem()
    fit = fit_signals(layout, signals, weight, activity)
    want = dense.fit(layout, signals, weight, activity)
    np.testing.assert_array_equal(fit.choice, want.choice)
    assert fit.choice[0] > fit.choice[1]  # a drift is averaged over for longer than a shake
    np.testing.assert_allclose(fit.ratio, RATIOS[want.choice])
    np.testing.assert_allclose(fit.noise, want.noise, rtol=1e-6)
    for signal, choice in enumerate(want.choice):
        found, mean = fit.coefficients[:, signal], want.coefficients[:, signal]
        np.testing.assert_allclose(found, mean, atol=1e-6 * np.abs(mean).max())
        band, covariance = fit.band[:, :, choice, 0, 0], want.covariance[signal]
        for offset in range(4):
            diagonal = np.diagonal(covariance, offset)
            np.testing.assert_allclose(band[: len(diagonal), offset], diagonal, atol=1e-6)


def test_ratios_reach_from_fast_motion_to_rest_in_steps_of_ten():
    np.testing.assert_allclose(RATIOS, [10.0**k for k in range(-3, 9)])


def test_with_too_few_samples_the_smallest_ratio_lets_them_stand():
    valid = np.zeros(45, bool)
    valid[:6] = True
    layout = Layout.of(TIME_S, valid, 0.2)
    assert not layout.is_noise_visible
    signals = np.random.default_rng(1).normal(size=(6, 2))
    fit = fit_signals(layout, signals, np.ones(6), np.ones(layout.jerks.num_rows))
    assert fit.choice.tolist() == [0, 0]
    np.testing.assert_allclose(fit.ratio, 1e-3)


def test_freedom_never_falls_below_one():
    # Six samples of weight a half weigh 3, as much as the parabola takes up: the noise is then the
    # misfit itself.
    valid = np.zeros(45, bool)
    valid[:6] = True
    layout = Layout.of(TIME_S, valid, 0.2)
    signals = np.random.default_rng(2).normal(size=(6, 1))
    one = fit_signals(layout, signals, np.full(6, 0.5), np.ones(layout.jerks.num_rows))
    residual = signals[:, 0] - layout.at_samples.values(one.coefficients)[:, 0]
    misfit = 0.5 * (signals[:, 0] * residual).sum()
    assert one.noise[0] == pytest.approx(misfit, rel=1e-6)


def test_smallest_noise_golden_value():
    # Variances 1 and 9, mean 5: a millionth of sqrt(5), and 1e-12 of the largest number.
    samples = np.array([[4.0, -3.0], [6.0, 3.0]])
    assert smallest_noise(samples) == pytest.approx(1e-6 * 5**0.5 + 6e-12, rel=1e-12)
    assert smallest_noise(np.zeros((3, 1))) == pytest.approx(1e-100)
    assert smallest_noise(np.full((3, 1), -1e3)) == pytest.approx(1e-9, rel=1e-12)
    exact = np.array([[1.0], [1.0], [1.0], [1.0], [1.0], [1.0], [1.0], [1.0]])
    layout = Layout.of(np.arange(8) / 15, np.ones(8, bool), 0.2)
    fit = fit_signals(layout, exact, np.ones(8), np.ones(layout.jerks.num_rows))
    # The misfit of a constant is rounding and the pull towards rest, far below 1e-12 squared.
    assert fit.noise[0] >= 1e-24
