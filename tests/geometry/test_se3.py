import numpy as np
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
