import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from benchmarks import _reaches as reaches
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.smoothing import smooth_vectors
from rotoscope.pipeline.smoothing.layout import check_signals

TIME_S = np.arange(300) / 30
ALL = np.ones(300, bool)
seeds = st.integers(0, 2**31)


def reach(seed, num_frames=300):
    """Truth, noisy samples, seen frames and outliers of a synthetic reach."""
    rng = np.random.default_rng(seed)
    truth, _ = reaches.wrist_track(rng)
    noisy, seen, is_outlier = reaches.observed(rng, truth)
    seen[[0, num_frames - 1]] = True
    noisy[[0, num_frames - 1]] = truth[[0, num_frames - 1]]
    return truth[:num_frames], noisy[:num_frames], seen[:num_frames], is_outlier[:num_frames]


def rms(error):
    return np.sqrt((error**2).sum(axis=1).mean())


@given(seeds)
@settings(max_examples=5, deadline=None)
def test_a_parabola_is_reproduced_through_gaps_on_an_irregular_clock(seed):
    rng = np.random.default_rng(seed)
    time_s = np.cumsum(rng.uniform(0.01, 0.06, 300))
    a, b, c = rng.normal(size=(3, 3))
    values = a + b * time_s[:, None] + c * time_s[:, None] ** 2
    valid = np.ones(300, bool)
    valid[100:104] = False
    smooth = smooth_vectors(time_s, np.where(valid[:, None], values, 9.0), valid, max_gap_s=0.5)
    np.testing.assert_allclose(smooth.mean, values, atol=1e-6 * np.ptp(values))
    np.testing.assert_array_equal(smooth.filled, ~valid)


def test_error_falls_far_below_the_noise_and_the_stated_sigma_is_honest():
    errors, inside, raw = [], [], []
    for seed in range(4):
        truth, noisy, seen, is_outlier = reach(seed)
        smooth = smooth_vectors(TIME_S, noisy, seen, max_gap_s=0.5)
        errors.append(rms(smooth.mean - truth))
        raw.append(rms((noisy - truth)[seen & ~is_outlier]))
        inside.append(np.abs(smooth.mean - truth) < 2 * smooth.sigma)
        np.testing.assert_allclose(smooth.noise_sigma, reaches.NOISE_M, rtol=0.2)
    assert np.mean(errors) < 0.45 * np.mean(raw)
    assert 0.88 < np.mean(inside) <= 0.99


def test_gap_longer_than_limit_stays_unknown_and_shorter_is_filled():
    _, noisy, _, _ = reach(5)
    valid = ALL.copy()
    valid[50:55] = False
    valid[150:170] = False
    smooth = smooth_vectors(TIME_S, noisy, valid, max_gap_s=0.25)
    assert np.isfinite(smooth.mean[50:55]).all()
    assert smooth.filled[50:55].all()
    assert np.isnan(smooth.mean[150:170]).all()
    assert np.isnan(smooth.sigma[150:170]).all()
    assert not smooth.filled[150:170].any()


def test_segments_beyond_a_long_gap_do_not_move_each_other():
    _, noisy, _, _ = reach(6)
    valid = ALL.copy()
    valid[150:165] = False
    moved = noisy.copy()
    moved[165:] += 3.0
    one = smooth_vectors(TIME_S, noisy, valid, max_gap_s=0.25).mean
    two = smooth_vectors(TIME_S, moved, valid, max_gap_s=0.25).mean
    np.testing.assert_allclose(one[:150], two[:150], atol=1e-6)


def test_frames_before_the_first_and_after_the_last_sample_stay_unknown():
    _, noisy, _, _ = reach(7)
    valid = ALL.copy()
    valid[:3] = valid[-2:] = False
    smooth = smooth_vectors(TIME_S, noisy, valid, max_gap_s=0.25)
    assert np.isnan(smooth.mean[[0, 1, 2, -2, -1]]).all()


def test_sigma_grows_inside_gaps():
    _, noisy, _, _ = reach(8)
    valid = ALL.copy()
    valid[100:107] = False
    sigma = smooth_vectors(TIME_S, noisy, valid, max_gap_s=0.5).sigma
    assert (sigma[103] > sigma[99]).all()
    assert (sigma[103] > sigma[107]).all()


@given(seeds)
@settings(max_examples=5, deadline=None)
def test_an_outlier_is_found_and_does_not_move_its_neighbors(seed):
    rng = np.random.default_rng(seed)
    slow = 0.1 * np.sin(TIME_S[:, None] * [1.0, 1.5, 2.0])
    noisy = slow + rng.normal(0, 0.005, slow.shape)
    spoilt = noisy.copy()
    spoilt[120] += [0.4, -0.3, 0.5]
    clean = smooth_vectors(TIME_S, noisy, ALL, max_gap_s=0.5)
    smooth = smooth_vectors(TIME_S, spoilt, ALL, max_gap_s=0.5)
    assert smooth.is_outlier[120]
    assert smooth.filled[120]
    np.testing.assert_allclose(smooth.mean, clean.mean, atol=0.003)


