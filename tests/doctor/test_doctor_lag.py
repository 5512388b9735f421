"""A lag that was put in is found; what moves by itself is not called late."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotoscope.pipeline.doctor.lag import Curve, curve_of

LAGS = np.arange(-15, 16)


def wander(seed, length):
    """How fast something moves that starts and stops: smooth, never negative."""
    noise = np.random.default_rng(seed).normal(size=length + 40)
    return np.maximum(np.convolve(noise, np.hanning(12), mode="same")[20:-20], 0.0)


@given(seed=st.integers(0, 2**32 - 1), lag=st.integers(-12, 12), noise=st.floats(0.0, 0.3))
def test_lag_that_was_put_in_is_found(seed, lag, noise):
    motion = wander(seed, 240)
    video, action = motion[20:-20], motion[20 - lag : len(motion) - 20 - lag]
    shaken = video + noise * np.random.default_rng(seed + 1).uniform(size=len(video))
    curve = curve_of(0, shaken, action, LAGS, lead=0)
    assert abs(curve.lag - lag) <= 1
    assert curve.is_late(0.3) == (abs(curve.lag) > 2)


def test_action_that_leads_by_its_contract_is_in_time():
    motion = wander(1, 240)
    curve = curve_of(0, motion[20:-20], motion[24:-16], LAGS, lead=4)
    assert curve.lag == 0
    assert curve.peak == pytest.approx(1.0, abs=0.01)


def test_what_moves_by_itself_is_seldom_called_late():
    curves = [
        curve_of(0, wander(seed, 240), wander(seed + 10_000, 240), LAGS, lead=0)
        for seed in range(200)
    ]
    # The best of 31 lags often stands a little above chance; the limits on correlation do the rest.
    assert np.mean([c.is_late(0.7) for c in curves]) <= 0.01
    assert not Curve.sum(curves).is_late(0.3)


def test_nothing_moves_nothing_said():
    assert curve_of(0, np.zeros(100), wander(0, 100), LAGS, lead=0) is None


def test_first_row_without_a_step_does_no_harm():
    motion = wander(3, 200)
    video = motion.copy()
    video[0] = np.nan
    assert curve_of(0, video, motion, LAGS, lead=0).lag == 0
