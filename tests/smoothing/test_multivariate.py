import dense_smoother as dense
import numpy as np
import pytest

from benchmarks import _reaches as reaches
from rotoscope.pipeline.smoothing import smooth_multivariate
from rotoscope.pipeline.smoothing.layout import Layout
from rotoscope.pipeline.smoothing.measurement import (
    good_weight,
    initial_weights,
    running_median_residual,
)
from rotoscope.pipeline.smoothing.stationary import RATIOS

TIME_S = np.arange(300) / 30
ALL = np.ones(300, bool)


def shapes(seed, noise_m=reaches.NOISE_JOINT_M):
    rng = np.random.default_rng(seed)
    truth = reaches.hand_shapes(rng)[:300]
    return truth, truth + rng.normal(0, noise_m, truth.shape)


def rms(error):
    return np.sqrt((error**2).mean())


def test_error_falls_far_below_the_noise_and_the_stated_sigma_is_honest():
    errors, inside = [], []
    for seed in range(3):
        truth, noisy = shapes(seed)
        smooth = smooth_multivariate(TIME_S, noisy, ALL, max_gap_s=0.25)
        errors.append(rms(smooth.mean - truth))
        inside.append((np.abs(smooth.mean - truth) < 2 * smooth.sigma).mean())
    assert np.mean(errors) < 0.3 * reaches.NOISE_JOINT_M
    assert np.mean(inside) > 0.85


def test_an_outlier_frame_is_found_and_does_not_move_its_neighbors():
    truth, noisy = shapes(4)
    spoilt = noisy.copy()
    spoilt[200] += np.random.default_rng(0).normal(0, 0.05, 63)
    clean = smooth_multivariate(TIME_S, noisy, ALL, max_gap_s=0.25).mean
    smooth = smooth_multivariate(TIME_S, spoilt, ALL, max_gap_s=0.25)
    np.testing.assert_array_equal(np.flatnonzero(smooth.is_outlier), [200])
    assert smooth.filled[200]
    np.testing.assert_allclose(smooth.mean, clean, atol=0.003)
    assert rms(smooth.mean[200] - truth[200]) < reaches.NOISE_JOINT_M


def test_a_finger_that_snaps_from_rest_is_no_outlier_and_keeps_its_moment():
    rng = np.random.default_rng(1)
    closing = np.where(np.arange(300) < 150, 0.0, 1.0)
    closing[149:152] = [0.2, 0.5, 0.8]
    values = closing[:, None] * rng.normal(0, 0.03, 63) + rng.normal(0, 0.0005, (300, 63))
    smooth = smooth_multivariate(TIME_S, values, ALL, max_gap_s=0.25)
    assert not smooth.is_outlier.any()
    along = (smooth.mean - smooth.mean[0]) @ (values[-1] - values[0])
    half_way = np.interp(0.5, along[145:156] / along[-1], TIME_S[145:156])
    assert half_way == pytest.approx(TIME_S[150], abs=1 / 60)


def mean_log_normal(x, variance):
    return (-0.5 * (x**2 / variance + np.log(variance))).mean(axis=1)


def by_dense_matrices(time_s, values, valid, max_gap_s):
    """The method from its equations, with dense matrices: mean, sigma and weight of the samples.

    Screening, blips, Bayes' rule and the window are the package's own; they are tested apart.
    """
    layout = Layout.of(time_s, valid, max_gap_s)
    run, seen = layout.run_of_sample, values[valid]
    good = initial_weights(seen, run)
    center = (good[:, None] * seen).sum(axis=0) / good.sum()
    _, size, axes = np.linalg.svd((seen - center)[good > 0], full_matrices=False)
    axes = axes[size**2 >= 1e-12 * size[0] ** 2].T
    samples = (seen - center) @ axes
    blip = running_median_residual(samples, run, 2)
    B, D = dense.matrix(layout.at_samples, layout), dense.matrix(layout.jerks, layout)
    weight, activity = np.ones(len(samples)), np.ones(len(D))
    share, spread = 0.02, 100.0
    fit = dense.fit(layout, samples, weight, activity)
    for _ in range(3):
        ratio = RATIOS[fit.choice]
        # Each sample against the motion that the others predict, in units of the noise.
        variance = np.einsum("tm,cmk,tk->tc", B, fit.covariance, B)
        keep = 1.001 - np.minimum(weight[:, None] * variance, 1.0)
        left_out = (samples - B @ fit.coefficients) / np.sqrt(fit.noise) / keep
        in_motion = mean_log_normal(left_out, variance / keep + 1.0)
        in_place = mean_log_normal(blip / np.sqrt(fit.noise), np.ones_like(variance))
        witnesses = max(1.0, 0.1 * samples.shape[1])
        log_bad = witnesses * mean_log_normal(left_out, variance / keep + 1.0 + spread)
        new_weight, share = good_weight(witnesses * np.fmax(in_motion, in_place), log_bad, share)
        bad = 1.0 - new_weight
        spread = (bad @ (left_out**2).mean(axis=1) + 200.0) / (bad.sum() + 2.0)
        # The profile that all components share: demand over supply, geometric mean one.
        jerk_variance = np.einsum("jm,cmk,jk->jc", D, fit.covariance, D)
        asked = ((D @ fit.coefficients) ** 2 * ratio / fit.noise).sum(axis=1)
        told = (1.0 - np.clip(ratio * jerk_variance / activity[:, None], 0, 1)).sum(axis=1)
        told /= activity
        demand = layout.window.sum(asked) + 0.1 * asked.mean() + 1e-6 * activity
        supply = layout.window.sum(told) + 0.1 * told.mean() + 1e-6 / activity
        log_activity = 0.5 * np.log(demand / supply)
        activity = np.exp(np.clip(log_activity - log_activity.mean(), -np.log(1e4), np.log(1e4)))
        weight = new_weight
        fit = dense.fit(layout, samples, weight, activity)
    at_frames = dense.matrix(layout.at_frames, layout)
    mean = center + at_frames @ fit.coefficients @ axes.T
    variance = np.einsum("tm,cmk,tk->tc", at_frames, fit.covariance, at_frames) * fit.noise
    return mean, np.sqrt(variance @ (axes**2).T), weight


