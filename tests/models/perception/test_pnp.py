import numpy as np
import pytest

from rotoscope.models.hands import model as hand_model
from rotoscope.models.perception import pnp
from rotoscope.pipeline.geometry import se3

PALM_M = 0.09 * hand_model.PALM_POINTS


def random_poses(num: int, seed: int) -> np.ndarray:
    """Poses in front of the camera, turned any way."""
    rng = np.random.default_rng(seed)
    R = se3.exp_so3(rng.normal(size=(num, 3)))
    return se3.make(R, rng.uniform([-0.15, -0.1, 0.3], [0.15, 0.1, 0.9], (num, 3)))


def rays_of(T: np.ndarray, points: np.ndarray) -> np.ndarray:
    seen = se3.apply(T, np.broadcast_to(points, (len(T), *points.shape)))
    return seen[..., :2] / seen[..., 2:]


def nearby(T: np.ndarray, seed: int, angle_rad: float = 0.3) -> np.ndarray:
    turn = np.random.default_rng(seed).normal(size=(len(T), 3))
    turn *= angle_rad / np.linalg.norm(turn, axis=1, keepdims=True)
    return se3.exp_so3(turn) @ T[:, :3, :3]


def test_exact_projections_give_the_exact_pose():
    T = random_poses(200, seed=0)
    found = pnp.solve_pnp(PALM_M, rays_of(T, PALM_M), nearby(T, 1), num_iterations=60)
    # Two tilts of a nearly flat palm explain it almost equally well; the start decides. All but a
    # few starts 17 degrees away lead back.
    right = np.abs(found.T_camera_object - T).max(axis=(1, 2)) < 1e-6
    assert right.mean() >= 0.97
    assert (found.cost[right] < 1e-12).all()


def test_an_object_with_depth_is_found_from_far_starts():
    points = np.random.default_rng(5).uniform(-0.08, 0.08, (12, 3))
    T = random_poses(100, seed=6)
    found = pnp.solve_pnp(points, rays_of(T, points), nearby(T, 7, 0.6), num_iterations=60)
    assert found.T_camera_object == pytest.approx(T, abs=1e-6)


def test_errors_grow_with_the_noise_and_stay_within_the_stated_covariance():
    points = np.random.default_rng(8).uniform(-0.08, 0.08, (12, 3))
    T = random_poses(300, seed=9)
    errors = []
    for noise in (0.0005, 0.002):
        rays = rays_of(T, points)
        rays += np.random.default_rng(10).normal(0.0, noise, rays.shape)
        found = pnp.solve_pnp(points, rays, T[:, :3, :3], noise=noise)
        off = found.T_camera_object[:, :3, 3] - T[:, :3, 3]
        stated = np.sqrt(np.einsum("ipp->ip", found.covariance))[:, 3:]
        errors.append(np.median(np.linalg.norm(off, axis=1)))
        # A Gaussian lies within two standard deviations in 95 % of cases.
        assert (np.abs(off) <= 2.0 * stated).mean() >= 0.93
    assert errors[1] == pytest.approx(4.0 * errors[0], rel=0.3)


def test_an_object_twice_as_large_is_twice_as_far():
    T = random_poses(50, seed=2)
    rays = rays_of(T, PALM_M)
    small = pnp.solve_pnp(PALM_M, rays, T[:, :3, :3])
    large = pnp.solve_pnp(2.0 * PALM_M, rays, T[:, :3, :3])
    assert large.T_camera_object[:, :3, 3] == pytest.approx(
        2.0 * small.T_camera_object[:, :3, 3], abs=1e-7
    )


def test_one_wild_point_moves_the_pose_little():
    points = np.random.default_rng(3).uniform(-0.08, 0.08, (12, 3))
    T = random_poses(50, seed=4)
    rays = rays_of(T, points)
    rays[:, 0] += 0.2
    found = pnp.solve_pnp(points, rays, T[:, :3, :3], noise=0.001)
    off = np.linalg.norm(found.T_camera_object[:, :3, 3] - T[:, :3, 3], axis=1)
    assert np.median(off) < 0.005


@pytest.mark.parametrize(
    ("points", "rays"),
    [
        (np.ones((6, 3)), np.random.default_rng(0).normal(size=(1, 6, 2))),
        (PALM_M, np.full((1, 6, 2), 0.1)),
        (PALM_M, np.full((1, 6, 2), np.nan)),
        # As large as the view: half of it would be behind the camera.
        (100.0 * np.array([(0, 0, 1), (0, 0, -1), (1, 0, 0), (0, 1e-3, 0)]), np.eye(4, 2)[None]),
    ],
    ids=["points coincide", "rays coincide", "not a number", "behind the camera"],
)
def test_what_has_no_pose_gives_nan_and_no_error(points, rays):
    found = pnp.solve_pnp(points, rays, np.eye(3)[None])
    assert np.isnan(found.T_camera_object).all()
    assert np.isnan(found.covariance).all()
    assert found.cost.tolist() == [np.inf]


def test_no_frames_give_no_poses():
    found = pnp.solve_pnp(PALM_M, np.zeros((0, 6, 2)), np.zeros((0, 3, 3)))
    assert found.T_camera_object.shape == (0, 4, 4)


