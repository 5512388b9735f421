"""Forward kinematics and Jacobians, checked by differences and by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.kinematics.chain import Pose, Segment, SerialChain, pose_error
from rotoscope.retarget.kinematics.ik import solve_poses

seeds = st.integers(0, 2**32 - 1)


def random_chain(rng: np.random.Generator, num_joints: int) -> SerialChain:
    segments = []
    for i in range(num_joints):
        axis = rng.normal(size=3)
        T = se3.make(se3.exp_so3(rng.normal(size=3)), 0.3 * rng.normal(size=3))
        kind = "prismatic" if rng.random() < 0.3 else "revolute"
        segments.append(Segment(f"joint{i}", kind, T, axis / np.linalg.norm(axis)))
    return SerialChain(segments, se3.make(se3.exp_so3(rng.normal(size=3)), rng.normal(size=3)))


def by_the_book(chain: SerialChain, T_last_ee: np.ndarray, joints: np.ndarray) -> np.ndarray:
    T = np.eye(4)
    for segment, value in zip(chain.segments, joints, strict=True):
        if segment.kind == "revolute":
            moved = se3.make(se3.exp_so3(segment.axis * value), np.zeros(3))
        else:
            moved = se3.make(np.eye(3), segment.axis * value)
        T = T @ segment.T_parent_joint @ moved
    return T @ T_last_ee


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_pose_is_the_product_of_its_transforms(seed):
    rng = np.random.default_rng(seed)
    T_last_ee = se3.make(se3.exp_so3(rng.normal(size=3)), rng.normal(size=3))
    chain = SerialChain(random_chain(rng, 6).segments, T_last_ee)
    joints = rng.normal(size=(4, 6))
    wanted = [by_the_book(chain, T_last_ee, row) for row in joints]
    np.testing.assert_allclose(chain.pose(joints).matrix, wanted, atol=1e-12)


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_jacobian_is_the_derivative_of_the_pose(seed):
    rng = np.random.default_rng(seed)
    chain = random_chain(rng, 7)
    joints, step = rng.normal(size=(3, 7)), 1e-6
    J = chain.pose(joints, jacobian=True).J
    for i in range(7):
        moved = joints + step * np.eye(7)[i]
        after, before = chain.pose(moved), chain.pose(joints)
        change = pose_error(before, after.R, after.p_m) / step
        np.testing.assert_allclose(J[:, :, i], change, atol=1e-5)


def test_link_positions_start_at_the_base_and_end_at_the_end_effector():
    chain = random_chain(np.random.default_rng(1), 5)
    joints = np.random.default_rng(2).normal(size=(3, 5))
    links = chain.link_positions(joints)
    assert links.shape == (3, 7, 3)
    assert (links[:, 0] == 0).all()
    np.testing.assert_allclose(links[:, -1], chain.pose(joints).p_m)


def test_planar_arm_reaches_where_trigonometry_says():
    along_x = se3.make(np.eye(3), np.array([1.0, 0.0, 0.0]))
    z = np.array([0.0, 0.0, 1.0])
    segments = [Segment("a", "revolute", np.eye(4), z), Segment("b", "revolute", along_x, z)]
    pose = SerialChain(segments, along_x).pose(np.deg2rad([[90.0, -90.0], [0.0, 90.0]]))
    np.testing.assert_allclose(pose.p_m, [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]], atol=1e-12)
    np.testing.assert_allclose(se3.log_so3(pose.R)[:, 2], [0.0, np.pi / 2], atol=1e-12)


def test_pose_error_is_what_is_missing_in_the_base_frame():
    reached = Pose(np.eye(3)[None], np.zeros((1, 3)))
    R = se3.exp_so3(np.array([[0.0, 0.0, 0.3]]))
    error = pose_error(reached, R, np.array([[0.1, 0.2, 0.3]]))
    np.testing.assert_allclose(error, [[0.1, 0.2, 0.3, 0.0, 0.0, 0.3]], atol=1e-12)


def test_inverse_kinematics_finds_near_poses_and_stays_inside_limits(panda):
    rng = np.random.default_rng(5)
    truth = np.clip(panda.home + rng.normal(0, 0.4, (200, 7)), panda.lower, panda.upper)
    wanted = panda.chain.pose(truth)
    found = solve_poses(
        panda.chain,
        wanted.R,
        wanted.p_m,
        np.tile(panda.home, (200, 1)),
        lower=panda.lower,
        upper=panda.upper,
        home=panda.home,
        num_steps=20,
    )
    error = pose_error(panda.chain.pose(found), wanted.R, wanted.p_m)
    is_found = (np.abs(error[:, :3]).max(axis=1) < 1e-3) & (np.abs(error[:, 3:]).max(axis=1) < 1e-2)
    assert is_found.mean() > 0.95
    assert ((found >= panda.lower) & (found <= panda.upper)).all()


def test_inverse_kinematics_of_a_far_target_stretches_towards_it(panda):
    far = panda.chain.pose(panda.home[None])
    found = solve_poses(
        panda.chain,
        far.R,
        np.array([[3.0, 0.0, 0.4]]),
        panda.home[None],
        lower=panda.lower,
        upper=panda.upper,
        home=panda.home,
        num_steps=60,
    )
    x, _, _ = panda.chain.pose(found).p_m[0]
    # The Panda reaches 0.855 m from its shoulder, and its hand goes on another 0.1 to 0.2 m.
    assert x == pytest.approx(0.9, abs=0.15)