@pytest.mark.parametrize(("num_signals", "bump"), [(2, 0.034), (25, 0.01)])
def test_agrees_with_dense_matrices(num_signals, bump):
    # A burst between rests, a gap, an outlier, and a frame that is one by about even odds.
    rng = np.random.default_rng(num_signals)
    time_s = np.arange(70) / 30
    stroke = np.clip((time_s - 0.9) / 0.5, 0, 1) ** 2 * (time_s > 0.5)
    values = stroke[:, None] * rng.normal(0, 0.1, num_signals) + rng.normal(
        0, 0.002, (70, num_signals)
    )
    values[12] += bump * rng.normal(0, 1, num_signals)
    values[50] += rng.normal(0, 0.5, num_signals)
    valid = np.ones(70, bool)
    valid[30:34] = False
    smooth = smooth_multivariate(time_s, values, valid, max_gap_s=0.25)
    mean, sigma, weight = by_dense_matrices(time_s, values, valid, 0.25)
    np.testing.assert_array_equal(
        np.flatnonzero(smooth.is_outlier), np.flatnonzero(valid)[weight < 0.5]
    )
    assert smooth.is_outlier[50]
    # Rounding of ill-conditioned systems, some 1e-8 of a signal of 0.1.
    np.testing.assert_allclose(smooth.mean, mean, atol=1e-7)
    np.testing.assert_allclose(smooth.sigma, sigma, rtol=1e-4)


def test_linear_relations_between_signals_survive():
    _, noisy = shapes(2)
    noisy[:, 0] = 0.0
    noisy[:, 1] = noisy[:, 2] - 3 * noisy[:, 3]
    mean = smooth_multivariate(TIME_S, noisy, ALL, max_gap_s=0.25).mean
    np.testing.assert_allclose(mean[:, 0], 0.0, atol=1e-9)
    np.testing.assert_allclose(mean[:, 1], mean[:, 2] - 3 * mean[:, 3], atol=1e-9)


def test_the_order_of_signals_and_the_direction_of_time_do_not_matter():
    _, noisy = shapes(3)
    order = np.random.default_rng(0).permutation(63)
    one = smooth_multivariate(TIME_S, noisy, ALL, max_gap_s=0.25).mean
    two = smooth_multivariate(-TIME_S[::-1], noisy[::-1, order], ALL, max_gap_s=0.25).mean
    np.testing.assert_allclose(two[::-1], one[:, order], atol=1e-7)


def test_gaps_are_filled_up_to_the_limit():
    _, noisy = shapes(5)
    valid = ALL.copy()
    valid[50:55] = valid[150:170] = False
    smooth = smooth_multivariate(TIME_S, noisy, valid, max_gap_s=0.25)
    assert np.isfinite(smooth.mean[50:55]).all()
    assert np.isnan(smooth.mean[150:170]).all()
    np.testing.assert_array_equal(np.flatnonzero(smooth.filled), np.arange(50, 55))
    assert (smooth.sigma[52] > smooth.sigma[40]).mean() > 0.9


@pytest.mark.parametrize("num_samples", [0, 1, 2, 3])
def test_a_few_samples_are_returned_as_they_are(num_samples):
    _, noisy = shapes(6)
    valid = np.zeros(300, bool)
    valid[:num_samples] = True
    smooth = smooth_multivariate(TIME_S, noisy, valid, max_gap_s=0.25)
    np.testing.assert_allclose(smooth.mean[valid], noisy[valid], atol=1e-5)
    assert np.isnan(smooth.mean[~valid]).all()
    assert np.isnan(smooth.sigma).all()


@pytest.mark.realdata
def test_real_fingers_become_smoother_without_losing_frames_or_lagging(shared_data):
    path = shared_data / "dex_retargeting" / "human_joint_right.pkl"
    joints_m = np.array(np.load(path, allow_pickle=True), dtype=float).reshape(621, 63)
    time_s = np.arange(621) / 30
    smooth = smooth_multivariate(time_s, joints_m, np.ones(621, bool), max_gap_s=0.25)
    assert smooth.is_outlier.mean() < 0.02
    assert np.isnan(smooth.mean[:, 0]).mean() < 0.01
    known = np.isfinite(smooth.mean).all(axis=1)
    jerk = [np.median(np.abs(np.diff(x[known], 3, axis=0))) for x in (joints_m, smooth.mean)]
    assert jerk[1] < 0.3 * jerk[0]
    raw, out = np.diff(joints_m[known], axis=0), np.diff(smooth.mean[known], axis=0)
    agreement = [(raw[3:-3] * out[3 + k : len(out) - 3 + k]).sum() for k in (-2, -1, 0, 1, 2)]
    assert np.argmax(agreement) == 2
