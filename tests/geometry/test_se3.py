import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from rotoscope.pipeline.geometry import hand_frame, se3

seeds = st.integers(0, 2**31)


def rotations(seed, n=20):
    return Rotation.random(n, random_state=seed % 2**31).as_matrix()


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_agrees_with_scipy(seed):
    R = rotations(seed)
    scipy = Rotation.from_matrix(R)
    np.testing.assert_allclose(se3.log_so3(R), scipy.as_rotvec(), atol=1e-9)
    wxyz = scipy.as_quat(canonical=True)[:, [3, 0, 1, 2]]
    ours = se3.quat_from_matrix(R)
    np.testing.assert_allclose(np.abs(np.sum(ours * wxyz, axis=1)), 1.0, atol=1e-12)
    assert (ours[:, 0] >= 0).all()


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_round_trips(seed):
    R = rotations(seed)
    np.testing.assert_allclose(se3.exp_so3(se3.log_so3(R)), R, atol=1e-9)
    np.testing.assert_allclose(se3.matrix_from_quat(se3.quat_from_matrix(R)), R, atol=1e-12)
    T = se3.make(R, np.random.default_rng(seed).normal(size=(len(R), 3)))
    np.testing.assert_allclose(T @ se3.inverse(T), np.broadcast_to(np.eye(4), T.shape), atol=1e-12)


def test_log_near_identity_and_near_pi():
    for angle in (0.0, 1e-12, 1e-6, np.pi - 1e-6, np.pi):
        vector = angle * np.array([2, -1, 2]) / 3
        back = se3.log_so3(se3.exp_so3(vector[None]))[0]
        is_same = np.allclose(back, vector, atol=1e-6)
        is_other_name = np.allclose(back, -vector, atol=1e-5) and np.isclose(angle, np.pi)
        assert is_same or is_other_name


def test_golden_third_of_a_turn():
    # 120 degrees about (1, 1, 1) carries x to y, y to z and z to x: exact in closed form.
    vector = np.full(3, 2 * np.pi / 3 / 3**0.5)
    R = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    np.testing.assert_allclose(se3.exp_so3(vector), R, atol=1e-12)
    np.testing.assert_allclose(se3.quat_from_matrix(R), [0.5, 0.5, 0.5, 0.5], atol=1e-12)
    np.testing.assert_allclose(se3.matrix_from_quat(np.full(4, 2.0)), R, atol=1e-12)
    np.testing.assert_allclose(se3.log_so3(R), vector, atol=1e-12)
    assert se3.angle_between(np.eye(3)[None], R)[0] == pytest.approx(2 * np.pi / 3, abs=1e-12)


def test_hat_is_the_cross_product():
    a, b = np.random.default_rng(0).normal(size=(2, 7, 3))
    np.testing.assert_allclose((se3.hat(a) @ b[..., None])[..., 0], np.cross(a, b), atol=1e-12)


@pytest.mark.parametrize("angle", [1e-9, 1e-6, 0.99e-4, 1.01e-4, 1e-3])
def test_small_turns_are_exact(angle):
    # Second order is what float64 can tell from the first here: 1e-16 against angle squared.
    vector = angle * np.array([2.0, -1.0, 2.0]) / 3
    expected = Rotation.from_rotvec(vector).as_matrix()
    np.testing.assert_allclose(se3.exp_so3(vector), expected, rtol=0, atol=1e-16 + 1e-9 * angle**2)
    np.testing.assert_allclose(se3.log_so3(expected), vector, rtol=1e-9)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("angle", [np.pi, 0.9 * np.pi, -0.9 * np.pi])
def test_large_turns_about_each_axis_keep_their_precision(axis, angle):
    # Past 120 degrees the trace is below 0: only the largest diagonal entry is safe to divide by.
    vector = angle * (np.eye(3)[axis] + 1e-9)
    R = Rotation.from_rotvec(vector).as_matrix()
    q = se3.quat_from_matrix(R)
    wxyz = Rotation.from_rotvec(vector).as_quat(canonical=True)[[3, 0, 1, 2]]
    np.testing.assert_allclose(q * np.sign(q @ wxyz), wxyz, atol=1e-15)


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_quaternions_near_half_a_turn_keep_their_precision(seed):
    axis = np.random.default_rng(seed).normal(size=(20, 3))
    vector = (np.pi - 1e-7) * axis / np.linalg.norm(axis, axis=1, keepdims=True)
    scipy = Rotation.from_rotvec(vector)
    wxyz = scipy.as_quat(canonical=True)[:, [3, 0, 1, 2]]
    q = se3.quat_from_matrix(scipy.as_matrix())
    sign = np.sign(np.sum(q * wxyz, axis=1, keepdims=True))
    np.testing.assert_allclose(q * sign, wxyz, atol=1e-14)


