"""Limits as a matrix, and the least cost inside them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from rotoscope.retarget.optimize import interior_point
from rotoscope.retarget.optimize.banded import empty_bands
from rotoscope.retarget.optimize.interior_point import Limits, Linearized, SolverOptions, minimize

SEEDS = st.integers(0, 2**20)


def limits_of(seed, *, starts=(0,), acceleration=True):
    rng = np.random.default_rng(seed)
    lower, upper = rng.uniform(-2, -0.5, 2), rng.uniform(0.5, 2, 2)
    push = rng.uniform(5, 50, 2) if acceleration else None
    time_s = np.cumsum(rng.uniform(0.02, 0.3, 6))
    return Limits(time_s, lower, upper, rng.uniform(0.5, 5, 2), push, starts=starts)


def dense(limits):
    """The matrix of the limits, (row, time x column), from what it does to unit trajectories."""
    n = limits.num_frames * limits.num_columns
    unit = np.eye(n).reshape(n, limits.num_frames, limits.num_columns)
    return np.stack([limits.rows(u).ravel() for u in unit], axis=1)


def test_golden_limits_of_one_joint():
    # Three frames 0.1 s apart, 2 per second with 1e-4 kept free, -1 to 3 with 1e-6, and 50 per
    # second squared with 1e-3; every row over its own range.
    one = np.ones(1)
    limits = Limits(np.array([0.0, 0.1, 0.2]), -one, 3 * one, 2 * one, 50 * one)
    range_ = 4 - 2e-6
    assert limits.range[0] == pytest.approx(range_, abs=1e-12)
    assert limits.lower[0] == pytest.approx(-1 + 1e-6, abs=1e-12)
    assert limits.upper[0] == pytest.approx(3 - 1e-6, abs=1e-12)
    x = np.array([[0.5], [0.7], [1.1]])
    step = np.array([0.2, 0.4]) / (0.1 * 2 * (1 - 1e-4))
    push = (0.4 - 0.2) / 0.01 / (50 * (1 - 1e-3))
    position = x[:, 0] / range_
    rows = np.concatenate([step, -step, position, -position, [push], [-push]])
    np.testing.assert_allclose(limits.rows(x)[:, 0], rows, rtol=1e-9)
    ends = [np.full(3, (3 - 1e-6) / range_), np.full(3, (1 - 1e-6) / range_)]
    bound = np.concatenate([np.ones(4), *ends, np.ones(2)])
    np.testing.assert_allclose(limits.bound[:, 0], bound, rtol=1e-12)


def test_limits_that_are_infinite_stand_a_thousand_away_or_nowhere():
    one, inf = np.ones(1), np.full(1, np.inf)
    limits = Limits(np.arange(3.0), -inf, inf, inf, inf)
    assert limits.range[0] == pytest.approx(2000.0, rel=1e-6)
    assert limits.stencil is None
    assert (limits.rows(np.arange(3.0)[:, None])[:4] == 0).all()
    two = Limits(np.arange(2.0), -one, one, one, one)
    assert two.stencil is None  # two frames have no acceleration
    assert len(two.rows(np.zeros((2, 1)))) == len(two.bound) == 6


@given(SEEDS)
@settings(max_examples=20)
def test_transpose_and_curvature_are_those_of_the_matrix(seed):
    limits = limits_of(seed, starts=(0, 3) if seed % 2 else (0,), acceleration=seed % 3 > 0)
    rng = np.random.default_rng(seed)
    A = dense(limits)
    y = rng.normal(size=limits.bound.shape)
    np.testing.assert_allclose(limits.transposed(y).ravel(), A.T @ y.ravel(), atol=1e-9)
    w = rng.uniform(0, 1, limits.bound.shape)
    bands = empty_bands(np.zeros((6, 2)))
    limits.add_curvature(bands, w)
    H = A.T @ (w.ravel()[:, None] * A)
    flat = bands.reshape(len(bands), -1)
    for k in range(5):
        expected = np.diag(H, -k)
        np.testing.assert_allclose(flat[k, : 12 - k], expected, atol=1e-9 * np.abs(H).max())


def test_clips_that_are_solved_together_do_not_limit_each_other():
    limits = limits_of(1, starts=(0, 3))
    x = np.zeros((6, 2))
    x[3:] = 1e3
    rows = limits.rows(x)
    np.testing.assert_allclose(rows[:10], 0.0, atol=1e-9)  # five steps, up and down
    np.testing.assert_allclose(rows[22:], 0.0, atol=1e-9)  # four accelerations, up and down


class Parabola:
    """Half of the weighted squared distance to a wanted trajectory."""

    def __init__(self, wanted, weight=1e4):
        self.wanted, self.weight = wanted, weight

    def linearize(self, x):
        bands = empty_bands(x)
        bands[0] = self.weight
        return Linearized(bands, self.weight * (x - self.wanted))


def test_what_is_wanted_inside_all_limits_is_found():
    limits = limits_of(2)
    wanted = np.full((6, 2), 0.1)
    found = minimize(Parabola(wanted), limits, np.zeros((6, 2)))
    np.testing.assert_allclose(found, wanted, atol=1e-4)


@pytest.mark.parametrize("start", [0.0, 50.0])
def test_position_limits_alone_give_bounded_least_squares(start):
    # SciPy's own solver for bounds; the barrier's end, 1e-4 of a cost of 1e4, moves nothing here.
    inf = np.full(2, np.inf)
    lower, upper = np.array([-1.0, 0.2]), np.array([0.5, 0.9])
    limits = Limits(np.arange(4.0), lower, upper, inf)
    wanted = np.random.default_rng(3).normal(0, 1.0, (4, 2))
    found = minimize(
        Parabola(wanted), limits, np.full((4, 2), start), options=SolverOptions(max_iterations=60)
    )
    best = lsq_linear(np.eye(8), wanted.ravel(), (np.tile(lower, 4), np.tile(upper, 4)))
    np.testing.assert_allclose(found.ravel(), best.x, atol=2e-5)
    assert ((found >= lower) & (found <= upper)).all()


def test_limits_hold_after_any_number_of_steps_from_inside():
    wanted = np.random.default_rng(4).normal(0, 5.0, (6, 2))
    limits = limits_of(5)
    for num in range(1, 12):
        found = minimize(
            Parabola(wanted), limits, np.zeros((6, 2)), options=SolverOptions(max_iterations=num)
        )
        assert (limits.rows(found) < limits.bound).all()


class Hidden:
    """A wish that is seen only once it is missed: its error grows, its gradient is one-sided."""

    def __init__(self):
        self.seen = []

    def linearize(self, x):
        self.seen.append(x.copy())
        bands = empty_bands(x)
        bands[0] = 1.0
        return Linearized(bands, x - 0.3, 100.0 * x[:, 0] ** 2)


def test_damping_grows_with_what_a_frame_still_costs():
    # One free frame: the first step is (0.3 - x) / (1 + 1 + 0.1 * error) as no limit is near, but
    # for the barrier, which is taken away here.
    inf, cost = np.full(1, np.inf), Hidden()
    limits = Limits(np.arange(1.0), -inf, inf, inf)
    options = SolverOptions(max_iterations=2, first_barrier=1e-9)
    minimize(cost, limits, np.full((1, 1), 0.2), options=options)
    step = 0.1 / (1 + 1 + 0.1 * 100 * 0.04)
    assert cost.seen[1][0, 0] == pytest.approx(0.2 + step, rel=1e-6)


def test_steps_end_at_the_largest_one():
    inf, one = np.full(1, np.inf), np.ones(1)
    free = Limits(np.arange(1.0), -inf, inf, inf)
    options = SolverOptions(max_iterations=1, first_barrier=1e-9, damping=0.0)
    far = minimize(Parabola(np.full((1, 1), 9.0)), free, np.zeros((1, 1)), options=options)
    assert far[0, 0] == pytest.approx(0.7, rel=1e-6)
    near = Limits(np.arange(1.0), -one, one, inf)
    stopped = minimize(Parabola(np.full((1, 1), 9.0)), near, np.full((1, 1), 0.6), options=options)
    # 0.95 of the way to the limit.
    assert stopped[0, 0] == pytest.approx(0.6 + 0.95 * 0.4, abs=1e-4)


@pytest.mark.parametrize(
    ("value", "step", "share"),
    [(1.0, -2.0, 0.475), (1.0, -0.5, 1.0), (1.0, 3.0, 1.0), (0.2, -0.4, 0.475)],
)
def test_golden_share_of_a_step(value, step, share):
    found = interior_point._share_to_zero(np.array([5.0, value]), np.array([1.0, step]))
    assert found == pytest.approx(share)


def test_golden_caution():
    # Worse is more than twice the error and 50 more; then 0.1, ten times that, and 0.3 of it back.
    before, now = np.array([100.0, 100.0, 0.0]), np.array([251.0, 249.0, 49.0])
    scaling = interior_point._marquardt_scaling(None, None, before)
    assert scaling.tolist() == [0.0, 0.0, 0.0]
    scaling = interior_point._marquardt_scaling(scaling, before, now)
    assert scaling.tolist() == [0.1, 0.0, 0.0]
    again = interior_point._marquardt_scaling(scaling, before, now)
    np.testing.assert_allclose(again, [1.0, 0.0, 0.0])
    np.testing.assert_allclose(interior_point._marquardt_scaling(again, now, now), [0.3, 0.0, 0.0])
