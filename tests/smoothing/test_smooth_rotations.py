import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from benchmarks import _reaches as reaches
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.smoothing import rotations, smooth_rotations

TIME_S = np.arange(300) / 30
ALL = np.ones(300, bool)
seeds = st.integers(0, 2**31)


def turning(seed):
    """Truth, noisy samples and seen frames of a synthetic turning wrist."""
    rng = np.random.default_rng(seed)
    truth = reaches.wrist_turns(rng)[:300]
    seen = reaches.seen(rng, 300)
    seen[[0, -1]] = True
    return truth, reaches.turned_noisily(rng, truth), seen


def angles(A, B):
    return se3.angle_between(A, B)


def test_error_falls_far_below_the_noise_and_the_stated_sigma_is_honest():
    errors, inside = [], []
    for seed in range(4):
        truth, noisy, seen = turning(seed)
        smooth = smooth_rotations(TIME_S, noisy, seen, max_gap_s=0.5)
        known = np.isfinite(smooth.mean[:, 0, 0])
        off = se3.log_so3(np.swapaxes(smooth.mean[known], 1, 2) @ truth[known])
        sigma = np.sqrt(np.einsum("tii->ti", smooth.covariance[known]))
        errors.append((off**2).sum(axis=1).mean())
        inside.append((np.abs(off) < 2 * sigma).mean())
        np.testing.assert_allclose(smooth.noise_sigma, reaches.NOISE_RAD, rtol=0.25)
    noise = np.linalg.norm(reaches.NOISE_RAD)
    assert np.sqrt(np.mean(errors)) < 0.45 * noise
    assert 0.88 < np.mean(inside) <= 0.99


@given(seeds)
@settings(max_examples=4, deadline=None)
def test_turns_on_and_on_through_the_wrap(seed):
    rng = np.random.default_rng(seed)
    axis = rng.normal(size=3)
    angle = 2.0 * np.pi * TIME_S * 0.7  # seven full turns
    truth = se3.exp_so3(angle[:, None] * axis / np.linalg.norm(axis))
    noisy = truth @ se3.exp_so3(rng.normal(0, 0.05, (300, 3)))
    valid = ALL.copy()
    valid[::17] = False
    valid[0] = True
    smooth = smooth_rotations(TIME_S, noisy, valid, max_gap_s=0.5)
    # Most seeds stay below 0.04; the wildest of some hundred reached 0.05.
    assert np.sqrt((angles(smooth.mean, truth)[:299] ** 2).mean()) < 0.06
    assert not smooth.is_outlier.any()


@given(seeds)
@settings(max_examples=4, deadline=None)
def test_moves_with_the_frame_it_is_seen_in(seed):
    _, noisy, seen = turning(seed)
    R = Rotation.random(random_state=seed).as_matrix()
    one = smooth_rotations(TIME_S, noisy, seen, max_gap_s=0.5)
    two = smooth_rotations(TIME_S + 7.0, R @ noisy, seen, max_gap_s=0.5)
    known = np.isfinite(one.mean[:, 0, 0])
    np.testing.assert_allclose(two.mean[known], R @ one.mean[known], atol=1e-5)


def test_time_reversal_reverses_the_result():
    _, noisy, seen = turning(3)
    one = smooth_rotations(TIME_S, noisy, seen, max_gap_s=0.5)
    two = smooth_rotations(-TIME_S[::-1], noisy[::-1], seen[::-1], max_gap_s=0.5)
    known = np.isfinite(one.mean[:, 0, 0])
    # Ties among the first reference's medoids fall the other way; what is left is far below sigma.
    assert angles(two.mean[::-1][known], one.mean[known]).max() < 0.01


def test_constant_turning_is_reproduced_and_gaps_are_bridged():
    truth = se3.exp_so3(TIME_S[:, None] * np.array([1.0, -0.5, 2.0]))
    valid = ALL.copy()
    valid[100:106] = False
    smooth = smooth_rotations(TIME_S, truth, valid, max_gap_s=0.25)
    assert angles(smooth.mean, truth).max() < 1e-6
    np.testing.assert_array_equal(smooth.filled, ~valid)


def test_flipped_hands_are_outliers_and_do_not_move_the_rest():
    rng = np.random.default_rng(0)
    truth = se3.exp_so3(np.sin(TIME_S)[:, None] * np.array([1.0, 0.3, 0.2]))
    noisy = truth @ se3.exp_so3(rng.normal(0, 0.03, (300, 3)))
    flipped = noisy.copy()
    flip = np.array([50, 51, 140, 222])
    flipped[flip] = flipped[flip] @ np.diag([-1.0, -1.0, 1.0])
    smooth = smooth_rotations(TIME_S, flipped, ALL, max_gap_s=0.25)
    np.testing.assert_array_equal(np.flatnonzero(smooth.is_outlier), flip)
    assert angles(smooth.mean, truth).max() < 0.05


def test_gap_longer_than_limit_stays_unknown():
    truth, _, _ = turning(4)
    valid = ALL.copy()
    valid[100:120] = False
    smooth = smooth_rotations(TIME_S, truth, valid, max_gap_s=0.25)
    assert np.isnan(smooth.mean[100:120]).all()
    assert np.isfinite(smooth.mean[valid]).all()


def test_one_sample_or_none():
    truth, _, _ = turning(5)
    valid = np.zeros(300, bool)
    assert np.isnan(smooth_rotations(TIME_S, truth, valid, max_gap_s=0.25).mean).all()
    valid[40] = True
    smooth = smooth_rotations(TIME_S, truth, valid, max_gap_s=0.25)
    np.testing.assert_allclose(smooth.mean[40], truth[40], atol=1e-9)


