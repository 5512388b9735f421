"""Joint limits over time: whatever comes in, what comes out keeps them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotoscope.pipeline.episodes.resample import Resampler, row_times
from rotoscope.retarget.optimize.feasible import make_feasible
from rotoscope.retarget.optimize.violations import position_violations, velocity_violations

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
    # Two neighbours 1 apart may come 0.1 apart, so one of them must give way by 0.45.
    assert np.abs(out - step).max() == pytest.approx(0.45, rel=1e-3)


def test_unknown_values_violate_nothing_but_do_not_hide_a_jump():
    values = np.array([[0.0], [np.nan], [5.0]])
    limit = np.ones(1)
    time_s = np.array([0.0, 0.1, 0.2])
    assert velocity_violations(values, time_s, limit).tolist() == [False, False, True]
    assert position_violations(values, -limit, limit).tolist() == [False, False, True]
