import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotoscope.pipeline.smoothing import process

seeds = st.integers(0, 2**31)


@given(seeds)
@settings(max_examples=4, deadline=None)
def test_finds_the_covariance_of_jerks_that_are_seen_without_error(seed):
    rng = np.random.default_rng(seed)
    window = process.Window.over(np.array([1000]), 1 / 15)
    root = rng.normal(size=(3, 3))
    jerk = rng.normal(size=(1000, 3)) @ root.T
    start = np.repeat(np.eye(3)[None] * 50.0, 1000, axis=0)
    unsure = np.repeat(1e-6 * np.eye(3)[None], 1000, axis=0)
    found = start
    for _ in range(20):
        found = process.update(found, jerk, unsure, window)
    # Each window holds a dozen jerks: their mean falls short by some 15 %, and scatters as much.
    want = root @ root.T
    np.testing.assert_allclose(found.mean(axis=0), want, atol=0.25 * np.trace(want))


def test_stays_where_the_data_tell_nothing():
    window = process.Window.over(np.array([30]), 1 / 15)
    start = np.repeat(np.diag([1.0, 4.0, 9.0])[None], 30, axis=0)
    found = process.update(start, np.zeros((30, 3)), start.copy(), window)
    np.testing.assert_allclose(found, start, rtol=1e-3, atol=1e-3)


def test_a_window_does_not_reach_into_the_next_segment():
    window = process.Window.over(np.array([6, 9]), 1 / 15)
    values = np.zeros(15)
    values[:6] = 1.0
    assert (window.sum(values)[6:] == 0).all()
    assert (window.sum(values)[:6] > 0).all()


def test_golden_taps_of_the_window():
    # 0.8 s over knots of 1/15 s: six on each side; Hann's weights 0.5 - 0.5 cos(2 pi k / 14).
    window = process.Window.over(np.array([40]), 1 / 15)
    k = np.arange(1, 14)
    np.testing.assert_allclose(window.taps, 0.5 - 0.5 * np.cos(2 * np.pi * k / 14), atol=1e-12)
    impulse = np.zeros(40)
    impulse[20] = 2.0
    out = window.sum(impulse)
    np.testing.assert_allclose(out[14:27], 2.0 * window.taps, atol=1e-12)
    assert (out[:14] == 0).all()
    assert (out[27:] == 0).all()


@pytest.mark.parametrize(
    ("interval_s", "num_taps"), [(1 / 15, 13), (0.1, 9), (0.2, 5), (0.39, 3), (0.5, 3), (5.0, 3)]
)
def test_the_window_lasts_eight_tenths_of_a_second_and_reaches_a_neighbor(interval_s, num_taps):
    assert len(process.Window.over(np.array([40]), interval_s).taps) == num_taps


def test_the_window_weighs_each_segment_as_it_would_alone():
    values = np.random.default_rng(0).normal(size=(12, 2, 2))
    together = process.Window.over(np.array([3, 9]), 0.2).sum(values)
    first = process.Window.over(np.array([3]), 0.2).sum(values[:3])
    second = process.Window.over(np.array([9]), 0.2).sum(values[3:])
    np.testing.assert_allclose(together, np.concatenate([first, second]), atol=1e-12)


def scalar_update(variance, jerk, jerk_variance, window):
    """The update for one signal, from its equations: c' = c ((demand / c) / (supply c)) ^ 0.9.

    Exponent 1.8 of the geometric mean of 1 / supply and demand, both whitened by c.
    """
    told = (1 - np.clip(jerk_variance / variance, 0, 1)) / variance
    demand = window.sum(jerk**2) + 0.1 * (jerk**2).mean()
    supply = window.sum(told) + 0.1 * told.mean()
    ratio = (demand / variance + 1e-6) / (supply * variance + 1e-6)
    return variance * ratio**0.9 + 1e-8


def test_one_signal_follows_the_equations():
    rng = np.random.default_rng(1)
    window = process.Window.over(np.array([10, 20]), 0.1)
    variance, jerk = rng.uniform(0.5, 20, 30), rng.normal(0, 3, 30)
    jerk_variance = variance * rng.uniform(0, 1.2, 30)
    expected = scalar_update(variance, jerk, jerk_variance, window)
    found = process.update(
        variance[:, None, None], jerk[:, None], jerk_variance[:, None, None], window
    )
    np.testing.assert_allclose(found[:, 0, 0], expected, rtol=1e-9)


def test_signals_that_move_apart_are_updated_apart_however_the_axes_are_turned():
    # Signal 0 moves in the first ten intervals alone, signal 1 in the last ones, so no product of
    # both is ever seen: the matrix is that of two signals, and turns with the axes.
    rng = np.random.default_rng(2)
    window = process.Window.over(np.array([15, 15]), 0.1)
    variance, told = rng.uniform(0.5, 20, (30, 2)), rng.uniform(0, 1, (30, 2))
    jerk = rng.normal(0, 3, (30, 2))
    jerk[:15, 0] = jerk[15:, 1] = 0.0
    expected = np.stack(
        [
            scalar_update(variance[:, i], jerk[:, i], variance[:, i] * told[:, i], window)
            for i in (0, 1)
        ],
        axis=1,
    )
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    covariance, untold = (turn @ (v[:, :, None] * np.eye(2)) @ turn.T for v in (variance, told))
    cov = turn @ ((variance * told)[:, :, None] * np.eye(2)) @ turn.T
    assert untold.shape == covariance.shape
    found = process.update(covariance, jerk @ turn.T, cov, window)
    back = turn.T @ found @ turn
    np.testing.assert_allclose(np.einsum("tii->ti", back), expected, rtol=1e-8)
    np.testing.assert_allclose(back[:, 0, 1], 0.0, atol=1e-8)


def test_at_rest_the_variance_falls_to_its_floor_and_no_further():
    window = process.Window.over(np.array([20]), 0.1)
    covariance = np.ones((20, 1, 1))
    for _ in range(60):
        covariance = process.update(covariance, np.zeros((20, 1)), 1e-12 * covariance, window)
    # What the data told is all, nothing was asked for: (1e-6 / supply)^0.9 of it a round, and 1e-8.
    np.testing.assert_allclose(covariance[:, 0, 0], 1e-8, rtol=0.02)
