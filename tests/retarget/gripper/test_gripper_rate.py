"""A gripper that cannot move as fast as fingers do."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rotoscope.retarget.gripper.rate_limit import possible_opening

RATE = 1.25
TIME_S = np.arange(60) / 30.0


def test_jump_becomes_a_full_speed_ramp_centered_on_it():
    wanted = np.where(TIME_S < 1.0, 1.0, 0.2)
    opening = possible_opening(wanted, TIME_S, max_rate=RATE)
    moving = np.flatnonzero(np.diff(opening) < -0.01)
    np.testing.assert_allclose(np.diff(opening)[moving[1:-1]] * 30.0, -RATE, rtol=1e-3)
    # 0.8 of the opening at 1.25 per second takes 0.64 s, half of it before the jump.
    assert abs(np.interp(0.6, opening[::-1], TIME_S[::-1]) - (1.0 - 0.5 / 30.0)) < 5e-3
    np.testing.assert_allclose(opening[[0, 15, 45, 59]], [1.0, 1.0, 0.2, 0.2], atol=1e-3)


def test_slow_enough_opening_is_left_alone():
    wanted = 0.5 + 0.5 * np.sin(2.0 * TIME_S)
    np.testing.assert_allclose(possible_opening(wanted, TIME_S, max_rate=RATE), wanted, atol=1e-9)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_rate_and_range_hold_for_anything(seed):
    rng = np.random.default_rng(seed)
    time_s = np.cumsum(rng.uniform(0.005, 0.2, 80))
    wanted = rng.random(80).round(int(rng.integers(0, 3)))
    opening = possible_opening(wanted, time_s, max_rate=RATE)
    assert (np.abs(np.diff(opening)) <= RATE * np.diff(time_s)).all()
    assert ((opening >= 0.0) & (opening <= 1.0)).all()
