import numpy as np
import pytest

from rotoscope.pipeline.smoothing.layout import Layout
from rotoscope.pipeline.smoothing.stationary import RATIOS, fit_signals, smallest_noise

TIME_S = np.arange(45) / 15


def dense(functionals, num_coefficients):
    """The matrix that the functionals stand for."""
    return np.stack([functionals.values(c) for c in np.eye(num_coefficients)], axis=1)


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
    # Independent: the marginal likelihood of the same linear model, written out densely. A weight
    # is an inverse variance, so log|A| and the profiled noise follow from the whole matrix.
    layout, signals, weight, activity = problem()
    size = layout.rest.shape[0]
    B, D = dense(layout.at_samples, size), dense(layout.jerks, size)
    rest = np.zeros((size, size))
    for m in range(size):
        for offset in range(min(4, size - m)):
            rest[m, m + offset] = rest[m + offset, m] = layout.rest[m, offset]
    freedom = weight.sum() - 3 * 2
    scores, means, noises, covariances = [], [], [], []
    for ratio in RATIOS:
        A = B.T @ (weight[:, None] * B) + rest + ratio * D.T @ (D / activity[:, None])
        mean = np.linalg.solve(A, B.T @ (weight[:, None] * signals))
        misfit = (weight[:, None] * signals * (signals - B @ mean)).sum(axis=0)
        noises.append(misfit / freedom)
        volume = np.linalg.slogdet(A)[1] - len(activity) * np.log(ratio)
        scores.append(freedom * np.log(noises[-1]) + volume)
        means.append(mean)
        covariances.append(np.linalg.inv(A))
    best = np.argmin(scores, axis=0)
    fit = fit_signals(layout, signals, weight, activity)
    np.testing.assert_array_equal(fit.choice, best)
    assert best[0] > best[1]  # a drift is averaged over for longer than a shake
    np.testing.assert_allclose(fit.ratio, RATIOS[best])
    for signal, choice in enumerate(best):
        np.testing.assert_allclose(fit.noise[signal], noises[choice][signal], rtol=1e-6)
        found, want = fit.coefficients[:, signal], means[choice][:, signal]
        np.testing.assert_allclose(found, want, atol=1e-6 * np.abs(want).max())
        band = fit.band[:, :, choice, 0, 0]
        np.testing.assert_allclose(band[:, 0], np.diag(covariances[choice]), rtol=1e-6)


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