def test_golden_weak_perspective():
    # A square of 0.2 m seen as one of 0.4 around (0.1, 0): half a meter away, and the middle of
    # the points (here 0.01 to the right) lies on the ray through the middle of what is seen.
    square = 0.1 * np.array([[1, 1, 0], [1, -1, 0], [-1, 1, 0], [-1, -1, 0]]) + [0.01, 0, 0]
    rays = 2.0 * (square[:, :2] - [0.01, 0]) + [0.1, 0.0]
    found = pnp.weak_perspective(square.T[None], rays[None])
    np.testing.assert_allclose(found, [[0.5 * 0.1 - 0.01, 0.0, 0.5]], atol=1e-12)
    nowhere = pnp.weak_perspective(square.T[None] * 0, rays[None])
    assert np.isnan(nowhere).all()
    assert np.isnan(pnp.weak_perspective(square.T[None], rays[None] * 0)).all()


def test_a_pose_of_exact_points_is_golden():
    # One tenth of a turn about z, 0.6 m away: found from no turn at all, to rounding.
    points = np.random.default_rng(12).uniform(-0.08, 0.08, (10, 3))
    T = se3.make(se3.exp_so3(np.array([[0.0, 0.0, 0.2 * np.pi]])), np.array([[0.05, -0.02, 0.6]]))
    found = pnp.solve_pnp(points, rays_of(T, points), np.eye(3)[None], num_iterations=60)
    assert found.T_camera_object == pytest.approx(T, abs=1e-9)


def test_covariance_is_the_inverse_of_the_information_of_all_rays():
    # By central differences of the rays, six columns, without the code's own Jacobian.
    points = np.random.default_rng(13).uniform(-0.08, 0.08, (9, 3))
    T = random_poses(1, seed=14)
    rays, noise, step = rays_of(T, points), 0.003, 1e-6
    found = pnp.solve_pnp(points, rays, T[:, :3, :3], noise=noise)
    columns = []
    for k in range(6):
        ends = []
        for sign in (1.0, -1.0):
            by = sign * step * np.eye(6)[k]
            R = se3.exp_so3(by[None, :3]) @ T[:, :3, :3]
            moved = se3.make(R, T[:, :3, 3] + by[3:])
            ends.append(rays_of(moved, points).ravel())
        columns.append((ends[0] - ends[1]) / (2 * step))
    J = np.stack(columns, axis=1) / noise
    np.testing.assert_allclose(found.covariance[0], np.linalg.inv(J.T @ J), rtol=1e-4)
    assert found.cost[0] < 1e-12


def test_cost_is_hubers_in_units_of_the_noise():
    points = np.random.default_rng(15).uniform(-0.08, 0.08, (12, 3))
    T = random_poses(1, seed=16)
    rays = rays_of(T, points)
    rays[0, 0, 0] += 1.0
    found = pnp.solve_pnp(points, rays, T[:, :3, :3], noise=0.001, num_iterations=60)
    # The pose hardly moves, so the one wild ray costs 2 * 2 * 1000 - 4; the others little.
    left = rays_of(found.T_camera_object, points) - rays
    squared = (left**2).sum(axis=2)[0] / 0.001**2
    r = np.sqrt(squared)
    expected = np.where(r > 2.0, 4.0 * r - 4.0, squared).sum()
    assert found.cost[0] == pytest.approx(expected, rel=1e-9)


def test_projection_and_its_derivative():
    points = np.array([[[0.2, -0.1, 0.5], [0.3, 0.1, 1e-7], [0.0, 0.0, -1.0]]])
    seen, jacobian = pnp.project_with_jacobian(points)
    np.testing.assert_allclose(seen[0, 0], [0.4, -0.2])
    np.testing.assert_allclose(jacobian[0, 0], [[2.0, 0.0, -0.8], [0.0, 2.0, 0.4]])
    assert np.isnan(seen[0, 1:]).all()


def test_only_regular_matrices_have_an_inverse():
    rng = np.random.default_rng(17)
    root = rng.normal(size=(3, 3))
    units = np.outer([1e-6, 1.0, 1e6], [1e-6, 1.0, 1e6])  # radians beside meters, and worse
    good = root @ root.T * units
    singular = np.ones((3, 3))
    bad = np.full((3, 3), np.nan)
    found = pnp.safe_inverse(np.stack([good, singular, bad, np.diag([1.0, 0.0, 2.0])]))
    np.testing.assert_allclose(found[0] * units, np.linalg.inv(root @ root.T), rtol=1e-9)
    assert np.isnan(found[1:]).all()


def test_a_step_turns_about_the_cameras_axes_and_then_moves():
    R = se3.exp_so3(np.array([[0.3, 0.0, 0.0]]))
    step = np.array([[0.0, 0.0, 0.5 * np.pi, 1.0, 2.0, 3.0]])
    moved = pnp.retract_pose({"R": R, "t": np.array([[1.0, 1.0, 1.0]])}, step)
    quarter = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    np.testing.assert_allclose(moved["R"][0], quarter @ R[0], atol=1e-12)
    np.testing.assert_allclose(moved["t"], [[2.0, 3.0, 4.0]])