def test_a_snap_from_rest_is_no_outlier():
    rng = np.random.default_rng(0)
    x = np.where(TIME_S < 5, 0.0, 0.3)
    x[149:152] = [0.05, 0.15, 0.25]
    values = x[:, None] + rng.normal(0, 0.0005, (300, 3))
    smooth = smooth_vectors(TIME_S, values, ALL, max_gap_s=0.5)
    assert not smooth.is_outlier.any()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_moves_with_the_frame_it_is_seen_in(seed):
    _, noisy, seen, _ = reach(seed)
    R = Rotation.random(random_state=seed).as_matrix()
    shift = np.array([0.5, -2.0, 1.0])
    one = smooth_vectors(TIME_S, noisy, seen, max_gap_s=0.5)
    two = smooth_vectors(TIME_S + 40.0, noisy @ R.T + shift, seen, max_gap_s=0.5)
    # First guesses are made axis by axis and leave a trace, below the stated sigma.
    assert rms(two.mean - (one.mean @ R.T + shift)) < 0.5 * rms(one.sigma)


def test_translation_scale_and_time_shift_change_nothing_else():
    _, noisy, seen, _ = reach(11)
    one = smooth_vectors(TIME_S, noisy, seen, max_gap_s=0.5)
    two = smooth_vectors(TIME_S + 100.0, 1000 * (noisy + 5.0), seen, max_gap_s=0.5)
    np.testing.assert_allclose(two.mean / 1000 - 5.0, one.mean, atol=1e-6)
    np.testing.assert_allclose(two.sigma / 1000, one.sigma, rtol=1e-3)


def test_time_reversal_reverses_the_result():
    _, noisy, seen, _ = reach(12)
    one = smooth_vectors(TIME_S, noisy, seen, max_gap_s=0.5)
    two = smooth_vectors(-TIME_S[::-1], noisy[::-1], seen[::-1], max_gap_s=0.5)
    np.testing.assert_allclose(two.mean[::-1], one.mean, atol=1e-6)
    np.testing.assert_allclose(two.sigma[::-1], one.sigma, rtol=1e-3)


def test_stated_sigma_weighs_samples_against_each_other():
    rng = np.random.default_rng(3)
    truth = 0.2 * np.sin(2 * TIME_S)[:, None] * np.ones(3)
    sigma = np.where(np.arange(300) % 3 == 0, 0.003, 0.03)[:, None] * np.ones(3)
    noisy = truth + rng.normal(0, 1, truth.shape) * sigma
    told = smooth_vectors(TIME_S, noisy, ALL, max_gap_s=0.5, sigma=sigma)
    untold = smooth_vectors(TIME_S, noisy, ALL, max_gap_s=0.5)
    assert rms(told.mean - truth) < 0.8 * rms(untold.mean - truth)


@pytest.mark.parametrize("num_samples", [1, 2, 3])
def test_a_few_samples_are_returned_as_they_are(num_samples):
    valid = np.zeros(300, bool)
    valid[10 : 10 + num_samples] = True
    _, noisy, _, _ = reach(13)
    smooth = smooth_vectors(TIME_S, noisy, valid, max_gap_s=0.5)
    np.testing.assert_allclose(smooth.mean[valid], noisy[valid], atol=1e-5)
    assert np.isnan(smooth.mean[~valid]).all()
    assert np.isnan(smooth.sigma).all()
    stated = np.full(noisy.shape, 0.01)
    sigma = smooth_vectors(TIME_S, noisy, valid, max_gap_s=0.5, sigma=stated).sigma[valid]
    np.testing.assert_allclose(sigma, 0.01, rtol=0.05)


def test_no_sample_gives_nothing():
    smooth = smooth_vectors(TIME_S, np.full((300, 3), np.nan), ~ALL, max_gap_s=0.5)
    assert np.isnan(smooth.mean).all()
    assert not smooth.filled.any()


def test_values_without_noise_or_motion_stay():
    still = np.ones((300, 3))
    np.testing.assert_allclose(smooth_vectors(TIME_S, still, ALL, max_gap_s=0.5).mean, still)
    truth, _, _, _ = reach(14)
    clean = smooth_vectors(TIME_S, truth, ALL, max_gap_s=0.5)
    assert not clean.is_outlier.any()
    np.testing.assert_allclose(clean.mean, truth, atol=0.001)


def test_golden_value():
    # Guards against unnoticed change: one frame of one reach, as first measured. The tolerance
    # leaves room for another BLAS, not for another method.
    _, noisy, seen, _ = reach(2)
    smooth = smooth_vectors(TIME_S, noisy, seen, max_gap_s=0.5)
    np.testing.assert_allclose(smooth.mean[100], [-0.084218, 0.099059, 0.460887], atol=2e-5)
    np.testing.assert_allclose(smooth.sigma[100], [0.002471, 0.002035, 0.005872], atol=2e-5)


def test_wrong_input_is_refused_with_what_was_seen():
    values = np.zeros((300, 3))
    with pytest.raises(TrackError, match="300 frame times, 299 values"):
        # Shape checks of the tests would stop the public call before our own check does.
        check_signals("smooth_vectors", TIME_S, values[1:], ALL, 0.5)
    with pytest.raises(TrackError, match="increase strictly"):
        smooth_vectors(TIME_S[::-1], values, ALL, max_gap_s=0.5)
    with pytest.raises(TrackError, match=r"max_gap_s must be a time >= 0 in seconds, got -1"):
        smooth_vectors(TIME_S, values, ALL, max_gap_s=-1)
    with pytest.raises(TrackError, match="finite values"):
        smooth_vectors(TIME_S, np.full((300, 3), np.nan), ALL, max_gap_s=0.5)
    with pytest.raises(TrackError, match="sigma > 0"):
        smooth_vectors(TIME_S, values, ALL, max_gap_s=0.5, sigma=values)
