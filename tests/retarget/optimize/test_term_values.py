"""Golden values of the terms' residuals and weights, on marks that are placed by hand."""

import numpy as np
import pytest

from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.kinematics.frames import FramePoses
from rotoscope.retarget.optimize.one_sided import (
    BalanceCost,
    GroundClearanceCost,
    SelfCollisionCost,
)
from rotoscope.retarget.optimize.terms import (
    DirectionCost,
    DistanceCost,
    OrientationCost,
    PoseCost,
    PositionCost,
    VectorCost,
    rotation_vector,
    vector_rows,
)

FRAME = np.array([1])
"""The one frame that is reached is the second of what is wanted."""
ONE = np.ones((2, 1))


def reached(*places_m, R=None):
    """Marks at these places, all turned alike, that each column moves along one axis."""
    p = np.array([places_m], float)
    frames = p.shape[1]
    J = np.zeros((1, 3, frames, 3))
    J[0, range(3), :, range(3)] = 1.0
    turn = np.eye(3) if R is None else R
    return FramePoses(p, np.tile(turn, (1, frames, 1, 1)), J, J)


def wanted(values):
    """For the second frame; the first says something else."""
    values = np.array(values, float)
    return np.stack([values + 9.0, values])


def pseudo_huber(error, sigma, robust):
    return 1.0 / sigma**2 / np.sqrt(1.0 + (error / (sigma * robust)) ** 2)


def test_a_point_pulls_by_its_distance():
    term = PositionCost([1], wanted([[1.0, 2.0, 3.0]]), 0.5 * ONE, 0.1, 4.0)
    rows = term.rows(reached((9, 9, 9), (1.3, 2.0, 2.6)), FRAME)
    np.testing.assert_allclose(rows.residual, [[0.3, 0.0, -0.4]], atol=1e-12)
    np.testing.assert_allclose(rows.weight, 0.5 * pseudo_huber(0.5, 0.1, 4.0) * np.ones((1, 3)))
    np.testing.assert_allclose(rows.jacobian, [np.eye(3)])


def test_a_vector_is_the_tip_less_the_origin():
    term = VectorCost([0], [1], wanted([[0.0, 1.0, 0.0]]), ONE, 0.2, 2.0)
    rows = term.rows(reached((1, 1, 1), (1, 2.5, 1)), FRAME)
    np.testing.assert_allclose(rows.residual, [[0.0, 0.5, 0.0]], atol=1e-12)
    np.testing.assert_allclose(rows.weight[0, 0], pseudo_huber(0.5, 0.2, 2.0))
    np.testing.assert_allclose(rows.jacobian, np.zeros((1, 3, 3)))


def test_a_direction_has_no_length():
    term = DirectionCost([0], [1], wanted([[1.0, 0.0, 0.0]]), ONE, 0.1)
    rows = term.rows(reached((0, 0, 0), (3.0, 4.0, 0)), FRAME)
    np.testing.assert_allclose(rows.residual, [[-0.4, 0.8, 0.0]], atol=1e-9)
    # 9 sigma of a thousand: a parabola's weight but for 4e-5.
    np.testing.assert_allclose(rows.weight, 100.0, rtol=1e-4)


def test_a_distance_has_no_direction():
    term = DistanceCost([0], [1], wanted([4.0]), 0.5 * ONE, 0.2, 2.0)
    rows = term.rows(reached((1, 1, 1), (1, 4, 5)), FRAME)
    np.testing.assert_allclose(rows.residual, [[1.0]], atol=1e-9)
    np.testing.assert_allclose(rows.weight, [[0.5 * pseudo_huber(1.0, 0.2, 2.0)]], rtol=1e-9)
    unknown = DistanceCost([0], [1], wanted([np.nan]), 0.0 * ONE, 0.2)
    rows = unknown.rows(reached((1, 1, 1), (1, 4, 5)), FRAME)
    np.testing.assert_array_equal(rows.residual, [[0.0]])
    np.testing.assert_array_equal(rows.weight, [[0.0]])


def test_an_orientation_is_missed_by_its_rotation_vector():
    R = se3.exp_so3(np.array([0.0, 0.0, 0.9]))
    target = np.stack([np.eye(3)[None], se3.exp_so3(np.array([[0.0, 0.0, 0.4]]))])
    term = OrientationCost([0], target, ONE, 0.25, 1.0)
    rows = term.rows(reached((0, 0, 0), R=R), FRAME)
    np.testing.assert_allclose(rows.residual, [[0.0, 0.0, 0.5]], atol=1e-12)
    np.testing.assert_allclose(rows.weight[0, 0], pseudo_huber(0.5, 0.25, 1.0))


