"""An arm's end effector: where it is, how it moves, and joint values that bring it somewhere."""

import numpy as np
import pytest

from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.arm.ik import solve_poses
from rotoscope.retarget.kinematics.end_effector import Pose, pose_error
from rotoscope.retarget.robots.arm import load_arm


def test_jacobian_is_the_derivative_of_the_pose(tiny):
    arm, step = load_arm(str(tiny)), 1e-6
    joints = np.random.default_rng(1).normal(size=(5, 3))
    J = arm.pose(joints, jacobian=True).J
    for i in range(3):
        after, before = arm.pose(joints + step * np.eye(3)[i]), arm.pose(joints)
        # A difference of one step of 1e-6 is off by as much.
        np.testing.assert_allclose(
            J[:, :, i], pose_error(before, after.R, after.p_m) / step, atol=1e-5
        )


def test_link_positions_start_at_the_base_and_end_at_the_end_effector(tiny):
    arm = load_arm(str(tiny))
    joints = np.random.default_rng(2).normal(size=(3, 3))
    links = arm.link_positions(joints)
    assert links.shape == (3, 5, 3)
    assert (links[:, 0] == 0).all()
    np.testing.assert_allclose(links[:, 1], [[0, 0, 0.3]] * 3, atol=1e-12)
    np.testing.assert_allclose(links[:, -1], arm.pose(joints).p_m)


def test_tool_is_carried_by_the_end_effector(tiny):
    arm = load_arm(str(tiny))
    T = se3.make(se3.exp_so3(np.array([0.1, -0.4, 0.3])), np.array([0.1, 0.2, -0.3]))
    joints = np.random.default_rng(3).normal(size=(4, 3))
    np.testing.assert_allclose(
        arm.with_tool(T).pose(joints).matrix, arm.pose(joints).matrix @ T, atol=1e-12
    )


def test_elbow_bends_where_trigonometry_says(tiny):
    arm = load_arm(str(tiny))
    shoulder = np.deg2rad([[90.0, 0.0, 0.0], [30.0, 0.0, 0.0]])
    elbow = arm.link_positions(shoulder)[:, 2]
    # The elbow sits 0.4 m along x from a shoulder 0.3 m up that turns about z.
    np.testing.assert_allclose(elbow, [[0, 0.4, 0.3], [0.4 * np.sqrt(0.75), 0.2, 0.3]], atol=1e-12)


def test_pose_error_is_what_is_missing_in_the_base_frame():
    reached = Pose(np.eye(3)[None], np.zeros((1, 3)))
    R = se3.exp_so3(np.array([[0.0, 0.0, 0.3]]))
    error = pose_error(reached, R, np.array([[0.1, 0.2, 0.3]]))
    np.testing.assert_allclose(error, [[0.1, 0.2, 0.3, 0.0, 0.0, 0.3]], atol=1e-12)


def test_inverse_kinematics_finds_near_poses_and_stays_inside_limits(panda):
    rng = np.random.default_rng(5)
    truth = np.clip(panda.home + rng.normal(0, 0.4, (200, 7)), panda.lower, panda.upper)
    wanted = panda.pose(truth)
    found = solve_poses(
        panda,
        wanted.R,
        wanted.p_m,
        np.tile(panda.home, (200, 1)),
        num_steps=20,
    )
    error = pose_error(panda.pose(found), wanted.R, wanted.p_m)
    is_found = (np.abs(error[:, :3]).max(axis=1) < 1e-3) & (np.abs(error[:, 3:]).max(axis=1) < 1e-2)
    assert is_found.mean() > 0.95
    assert ((found >= panda.lower) & (found <= panda.upper)).all()


def test_inverse_kinematics_of_a_far_target_stretches_towards_it(panda):
    far = panda.pose(panda.home[None])
    found = solve_poses(
        panda,
        far.R,
        np.array([[3.0, 0.0, 0.4]]),
        panda.home[None],
        num_steps=60,
    )
    x, _, _ = panda.pose(found).p_m[0]
    # The Panda reaches 0.855 m from its shoulder, and its hand goes on another 0.1 to 0.2 m.
    assert x == pytest.approx(0.9, abs=0.15)
