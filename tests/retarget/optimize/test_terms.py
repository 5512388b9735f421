"""Terms: what they say about change is true, and what is unknown says nothing."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from drawn_robots import random_urdf
from hypothesis import given, settings
from hypothesis import strategies as st

from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.description.read import read_description
from rotoscope.retarget.kinematics.frames import Frame
from rotoscope.retarget.kinematics.tree import KinematicTree
from rotoscope.retarget.optimize.one_sided import (
    BalanceCost,
    GroundClearanceCost,
    SelfCollisionCost,
)
from rotoscope.retarget.optimize.terms import (
    CostTerm,
    DirectionCost,
    DistanceCost,
    OrientationCost,
    PoseCost,
    PositionCost,
    Rows,
    VectorCost,
)

FRAMES = np.arange(3)
STEP = 1e-6
SEEDS = st.integers(0, 2**20)


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> KinematicTree:
    path: Path = tmp_path_factory.mktemp("terms") / "robot.urdf"
    path.write_text(random_urdf(5, num_joints=6))
    description = read_description(path)
    free = [j.name for j in description.joints.values() if j.mimic is None and j.kind != "fixed"]
    frames = [Frame.at(link, (0.03, -0.02, 0.05)) for link in description.links]
    return KinematicTree(description, columns=free, locked={}, frames=frames, is_floating=True)


def start(tree: KinematicTree, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1.0, 1.0, (len(FRAMES), tree.num_columns))
    return x, se3.exp_so3(rng.normal(size=(len(FRAMES), 3)))


def rows_at(term: CostTerm, tree: KinematicTree, x: np.ndarray, R: np.ndarray) -> Rows:
    return term.rows(tree.forward_kinematics(x, R, jacobian=True), FRAMES)


def change(function: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray:
    """Central differences by each column, (time, column, ...)."""
    steps = STEP * np.eye(x.shape[1])
    return np.stack([(function(x + s) - function(x - s)) / (2 * STEP) for s in steps], axis=1)


def random_rotations(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return se3.exp_so3(rng.normal(size=(*shape, 3)))


def point(rng, robust=1e3):
    target, weight = rng.normal(size=(3, 2, 3)), rng.uniform(0.5, 2.0, (3, 2))
    return PositionCost([1, 4], target, weight, 0.1, robust)


def vector(rng, robust=1e3):
    target, weight = rng.normal(size=(3, 2, 3)), rng.uniform(0.5, 2.0, (3, 2))
    return VectorCost([0, 2], [3, 5], target, weight, 0.1, robust)


def direction(rng, robust=1e3):
    target = rng.normal(size=(3, 2, 3))
    target /= np.linalg.norm(target, axis=-1, keepdims=True)
    return DirectionCost([0, 2], [3, 5], target, rng.uniform(0.5, 2.0, (3, 2)), 0.1, robust)


def distance(rng, robust=1e3):
    target, weight = rng.uniform(0.1, 1.0, (3, 2)), rng.uniform(0.5, 2.0, (3, 2))
    return DistanceCost([0, 2], [3, 5], target, weight, 0.1, robust)


def orientation(rng, robust=1e3):
    weight = rng.uniform(0.5, 2.0, (3, 2))
    return OrientationCost([1, 4], random_rotations(rng, 3, 2), weight, 0.1, robust)


@pytest.mark.parametrize("make", [point, vector, direction, distance])
@given(seed=SEEDS)
@settings(max_examples=5)
def test_jacobian_of_errors_agrees_with_differences(make, seed, tree):
    x, R = start(tree, seed)
    term = make(np.random.default_rng(seed))
    found = change(lambda values: rows_at(term, tree, values, R).residual, x)
    np.testing.assert_allclose(rows_at(term, tree, x, R).jacobian, found, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("make", [point, vector, direction, distance, orientation])
@pytest.mark.parametrize("robust", [0.5, 1e3])
@given(seed=SEEDS)
@settings(max_examples=5)
def test_gradient_is_that_of_a_pseudo_huber_loss(make, robust, seed, tree):
    x, R = start(tree, seed)
    term = make(np.random.default_rng(seed), robust)
    limit = term.robust * (term.sigma_m if hasattr(term, "sigma_m") else term.sigma_rad)

    def loss(values: np.ndarray) -> np.ndarray:
        error2 = (rows_at(term, tree, values, R).residual.reshape(3, 2, -1) ** 2).sum(axis=2)
        # Times (limit / sigma)^2, so that it is half the squared error over sigma near zero.
        scale = term.weight * term.robust**2
        return (scale * (np.sqrt(1.0 + error2 / limit**2) - 1.0)).sum(axis=1)

    rows = rows_at(term, tree, x, R)
    gradient = (rows.jacobian @ (rows.weight * rows.residual)[..., None])[..., 0]
    found = change(loss, x)
    np.testing.assert_allclose(gradient, found, rtol=1e-3, atol=1e-3 * np.abs(found).max())


@given(seed=SEEDS)
@settings(max_examples=5)
def test_ground_and_distance_count_only_where_they_are_missed(seed, tree):
    x, R = start(tree, seed)
    p = tree.forward_kinematics(x, R).p_m
    rng = np.random.default_rng(seed)
    frames = [1, 3, 5]
    height = GroundClearanceCost(frames, p[:, frames, 2] + rng.normal(0, 0.3, (3, 3)), 0.02)
    first, second = [0, 1], [4, 5]
    between = np.linalg.norm(p[:, second] - p[:, first], axis=2)
    apart = SelfCollisionCost(first, second, between.mean(axis=0), 0.02)

    def cost(term: CostTerm, values: np.ndarray) -> np.ndarray:
        rows = rows_at(term, tree, values, R)
        return 0.5 * (rows.weight * rows.residual**2).sum(axis=1)

    for term, missing in (
        (height, np.maximum(height.floor_m - p[:, frames, 2], 0.0)),
        (apart, np.maximum(apart.distance_m - between, 0.0)),
    ):
        np.testing.assert_allclose(cost(term, x), 0.5 * ((missing / 0.02) ** 2).sum(axis=1))
        rows = rows_at(term, tree, x, R)
        gradient = (rows.jacobian @ (rows.weight * rows.residual)[..., None])[..., 0]
        found = change(lambda values, term=term: cost(term, values), x)
        np.testing.assert_allclose(
            gradient, found, rtol=1e-4, atol=1e-4 * (1 + np.abs(found).max())
        )


def test_what_is_met_by_all_frames_costs_no_jacobian(tree):
    x, R = start(tree, 1)
    p = tree.forward_kinematics(x, R).p_m
    height = GroundClearanceCost([1, 3], p[:, [1, 3], 2] - [0.1, -0.1], 0.02)
    rows = rows_at(height, tree, x, R)
    assert rows.residual.shape == (3, 1)
    np.testing.assert_allclose(rows.residual, -0.1)


def test_center_of_mass_counts_beyond_the_edges_of_its_support(tree):
    x, R = start(tree, 2)
    share = np.array([0.75, 0.25])
    center = (tree.forward_kinematics(x, R).p_m[:, [2, 5], :2] * share[:, None]).sum(axis=1)
    normal = np.tile([[1.0, 0.0], [0.0, 1.0]], (3, 1, 1))
    # Beyond the first edge by 3 cm, inside the second by 1 cm.
    term = BalanceCost([2, 5], share, normal, center - [0.03, -0.01], np.array([1, 0.5, 0]), 0.01)
    rows = rows_at(term, tree, x, R)
    np.testing.assert_allclose(rows.residual, 0.03)
    np.testing.assert_allclose(rows.weight[:, 0], np.array([1, 0.5, 0]) / 0.01**2)
    found = change(lambda values: rows_at(term, tree, values, R).residual, x)
    np.testing.assert_allclose(rows.jacobian, found, atol=1e-8)


def test_weight_of_an_error_is_one_over_its_variance(tree):
    x, R = start(tree, 3)
    term = point(np.random.default_rng(3))
    rows = rows_at(term, tree, x, R)
    # Errors of 20 sigma lie within the 1000 sigma that still pull as a parabola does.
    np.testing.assert_allclose(rows.weight.reshape(3, 2, 3)[..., 0] * 0.1**2, term.weight, 1e-3)


def test_far_pose_pulls_less_than_a_near_one(tree):
    x, R = start(tree, 4)
    reached = tree.forward_kinematics(x, R, jacobian=True)
    pull = []
    for away in (0.05, 5.0):
        target = reached.p_m[:, 3] + [away, 0, 0]
        term = PoseCost(3, target, reached.R[:, 3], np.ones(3), 0.1, 0.1, 10.0, 0.1, 0.5)
        rows = term.rows(reached, FRAMES)
        pull.append(np.abs(rows.weight * rows.residual).max())
    assert pull[1] < 0.1 * pull[0]


def with_unknowns(term: CostTerm) -> CostTerm:
    """The same with NaN wherever there is no weight."""
    name = "target_m" if hasattr(term, "target_m") else "target"
    getattr(term, name)[term.weight == 0.0] = np.nan
    return term


@pytest.mark.parametrize("make", [point, vector, direction, orientation])
def test_unknown_target_without_weight_counts_for_nothing(make, tree):
    x, R = start(tree, 5)
    known, unknown = (make(np.random.default_rng(5)) for _ in range(2))
    for term in (known, unknown):
        term.weight[1] = 0.0
    rows, other = rows_at(known, tree, x, R), rows_at(with_unknowns(unknown), tree, x, R)
    for found in (other.residual, other.jacobian, other.weight):
        assert np.isfinite(found).all()
    np.testing.assert_array_equal(rows.weight, other.weight)
    np.testing.assert_array_equal(rows.weight * rows.residual, other.weight * other.residual)


def test_unknown_pose_and_unknown_ground_count_for_nothing(tree):
    x, R = start(tree, 6)
    nothing = np.array([1.0, 0.0, 1.0])
    position, rotation = np.zeros((3, 3)), np.tile(np.eye(3), (3, 1, 1))
    position[1], rotation[1] = np.nan, np.nan
    pose = PoseCost(3, position, rotation, nothing, 0.1, 0.1, 10.0, 0.1, 0.5)
    ground = GroundClearanceCost([1, 2], np.array([[np.nan, 9.0], [9.0, np.nan], [9.0, 9.0]]), 0.1)
    for term in (pose, ground):
        rows = rows_at(term, tree, x, R)
        assert np.isfinite(rows.weight * rows.residual).all()
    assert (rows_at(pose, tree, x, R).weight[1] == 0.0).all()
    assert (rows_at(ground, tree, x, R).weight[[0, 1], [0, 1]] == 0.0).all()


def test_marks_that_coincide_have_no_direction_and_no_distance_but_stay_finite(tree):
    x, R = start(tree, 7)
    up = np.tile([0.0, 0.0, 1.0], (3, 1, 1))
    for term in (
        DirectionCost([2], [2], up, np.ones((3, 1)), 0.1),
        SelfCollisionCost([2], [2], np.array([0.1]), 0.01),
    ):
        rows = rows_at(term, tree, x, R)
        assert np.isfinite(rows.residual).all()
        np.testing.assert_array_equal(rows.jacobian, 0.0)


@given(seed=SEEDS)
def test_rotation_vectors_are_the_logarithm_near_half_a_turn_too(seed):
    rng = np.random.default_rng(seed)
    axis = rng.normal(size=(20, 3))
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    angle = np.array([0.0, 1e-12, 1e-6, 1.0, np.pi - 1e-6] * 4)[:, None]
    # The sine of an angle 1e-6 before half a turn holds ten of the sixteen digits.
    np.testing.assert_allclose(
        se3.rotation_vector(se3.exp_so3(axis * angle)), axis * angle, atol=1e-9
    )
