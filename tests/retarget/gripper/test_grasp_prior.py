import numpy as np
import pytest

from rotoscope.models.hands import flexion_prior
from rotoscope.models.hands import model as hand_model
from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.gripper.grasp_prior import likely_pose
from rotoscope.retarget.gripper.pose import gripper_pose

BACK_TO_CAMERA = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
PALM_TO_CAMERA = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]])
THUMB = [2, 3, 4]


def grasping_hands(R: np.ndarray = BACK_TO_CAMERA, num: int = 40, seed: int = 0) -> np.ndarray:
    """Right hands that hold something in front of the camera, seen from behind by default."""
    rng = np.random.default_rng(seed)
    bend = flexion_prior.HINGE_SIGMA * rng.uniform(-0.4, 0.4, (num, 5, 5))
    angles = flexion_prior.HINGE_MEAN + np.radians([15.0, 0, 0, 10, 5]) + bend
    points = 0.09 * hand_model.pose(angles).points
    turned = se3.exp_so3(rng.uniform(-0.3, 0.3, (num, 3))) @ R
    return se3.apply(
        se3.make(turned, rng.uniform([-0.1, -0.1, 0.5], [0.1, 0.1, 0.7], (num, 3))), points
    )


def off_rad(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return se3.angle_between(a[:, :3, :3], b[:, :3, :3])


@pytest.mark.parametrize("side", ["left", "right"])
def test_poses_are_rigid_motions(side):
    R = likely_pose(grasping_hands(), side)[0][:, :3, :3]
    np.testing.assert_allclose(R @ R.swapaxes(1, 2), np.broadcast_to(np.eye(3), R.shape), atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(R), 1.0, atol=1e-9)


def test_the_gripper_is_where_the_fingertips_are():
    joints = grasping_hands()
    pose = likely_pose(joints, "right")[0]
    np.testing.assert_allclose(pose[:, :3, 3], 0.5 * (joints[:, 4] + joints[:, 8]), atol=1e-12)


def test_pose_turns_with_a_camera_that_turns_about_itself():
    joints, T = grasping_hands(), se3.make(se3.exp_so3(np.array([0.3, -1.2, 0.5])), np.zeros(3))
    pose, spread = likely_pose(joints, "right")
    moved, moved_spread = likely_pose(joints @ T[:3, :3].T, "right")
    np.testing.assert_allclose(moved, T @ pose, atol=1e-9)
    np.testing.assert_allclose(moved_spread, spread, atol=1e-9)


def test_left_hand_is_the_mirror_image_of_the_right():
    joints, mirror = grasping_hands(), np.array([-1.0, 1.0, 1.0])
    (right, right_rad), (left, left_rad) = (
        likely_pose(joints, "right"),
        likely_pose(joints * mirror, "left"),
    )
    np.testing.assert_allclose(left[:, :3, 0], right[:, :3, 0] * mirror, atol=1e-9)
    np.testing.assert_allclose(left[:, :3, 1], right[:, :3, 1] * mirror, atol=1e-9)
    np.testing.assert_allclose(left[:, :3, 3], right[:, :3, 3] * mirror, atol=1e-9)
    np.testing.assert_allclose(left_rad, right_rad, atol=1e-9)


def test_a_thumb_that_jitters_turns_the_gripper_far_less_than_its_own_frame():
    joints = np.repeat(grasping_hands(num=1), 200, axis=0)
    joints[:, THUMB] += np.random.default_rng(1).normal(0.0, 0.01, (200, 1, 3))
    likely, fingers = likely_pose(joints, "right")[0], gripper_pose(joints, "right")
    steps = [np.median(off_rad(pose[:-1], pose[1:])) for pose in (likely, fingers)]
    assert steps[0] < 0.6 * steps[1]


def test_a_hidden_thumb_is_believed_less_than_a_seen_one():
    moves = []
    for R in (BACK_TO_CAMERA, PALM_TO_CAMERA):
        joints = grasping_hands(R)
        thumb_moved = joints.copy()
        thumb_moved[:, 4] += 0.02 * (joints[:, 4] - joints[:, 3]) / 0.03
        pose, moved = likely_pose(joints, "right")[0], likely_pose(thumb_moved, "right")[0]
        moves.append(np.median(off_rad(pose, moved)))
    assert moves[0] < moves[1]


def test_the_further_fingers_are_from_the_palm_the_less_sure_is_the_rotation():
    joints = grasping_hands(num=200)
    pose, spread = likely_pose(joints, "right")
    apart = off_rad(pose, gripper_pose(joints, "right"))
    order = np.argsort(apart)
    assert np.median(spread[order[-40:]]) > np.median(spread[order[:40]]) + 0.1


def test_the_prior_alone_is_never_stated_surer_than_15_degrees():
    hidden = likely_pose(grasping_hands(), "right")[1]
    assert hidden.min() > np.radians(10.0)
    assert np.median(hidden) > np.radians(15.0)


def test_fingers_that_meet_and_cross_do_not_flip_the_pose():
    joints = np.repeat(grasping_hands(num=1), 61, axis=0)
    closing = joints[:, 4] - joints[:, 8]
    closing /= np.linalg.norm(closing, axis=1, keepdims=True)
    joints[:, 4] = joints[:, 8] + np.linspace(0.03, -0.012, 61)[:, None] * closing
    pose = likely_pose(joints, "right")[0]
    assert np.degrees(off_rad(pose[:-1], pose[1:])).max() < 2.0


def test_missing_hands_have_no_pose():
    joints = grasping_hands(num=3)
    joints[1] = np.nan
    pose, spread = likely_pose(joints, "right")
    assert np.isnan(pose[1, :3]).all()
    assert np.isnan(spread[1])
    assert np.isfinite(pose[[0, 2]]).all()
