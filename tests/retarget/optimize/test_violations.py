"""Joint limits over time: whatever comes in, what comes out keeps them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotoscope.pipeline.episodes.resample import Resampler, row_times
from rotoscope.retarget.optimize.feasible import make_feasible
from rotoscope.retarget.optimize.violations import (
    acceleration_violations,
    accelerations,
    position_violations,
    velocity_violations,
)

seeds = st.integers(0, 2**32 - 1)
LOWER, UPPER, SPEED = np.array([-1.0, 0.0]), np.array([1.0, 0.5]), np.array([2.0, 0.3])


def wild(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    time_s = rng.uniform(0, 2000) + np.cumsum(rng.uniform(1e-3, 0.3, 80))
    values = rng.normal(0, 1.5, (80, 2)) * (rng.random((80, 1)) < 0.5)
    return values, time_s


@given(seeds)
@settings(max_examples=60, deadline=None)
def test_any_path_becomes_one_inside_all_limits(seed):
    values, time_s = wild(seed)
    out = make_feasible(values, time_s, LOWER, UPPER, SPEED)
    assert not position_violations(out, LOWER, UPPER).any()
    assert not velocity_violations(out, time_s, SPEED).any()


@given(seeds, st.integers(5, 120))
@settings(max_examples=60, deadline=None)
def test_limits_hold_on_float32_rows_of_a_dataset(seed, fps):
    values, time_s = wild(seed)
    out = make_feasible(values, time_s, LOWER, UPPER, SPEED)
    rows_s = row_times(time_s, fps)
    rows = Resampler.between(time_s, rows_s).linear(out).astype(np.float32).astype(float)
    assert not position_violations(rows, LOWER, UPPER).any()
    assert (np.abs(np.diff(rows, axis=0)) * fps <= SPEED).all()


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_feasible_path_is_left_alone(seed):
    values, time_s = wild(seed)
    once = make_feasible(values, time_s, LOWER, UPPER, SPEED)
    np.testing.assert_allclose(make_feasible(once, time_s, LOWER, UPPER, SPEED), once, atol=1e-9)


def test_no_feasible_path_stays_nearer():
    time_s = np.arange(21) * 0.1
    step = np.where(time_s < 1.0, 0.0, 1.0)[:, None]
    unit = np.ones(1)
    out = make_feasible(step, time_s, -2 * unit, 2 * unit, unit)
    # Two neighbors 1 apart may come 0.1 apart, so one of them must give way by 0.45.
    assert np.abs(out - step).max() == pytest.approx(0.45, rel=1e-3)


def test_unknown_values_violate_nothing_but_do_not_hide_a_jump():
    values = np.array([[0.0], [np.nan], [5.0]])
    limit = np.ones(1)
    time_s = np.array([0.0, 0.1, 0.2])
    assert velocity_violations(values, time_s, limit).tolist() == [False, False, True]
    assert position_violations(values, -limit, limit).tolist() == [False, False, True]


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(("share", "is_outside"), [(0.99, False), (1.0, False), (1.01, True)])
def test_limits_are_neither_lax_nor_strict(share, is_outside, sign):
    # A hundredth over is found, the limit itself is kept; either joint is enough. Halves and
    # quarters, so that nothing is rounded.
    limit, time_s = np.array([0.5, 4.0]), np.array([0.0, 0.25, 0.5, 0.75])
    for joint in (0, 1):
        one = np.zeros((4, 2))
        one[2, joint] = sign * share * limit[joint]
        found = position_violations(one, -limit, limit)
        assert found.tolist() == [False, False, is_outside, False]
        step = np.zeros((4, 2))
        step[2:, joint] = sign * share * limit[joint] * 0.25
        found = velocity_violations(step, time_s, limit)
        assert found.tolist() == [False, False, is_outside, False]
        curve = np.zeros((4, 2))
        curve[:, joint] = sign * share * limit[joint] * 0.5 * time_s**2
        found = acceleration_violations(curve, time_s, limit)
        assert found.tolist() == [False, is_outside, is_outside, False]


def test_golden_accelerations_of_an_uneven_clock():
    # 3 t^2 / 2 + t has the acceleration 3 everywhere.
    time_s = np.array([0.0, 0.1, 0.4, 0.5, 0.9])
    found = accelerations((1.5 * time_s**2 + time_s)[:, None], time_s)
    np.testing.assert_allclose(found, np.full((3, 1), 3.0))
    assert accelerations(np.ones((2, 4)), np.arange(2.0)).shape == (0, 4)
    assert accelerations(np.ones((3, 4)), np.arange(3.0)).shape == (1, 4)


def test_speed_is_counted_from_the_last_known_frame():
    # 0.3 in three tenths of a second are 1 a second; 0.4 are more.
    values = np.array([[0.0], [np.nan], [np.nan], [0.3], [0.3 + 1e-6]])
    time_s, limit = np.arange(5) * 0.1, np.array([1.0 + 1e-9])
    assert not velocity_violations(values, time_s, limit).any()
    values[3] = 0.4
    assert velocity_violations(values, time_s, limit).tolist() == [False] * 3 + [True, False]


def test_golden_feasible_step():
    # A step from 0 to 1 at one a second: the largest slow path below and the smallest above are a
    # ramp after and before it, and their mean is what is taken. 1e-4 of the speed is kept free.
    time_s = np.arange(9) * 0.25
    step = np.where(time_s < 1.0, 0.0, 1.0)[:, None]
    one = np.ones(1)
    out = make_feasible(step, time_s, -5 * one, 5 * one, one)[:, 0]
    v = 1.0 - 1e-4
    below = np.clip(v * (time_s - 0.75), 0.0, 1.0)
    above = np.clip(1.0 + v * (time_s - 1.0), 0.0, 1.0)
    np.testing.assert_allclose(out, 0.5 * (below + above), atol=1e-12)


def test_margins_are_kept_free_at_each_end():
    # 1e-6 of a joint's own unit, unless another is asked for; no speed limit leaves the rest alone.
    values, inf = np.array([[-9.0], [0.3], [9.0]]), np.full(1, np.inf)
    one, time_s = np.ones(1), np.arange(3.0)
    out = make_feasible(values, time_s, -one, one, inf)
    np.testing.assert_allclose(out[:, 0], [-1 + 1e-6, 0.3, 1 - 1e-6], atol=1e-12)
    out = make_feasible(values, time_s, -one, one, inf, position_margin=0.0)
    assert out[:, 0].tolist() == [-1.0, 0.3, 1.0]


def test_joints_without_a_speed_limit_stand_beside_those_with_one():
    values = np.tile(np.where(np.arange(6) < 3, 0.0, 1.0)[:, None], (1, 2))
    two = np.full(2, 5.0)
    out = make_feasible(values, np.arange(6) / 10, -two, two, np.array([np.inf, 1.0]))
    np.testing.assert_array_equal(out[:, 0], values[:, 0])
    assert np.abs(np.diff(out[:, 1])).max() == pytest.approx(0.1 * (1 - 1e-4))
