"""The nearest trajectory that keeps acceleration limits too."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, minimize

from rotoscope.retarget.optimize.feasible import make_feasible, nearest_feasible
from rotoscope.retarget.optimize.violations import acceleration_violations, accelerations

LOWER, UPPER = np.array([-1.0, 0.0]), np.array([1.0, 0.5])
SPEED, PUSH = np.array([2.0, np.inf]), np.array([30.0, 15.0])
SEEDS = st.integers(0, 2**20)


def wild(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    frames = int(rng.integers(1, 60))
    time_s = rng.uniform(0, 100) + np.cumsum(rng.uniform(1 / 60, 0.2, frames))
    return rng.normal(0, 1.0, (frames, 2)) * (rng.random((frames, 1)) < 0.5), time_s


@given(SEEDS)
@settings(max_examples=25)
def test_any_path_becomes_one_inside_all_three_limits(seed):
    values, time_s = wild(seed)
    out = make_feasible(values, time_s, LOWER, UPPER, SPEED, max_acceleration=PUSH)
    for x in (out, out.astype(np.float32).astype(float)):
        assert ((x >= LOWER) & (x <= UPPER)).all()
        assert (np.abs(np.diff(x, axis=0)) / np.diff(time_s)[:, None] <= SPEED).all()
        assert not acceleration_violations(x, time_s, PUSH).any()


@given(SEEDS)
@settings(max_examples=10)
def test_what_was_made_feasible_is_left_alone(seed):
    values, time_s = wild(seed)
    once = make_feasible(values, time_s, LOWER, UPPER, SPEED, max_acceleration=PUSH)
    again = make_feasible(once, time_s, LOWER, UPPER, SPEED, max_acceleration=PUSH)
    np.testing.assert_allclose(again, once, atol=1e-9)


def test_calm_path_is_left_alone():
    time_s = np.arange(60) / 30.0
    path = 0.2 * np.sin(time_s)[:, None] * [1.0, 0.5] + [0.0, 0.25]
    out = make_feasible(path, time_s, LOWER, UPPER, SPEED, max_acceleration=PUSH)
    np.testing.assert_allclose(out, path, atol=1e-12)


def test_step_becomes_full_push_then_full_brake():
    time_s, one = np.arange(61) / 30.0, np.ones(1)
    step = np.where(time_s < 1.0, 0.0, 1.0)[:, None]
    out = nearest_feasible(step, time_s, -2 * one, 2 * one, 100 * one, 8 * one)
    push = accelerations(out, time_s)[:, 0]
    near = np.abs(np.arange(1, 60) / 30.0 - 1.0) < 0.2
    # Of the least squares' optimum, nearly all is at the limit where the step is.
    assert (np.abs(push[near]) > 0.95 * 8.0).mean() > 0.8
    assert np.abs(push).max() <= 8.0
    # A symmetric step is crossed half way in time.
    middle = float(np.interp(0.5, out[:, 0][20:41], time_s[20:41]))
    assert middle == pytest.approx(1.0 - 0.5 / 30, abs=5e-3)
    assert np.abs(out - step)[np.abs(time_s - 1.0) > 0.6].max() < 0.05


def test_nothing_nearer_was_missed():
    rng = np.random.default_rng(0)
    time_s, one = np.arange(12) / 10.0, np.ones(1)
    wanted = rng.normal(0, 0.5, (12, 1))
    found = nearest_feasible(wanted, time_s, -one, one, 3 * one, 10 * one)
    D = np.diff(np.eye(12), axis=0) * 10.0
    rows = LinearConstraint(
        np.concatenate([np.eye(12), D, np.diff(D, axis=0) * 10.0]),
        *(np.repeat([s * 1.0, s * 3.0, s * 10.0], [12, 11, 10]) for s in (-1.0, 1.0)),
    )
    best = minimize(
        lambda x: ((x - wanted[:, 0]) ** 2).sum(), np.zeros(12), constraints=rows, method="SLSQP"
    )
    assert ((found - wanted) ** 2).sum() <= best.fun * (1 + 1e-2) + 1e-6


@pytest.mark.parametrize(
    ("share", "is_searched"), [(0.9994, False), (0.99955, True), (0.9998, True), (1.0002, True)]
)
def test_half_of_the_margin_is_left_to_rounding(share, is_searched):
    # Constant acceleration of a share of 8 rad/s^2: 1e-3 is kept free of what is solved for, and
    # what keeps half of that is taken as it is.
    time_s, one = np.arange(20) / 30.0, np.ones(1)
    path = (0.5 * share * 8.0 * (time_s - 0.3) ** 2)[:, None]
    out = make_feasible(path, time_s, -9 * one, 9 * one, 99 * one, max_acceleration=8 * one)
    np.testing.assert_allclose(out, path, atol=0.01)
    assert bool(np.abs(out - path).max() > 1e-9) is is_searched


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_nearest_calm_path_is_scipys(seed):
    rng = np.random.default_rng(seed)
    time_s, one = np.arange(10) / 10.0, np.ones(1)
    wanted = rng.normal(0.3, 0.5, (10, 1))
    found = nearest_feasible(wanted, time_s, -one, one, 3 * one, 10 * one)
    D = np.diff(np.eye(10), axis=0) * 10.0
    rows = LinearConstraint(
        np.concatenate([np.eye(10), D, np.diff(D, axis=0) * 10.0]),
        *(np.repeat([s * 1.0, s * 3.0, s * 10.0], [10, 9, 8]) for s in (-1.0, 1.0)),
    )
    best = minimize(
        lambda x: ((x - wanted[:, 0]) ** 2).sum(),
        np.zeros(10),
        constraints=rows,
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 500},
    )
    assert best.success
    # Margins of a thousandth of the limits move the path by as much.
    np.testing.assert_allclose(found[:, 0], best.x, atol=2e-3)


def test_what_is_wanted_far_outside_ends_at_the_limits():
    # At rest beyond either end: the search starts inside and comes to the limit.
    time_s, one = np.arange(8) / 30.0, np.ones(1)
    for wanted in (5.0, -5.0):
        target = np.full((8, 1), wanted)
        out = nearest_feasible(target, time_s, -one, 2 * one, 9 * one, 50 * one)
        np.testing.assert_allclose(out, 2.0 if wanted > 0 else -1.0, atol=1e-4)
