"""A gripper that cannot move as fast as fingers do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, minimize

from rotoscope.retarget.gripper.rate_limit import possible_opening
from rotoscope.retarget.optimize.feasible import make_feasible

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


def test_no_slow_opening_lies_nearer_in_least_squares():
    # SciPy's SLSQP on the same problem, independent of the interior point.
    rng = np.random.default_rng(1)
    time_s, wanted = np.arange(12) / 10, rng.random(12).round(1)
    found = possible_opening(wanted, time_s, max_rate=RATE)
    D = np.diff(np.eye(12), axis=0) * 10
    best = minimize(
        lambda x: ((x - wanted) ** 2).sum(),
        np.full(12, 0.5),
        constraints=LinearConstraint(D, -RATE, RATE),
        bounds=[(0, 1)] * 12,
        method="SLSQP",
    )
    assert best.success
    # 1e-4 of the rate is kept free, and barriers leave some 1e-3 of the way.
    assert ((found - wanted) ** 2).sum() == pytest.approx(best.fun, rel=5e-3)
    np.testing.assert_allclose(found, best.x, atol=0.01)


@pytest.mark.parametrize(("off", "is_searched"), [(0.0095, False), (0.0105, True)])
def test_less_than_a_hundredth_of_the_opening_is_not_searched_for(off, is_searched):
    # A step too high by twice `off`: the path that no other stays nearer to is off by that much and
    # is taken as it is below 0.01; a search ends beside it, by the barriers' last 1e-8.
    time_s = np.arange(20) / 30
    step = RATE / 30 * (1 - 1e-4)
    wanted = np.full(20, 0.2)
    wanted[10:] += step + 2 * off
    nearest = make_feasible(
        wanted[:, None], time_s, *(np.full(1, v) for v in (0.0, 1.0, RATE)), position_margin=0.0
    )[:, 0]
    found = possible_opening(wanted, time_s, max_rate=RATE)
    assert np.abs(nearest - wanted).max() == pytest.approx(off, rel=1e-6)
    np.testing.assert_allclose(found, nearest, atol=1e-6)
    assert bool((found != nearest).any()) is is_searched


def test_what_is_wanted_beyond_the_ends_ends_there():
    for wanted in (np.full(30, 1.4), np.linspace(-0.5, 1.5, 30)):
        opening = possible_opening(wanted, np.arange(30) / 10, max_rate=RATE)
        np.testing.assert_allclose(opening, np.clip(wanted, 0, 1), atol=1e-3)
        assert opening.max() <= 1.0
        assert opening.min() >= 0.0