@pytest.mark.parametrize(("far_m", "far_rad"), [(1.5, 0.8), (0.5, 2.0), (0.25, 0.25)])
def test_a_pose_fades_with_distance_and_angle(far_m, far_rad):
    # 0.6 m and 0.5 rad away: 1 / (1 + (0.6 / far_m)^2 + (0.5 / far_rad)^2) of its weight is left.
    target = np.stack([np.eye(3), np.eye(3)])
    weight = np.array([9.0, 2.0])
    term = PoseCost(0, wanted([0.0, 0.0, 0.0]), target, weight, 0.1, 0.2, 3.0, far_m, far_rad)
    R = se3.exp_so3(np.array([0.3, 0.0, 0.4]))
    rows = term.rows(reached((0.0, 0.6, 0.0), R=R), FRAME)
    np.testing.assert_allclose(rows.residual, [[0, 0.6, 0, 0.3, 0, 0.4]], atol=1e-12)
    left = 2.0 / (1.0 + (0.6 / far_m) ** 2 + (0.5 / far_rad) ** 2)
    expected = [pseudo_huber(0.6, 0.1, 3.0)] * 3 + [pseudo_huber(0.5, 0.2, 3.0)] * 3
    np.testing.assert_allclose(rows.weight[0], left * np.array(expected), rtol=1e-9)
    np.testing.assert_allclose(rows.jacobian[0], np.concatenate([np.eye(3), np.eye(3)], axis=1))


def test_only_what_is_below_the_ground_counts():
    term = GroundClearanceCost([0, 1, 2], wanted([0.1, 0.1, 0.1]), 0.02)
    rows = term.rows(reached((0, 0, 0.07), (0, 0, 0.1), (0, 0, 0.2)), FRAME)
    np.testing.assert_allclose(rows.residual, [[-0.03]])
    np.testing.assert_allclose(rows.weight, [[2500.0]])
    np.testing.assert_allclose(rows.jacobian[0, :, 0], [0.0, 0.0, 1.0])


def test_only_pairs_that_are_too_near_count():
    term = SelfCollisionCost([0, 0], [1, 2], np.array([0.6, 0.6]), 0.1)
    rows = term.rows(reached((0, 0, 0), (0, 0.3, 0.4), (0, 0.6, 0.8)), FRAME)
    np.testing.assert_allclose(rows.residual, [[-0.1]], atol=1e-9)
    np.testing.assert_allclose(rows.weight, [[100.0]])


@pytest.mark.parametrize(
    ("x", "beyond"), [(0.3, [[0.1]]), (0.2, np.zeros((1, 0))), (0.1, np.zeros((1, 0)))]
)
def test_only_a_center_of_mass_beyond_an_edge_counts(x, beyond):
    # Masses of 3 to 1 at 0 and 4 x: their center is at x, the edge at 0.2.
    normal, offset = wanted([[1.0, 0.0]]), wanted([0.2])
    term = BalanceCost([0, 1], np.array([0.75, 0.25]), normal, offset, np.array([9.0, 0.5]), 0.1)
    rows = term.rows(reached((0, 0, 0), (4 * x, 0, 7)), FRAME)
    np.testing.assert_allclose(rows.residual, beyond, atol=1e-12)
    assert rows.weight.shape == rows.residual.shape
    assert rows.jacobian.shape == (1, 3, rows.residual.shape[1])
    if rows.weight.size:
        np.testing.assert_allclose(rows.weight, 50.0)
        np.testing.assert_allclose(rows.jacobian[0, :, 0], [1.0, 0.0, 0.0])


def test_rows_of_several_items_keep_their_order():
    error = np.arange(12.0).reshape(2, 2, 3)
    J = np.arange(48.0).reshape(2, 4, 2, 3)
    weight = np.array([[1.0, 0.0], [2.0, 3.0]])
    rows = vector_rows(error, J, weight, 0.5, 1e9)
    np.testing.assert_array_equal(rows.residual, [[0, 1, 2, 0, 0, 0], [6, 7, 8, 9, 10, 11]])
    np.testing.assert_array_equal(rows.jacobian, J.reshape(2, 4, 6))
    np.testing.assert_allclose(rows.weight, 4.0 * np.repeat(weight, 3, axis=1))


def test_errors_beyond_the_limit_pull_with_constant_force():
    error = np.array([[[1e6, 0.0, 0.0], [1e7, 0.0, 0.0]]])
    rows = vector_rows(error, np.zeros((1, 1, 2, 3)), np.ones((1, 2)), 0.5, 4.0)
    force = rows.weight[0, [0, 3]] * rows.residual[0, [0, 3]]
    np.testing.assert_allclose(force, 4.0 / 0.5, rtol=1e-6)


@pytest.mark.parametrize(
    "term", [PositionCost, VectorCost, DistanceCost, DirectionCost, OrientationCost]
)
def test_a_thousand_sigma_pull_as_a_parabola_where_nothing_else_is_said(term):
    assert term.__dataclass_fields__["robust"].default == 1000.0


def test_golden_rotation_vectors():
    vectors = np.array([[0.1, 0.0, 0.0], [0.0, -2.0, 0.0], [1.2, 0.5, -1.0], [0.0, 0.0, 1e-11]])
    found = rotation_vector(se3.exp_so3(vectors))
    np.testing.assert_allclose(found, vectors, atol=1e-12)
