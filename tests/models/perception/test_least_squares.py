"""Many small problems at once: each ends where it would alone."""

import numpy as np
import pytest

from rotoscope.models.perception.least_squares import Linearised, huber, minimize


def lines(A, b):
    """Problems `A x = b` in least squares, as `minimize` wants them."""

    def evaluate(state, rows):
        residual = np.einsum("rij,rj->ri", A[rows], state["x"]) - b[rows]
        return Linearised(
            (residual**2).sum(axis=1),
            np.einsum("rij,rik->rjk", A[rows], A[rows]),
            np.einsum("rij,ri->rj", A[rows], residual),
        )

    return evaluate


def moved(state, step):
    return {"x": state["x"] + step}


def test_linear_problems_end_where_lstsq_does():
    rng = np.random.default_rng(0)
    A, b = rng.normal(size=(20, 8, 3)), rng.normal(size=(20, 8))
    state, result = minimize(
        {"x": np.zeros((20, 3))}, lines(A, b), moved, num_iterations=30, relative_tolerance=1e-15
    )
    for row in range(20):
        expected, cost, *_ = np.linalg.lstsq(A[row], b[row], rcond=None)
        np.testing.assert_allclose(state["x"][row], expected, atol=1e-9)
        assert result.cost[row] == pytest.approx(cost[0], rel=1e-9)
    np.testing.assert_allclose(result.gradient, 0.0, atol=1e-7)


def test_golden_steps_of_marquardts_damping():
    # x from 1 to 0 with A = 3: a step is 1 / (1 + damping) of the way, whatever A is, with damping
    # 0.01, then a fifth of it after each step that helps.
    A, b = np.full((1, 1, 1), 3.0), np.zeros((1, 1))
    left = 1.0
    for num, damping in enumerate((0.01, 0.002, 0.0004), 1):
        left *= damping / (1 + damping)
        state, result = minimize(
            {"x": np.ones((1, 1))}, lines(A, b), moved, num_iterations=num, relative_tolerance=0.0
        )
        assert state["x"][0, 0] == pytest.approx(left, rel=1e-6)
        assert result.cost[0] == pytest.approx(9 * left**2, rel=1e-6)


def test_a_step_that_makes_it_worse_is_not_taken_and_the_next_is_shorter():
    # The model promises a minimum at 0 and the truth is a step up there: damping 0.01 goes to
    # 0.0099, 0.08 to 0.074, 0.64 to 0.39, which is the first that lies beyond the step.
    seen = []

    def evaluate(state, rows):
        x = state["x"]
        seen.append(float(x[0, 0]))
        return Linearised(np.where(x[:, 0] < 0.3, 1.5, x[:, 0] ** 2), np.ones((1, 1, 1)), x.copy())

    state, result = minimize(
        {"x": np.ones((1, 1))}, evaluate, moved, num_iterations=3, relative_tolerance=0.0
    )
    expected = [1.0, *(d / (1 + d) for d in (0.01, 0.08, 0.64))]
    np.testing.assert_allclose(seen, expected, rtol=1e-6)
    assert state["x"][0, 0] == pytest.approx(0.64 / 1.64, rel=1e-6)
    assert result.cost[0] == pytest.approx((0.64 / 1.64) ** 2, rel=1e-6)


def test_problems_that_hardly_improve_are_left_alone():
    asked = []

    def evaluate(state, rows):
        asked.append(rows.tolist())
        # The first is done at once: its cost cannot fall below one; the second starts far off.
        x = state["x"]
        floor = np.where(rows == 0, 1.0, 0.0)
        cost = floor + (x[:, 0] ** 2) * np.where(rows == 0, 1e-9, 1.0)
        return Linearised(cost, np.ones((len(rows), 1, 1)), x.copy())

    minimize({"x": np.ones((2, 1))}, evaluate, moved, num_iterations=3, relative_tolerance=1e-6)
    assert asked[:3] == [[0, 1], [0, 1], [1]]


def test_a_step_that_changes_no_cost_is_not_taken():
    def evaluate(state, rows):
        x = state["x"]
        return Linearised(np.full(len(rows), 7.0), np.ones((len(rows), 1, 1)), np.ones_like(x))

    state, _ = minimize(
        {"x": np.full((1, 1), 5.0)}, evaluate, moved, num_iterations=2, relative_tolerance=1e-3
    )
    assert state["x"].tolist() == [[5.0]]


@pytest.mark.parametrize(("tolerance", "num_asked"), [(0.11, 2), (0.09, 5)])
def test_tolerance_is_a_share_of_the_cost(tolerance, num_asked):
    # Costs 1000, 900, 810, ...: every step improves by a tenth.
    asked = []

    def evaluate(state, rows):
        asked.append(len(rows))
        cost = np.full(1, 1000.0 * 0.9 ** (len(asked) - 1))
        return Linearised(cost, np.ones((1, 1, 1)), np.ones((1, 1)))

    minimize(
        {"x": np.zeros((1, 1))}, evaluate, moved, num_iterations=4, relative_tolerance=tolerance
    )
    assert len(asked) == num_asked


def test_a_problem_without_a_cost_is_never_tried():
    A, b = np.ones((2, 1, 1)), np.array([[np.inf], [3.0]])
    state, result = minimize(
        {"x": np.ones((2, 1))}, lines(A, b), moved, num_iterations=9, relative_tolerance=0.0
    )
    assert state["x"][0, 0] == 1.0
    assert not np.isfinite(result.cost[0])
    assert state["x"][1, 0] == pytest.approx(3.0)


def test_one_problem_that_cannot_be_solved_does_not_stop_the_others():
    # A parameter that nothing depends on: the largest diagonal entry keeps its matrix regular.
    A = np.array([[[2.0, 0.0]], [[1.0, 0.0]]])
    b = np.array([[4.0], [5.0]])
    state, _ = minimize(
        {"x": np.zeros((2, 2))}, lines(A, b), moved, num_iterations=20, relative_tolerance=0.0
    )
    np.testing.assert_allclose(state["x"], [[2.0, 0.0], [5.0, 0.0]], atol=1e-9)


def test_golden_values_of_hubers_loss():
    # Squares up to the threshold 2, then 2 t |r| - t^2, which meets them with the same slope.
    loss, weight = huber(np.array([[0.0, 1.0, 4.0, 9.0, 100.0]]), 2.0)
    np.testing.assert_allclose(loss, [[0.0, 1.0, 4.0, 8.0, 36.0]])
    np.testing.assert_allclose(weight, [[1.0, 1.0, 1.0, 2 / 3, 0.2]])


def test_hubers_weight_is_the_slope_of_its_loss():
    r = np.linspace(0.1, 5.0, 50)
    step = 1e-6
    up, down = (huber((r[None] + s) ** 2, 1.5)[0] for s in (step, -step))
    slope = (up - down)[0] / (2 * step)
    np.testing.assert_allclose(huber(r[None] ** 2, 1.5)[1][0] * 2 * r, slope, rtol=1e-4)
