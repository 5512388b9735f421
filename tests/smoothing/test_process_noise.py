import numpy as np
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