@pytest.mark.parametrize("shape", [(1,), (2,), (2, 3)])
def test_angle_between_is_that_of_the_turn_from_one_to_the_other(shape):
    rng = np.random.default_rng(3)
    A = Rotation.random(6, random_state=1).as_matrix()[: int(np.prod(shape))]
    A = A.reshape(*shape, 3, 3)
    axis = rng.normal(size=(*shape, 3))
    axis /= np.linalg.norm(axis, axis=-1, keepdims=True)
    B = A @ se3.exp_so3(0.7 * axis)
    np.testing.assert_allclose(se3.angle_between(A, B), np.full(shape, 0.7), atol=1e-9)
    np.testing.assert_allclose(se3.angle_between(B, A), np.full(shape, 0.7), atol=1e-9)


def test_unwrapped_quaternions_keep_their_length_and_the_first_its_sign():
    q = np.array([[-1.0, 0.0, 0.0, 0.0], [0.0, 3.0, 0.0, 0.0], [0.0, -3.0, 0.1, 0.0]])
    expected = [[-1, 0, 0, 0], [0, 3, 0, 0], [0, 3, -0.1, 0]]
    np.testing.assert_allclose(se3.unwrap_quat(q), expected, atol=1e-12)


def test_golden_rotation_vectors_past_half_a_turn():
    # 170, 190, 340, 370 and 350 degrees about z, named by the turn nearest to the one before.
    degrees = np.array([170.0, 190.0, 340.0, 370.0, 350.0])
    R = se3.exp_so3(np.radians(degrees)[:, None] * np.eye(3)[2])
    found = np.degrees(se3.continuous_rotation_vectors(R))
    np.testing.assert_allclose(found, degrees[:, None] * np.eye(3)[2], atol=1e-9)


def test_whole_turns_keep_the_axis_of_the_vector_before():
    degrees = np.array([300.0, 360.0, 420.0, 720.0])
    axis = np.array([0.6, 0.0, -0.8])
    R = se3.exp_so3(np.radians(degrees)[:, None] * axis)
    start = se3.continuous_rotation_vectors(R)
    # The first lies within half a turn: -60 degrees; the others follow it: 0, 60 and 0 or 360.
    np.testing.assert_allclose(np.degrees(start[:3]), (degrees[:3, None] - 360) * axis, atol=1e-6)
    exact = np.stack([np.eye(3), se3.exp_so3(3.0 * axis), se3.exp_so3(5.0 * axis), np.eye(3)])
    vectors = se3.continuous_rotation_vectors(exact)
    np.testing.assert_allclose(vectors, np.array([[0.0], [3.0], [5.0], [2 * np.pi]]) * axis)


def test_apply_maps_inner_points_to_the_outer_frame():
    T_world_box = se3.make(se3.exp_so3(np.array([0, 0, np.pi / 2])), np.array([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(se3.apply(T_world_box, np.array([[1.0, 0, 0]])), [[1, 3, 3]])


def test_unwrapped_quaternions_stay_in_one_hemisphere():
    angles = np.linspace(0, 4 * np.pi, 100)
    q = se3.unwrap_quat(se3.quat_from_matrix(se3.exp_so3(angles[:, None] * np.eye(3)[2])))
    assert (np.sum(q[1:] * q[:-1], axis=1) > 0.9).all()


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_wrist_frame_moves_with_the_hand(seed):
    rng = np.random.default_rng(seed)
    joints = rng.normal(size=(5, 21, 3)) * 0.05
    R, t = rotations(seed, 5), rng.normal(size=(5, 3))
    T = se3.make(R, t)
    moved = se3.apply(T, joints)
    for side in ("left", "right"):
        pose = hand_frame.wrist_pose(joints, side)
        np.testing.assert_allclose(hand_frame.wrist_pose(moved, side), T @ pose, atol=1e-9)
        local = hand_frame.in_wrist_frame(joints, side)
        np.testing.assert_allclose(se3.apply(pose, local), joints, atol=1e-12)
        np.testing.assert_allclose(np.linalg.det(pose[:, :3, :3]), 1.0, atol=1e-9)


def test_left_hand_is_the_mirror_of_the_right():
    joints = np.random.default_rng(1).normal(size=(1, 21, 3)) * 0.05
    mirror = np.diag([-1.0, 1.0, 1.0])
    right = hand_frame.wrist_rotation(joints, "right")
    left = hand_frame.wrist_rotation(joints @ mirror, "left")
    np.testing.assert_allclose(left, mirror @ right @ np.diag([1.0, -1.0, 1.0]), atol=1e-12)


def test_wrist_frame_is_the_one_of_the_reference_recording(shared_data):
    import pickle

    path = shared_data / "dex_retargeting" / "human_joint_right.pkl"
    joints = np.array(pickle.loads(path.read_bytes()))
    assert joints.shape == (621, 21, 3)
    np.testing.assert_allclose(hand_frame.in_wrist_frame(joints, "right"), joints, atol=1e-12)