def test_stated_sigma_of_a_few_samples_is_an_angle_over_three_axes():
    # With three samples the stated noise stands: 0.3 rad in all, 0.3 / sqrt(3) about each axis.
    truth, _, _ = turning(6)
    valid = np.arange(300) < 3
    stated = np.full(300, 0.3)
    smooth = smooth_rotations(TIME_S, truth, valid, max_gap_s=0.25, sigma_rad=stated)
    covariance = smooth.covariance[:3]
    np.testing.assert_allclose(np.sqrt(np.einsum("tii->ti", covariance)), 0.3 / 3**0.5, rtol=0.05)
    np.testing.assert_allclose(smooth.noise_sigma, 0.3 / 3**0.5, rtol=1e-6)


def test_stated_sigma_weighs_samples_against_each_other():
    rng = np.random.default_rng(3)
    truth = se3.exp_so3(np.sin(2 * TIME_S)[:, None] * np.array([0.5, 0.3, -0.2]))
    sigma = np.where(np.arange(300) % 3 == 0, 0.01, 0.15)
    noise = rng.normal(size=(300, 3)) * sigma[:, None]
    noisy = truth @ se3.exp_so3(noise)
    told = smooth_rotations(TIME_S, noisy, ALL, max_gap_s=0.5, sigma_rad=sigma)
    untold = smooth_rotations(TIME_S, noisy, ALL, max_gap_s=0.5)
    assert angles(told.mean, truth).mean() < 0.7 * angles(untold.mean, truth).mean()


def test_the_first_reference_is_the_sample_nearest_to_its_neighbors():
    # Angles about one axis: of 0, 0.1, 3, 0.2 and 0.3 the one of least distance to all is 0.2; of
    # the next five it is 0.3.
    about = np.array([0.0, 0.1, 3.0, 0.2, 0.3, 0.35, 0.5])
    samples = se3.exp_so3(about[:, None] * np.array([0.0, 0.6, 0.8]))
    chosen = rotations._medoids(samples, np.zeros(7, int))
    found = np.linalg.norm(se3.log_so3(chosen), axis=1)
    expected = []
    for i in range(7):
        near = about[np.clip(i - 2, 0, 2) : np.clip(i - 2, 0, 2) + 5]
        turned = np.abs(near[:, None] - near)
        expected.append(near[np.argmin(turned.sum(axis=1))])
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert expected[2] == 0.2


def test_medoids_are_the_same_for_either_sign_of_the_quaternion():
    # Turns of 170, 175, 180, 185 and 190 degrees: quaternions change sign past half a turn.
    degrees = np.array([170.0, 175.0, 180.0, 185.0, 190.0])
    samples = se3.exp_so3(np.radians(degrees)[:, None] * np.eye(3)[2])
    chosen = rotations._medoids(samples, np.zeros(5, int))
    np.testing.assert_allclose(chosen, np.repeat(samples[2:3], 5, axis=0), atol=1e-9)


def test_between_samples_the_reference_turns_evenly_and_rests_outside():
    time_s = np.array([0.0, 1.0, 2.0, 2.5, 4.0, 5.0])
    valid = np.array([False, True, False, False, True, False])
    axis = np.array([0.0, 0.6, 0.8])
    samples = se3.exp_so3(np.array([[0.2], [1.4]]) * axis)
    found = se3.log_so3(rotations._interpolate(time_s, valid, samples))
    np.testing.assert_allclose(
        found, np.array([[0.2, 0.2, 0.6, 0.8, 1.4, 1.4]]).T * axis, atol=1e-12
    )
    alone = rotations._interpolate(time_s, np.arange(6) == 3, samples[:1])
    np.testing.assert_allclose(alone, np.repeat(samples[:1], 6, axis=0), atol=1e-12)


@pytest.mark.parametrize(("stretch", "is_refused"), [(0.9e-4, False), (1.1e-4, True)])
def test_rounding_of_a_rotation_is_forgiven(stretch, is_refused):
    # R R' = (1 + s) I is off by s, and 1e-4 beside the 1e-5 of its size is forgiven.
    samples = np.repeat(np.eye(3)[None], 300, axis=0) * np.sqrt(1 + stretch + 1e-5)
    if is_refused:
        with pytest.raises(TrackError, match="must hold a rotation matrix"):
            smooth_rotations(TIME_S, samples, ALL, max_gap_s=0.25)
    else:
        assert not smooth_rotations(TIME_S, samples, ALL, max_gap_s=0.25).is_outlier.any()


def test_golden_value():
    # Guards against unnoticed change, as first measured; it is 0.9 sigma off the truth. The
    # tolerance leaves room for another BLAS, not for another method.
    truth, noisy, seen = turning(2)
    smooth = smooth_rotations(TIME_S, noisy, seen, max_gap_s=0.5)
    assert angles(smooth.mean[100:101], truth[100:101])[0] < 0.0375
    np.testing.assert_allclose(
        se3.log_so3(smooth.mean[100]), [2.527615, -0.535527, 0.164636], atol=2e-5
    )
    sigma = np.sqrt(np.diag(smooth.covariance[100]))
    np.testing.assert_allclose(sigma, [0.014438, 0.019120, 0.028835], atol=2e-5)


def test_what_is_not_a_rotation_is_refused():
    with pytest.raises(TrackError, match="must hold a rotation matrix"):
        smooth_rotations(TIME_S, np.ones((300, 3, 3)), ALL, max_gap_s=0.25)
