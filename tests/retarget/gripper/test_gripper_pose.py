import jaxtyping
import numpy as np
import pytest

from benchmarks._synthetic_hands import hand_joints
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.gripper.pose import (
    SEEN_TIP_M,
    aperture_sigma,
    gripper_pose,
    position_sigma,
)

SEEN = np.zeros((1, 2))


@pytest.fixture
def shapes_unchecked():
    """As outside the tests, where nothing stands before the functions' own checks."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def hands(num=60, seed=0):
    """Closing hands of many postures, anywhere in space, with landmark noise."""
    rng = np.random.default_rng(seed)
    joints = hand_joints(rng.uniform(0, 0.85, num), rng.uniform(0, 1, num))
    joints += rng.normal(0.0, 0.003, joints.shape)
    poses = se3.make(se3.exp_so3(rng.normal(size=(num, 3))), rng.normal(size=(num, 3)))
    return se3.apply(poses, joints)


def step_angles(pose):
    return np.degrees(se3.angle_between(pose[:-1, :3, :3], pose[1:, :3, :3]))


@pytest.mark.parametrize("side", ["left", "right"])
def test_poses_are_rigid_motions(side):
    R = gripper_pose(hands(), side)[:, :3, :3]
    np.testing.assert_allclose(R @ R.swapaxes(1, 2), np.broadcast_to(np.eye(3), R.shape), atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(R), 1.0, atol=1e-9)


def test_pose_moves_with_the_hand():
    joints = hands()
    T = se3.make(se3.exp_so3(np.array([0.3, -1.2, 0.5])), np.array([0.1, 0.4, -0.2]))
    moved = gripper_pose(se3.apply(np.broadcast_to(T, (len(joints), 4, 4)), joints), "right")
    np.testing.assert_allclose(moved, T @ gripper_pose(joints, "right"), atol=1e-9)


def test_left_hand_is_the_mirror_image_of_the_right():
    joints, mirror = hands(), np.array([1.0, -1.0, 1.0])
    right, left = gripper_pose(joints, "right"), gripper_pose(joints * mirror, "left")
    np.testing.assert_allclose(left[:, :3, 0], right[:, :3, 0] * mirror, atol=1e-9)
    np.testing.assert_allclose(left[:, :3, 1], right[:, :3, 1] * mirror, atol=1e-9)
    np.testing.assert_allclose(left[:, :3, 3], right[:, :3, 3] * mirror, atol=1e-9)


def test_origin_is_midway_between_the_tips():
    joints = hands()
    tips = 0.5 * (joints[:, 4] + joints[:, 8])
    np.testing.assert_allclose(gripper_pose(joints, "right")[:, :3, 3], tips, atol=1e-12)


def test_closing_axis_points_from_index_to_thumb_when_they_are_apart():
    joints = hand_joints(np.linspace(0.0, 0.5, 20), np.full(20, 0.3))
    tips = joints[:, 4] - joints[:, 8]
    cosine = np.sum(gripper_pose(joints, "right")[:, :3, 1] * tips, axis=1)
    angle = np.degrees(np.arccos(cosine / np.linalg.norm(tips, axis=1)))
    assert angle.max() < 10.0


def test_approach_points_away_from_the_wrist():
    joints = hand_joints(np.linspace(0.0, 0.85, 20), np.full(20, 0.3))
    pose = gripper_pose(joints, "right")
    forward = pose[:, :3, 3] - joints[:, 0]
    cosine = np.sum(pose[:, :3, 0] * forward, axis=1) / np.linalg.norm(forward, axis=1)
    assert cosine.min() > 0.5


def test_fingers_that_meet_and_cross_do_not_flip_the_pose():
    joints = np.repeat(hand_joints(np.array([0.8]), np.array([0.4])), 61, axis=0)
    closing = joints[:, 4] - joints[:, 8]
    closing /= np.linalg.norm(closing, axis=1, keepdims=True)
    gap = np.linspace(0.03, -0.012, 61)[:, None]  # thumb tip passes through the index tip
    joints[:, 4] = joints[:, 8] + gap * closing
    pose = gripper_pose(joints, "right")
    assert np.isfinite(pose).all()
    assert step_angles(pose).max() < 5.0


def test_closing_hand_turns_the_pose_smoothly():
    closure = np.linspace(0.0, 1.0, 201)
    assert step_angles(gripper_pose(hand_joints(closure, closure), "right")).max() < 2.0


def test_coincident_tips_have_a_pose():
    joints = hand_joints(np.array([0.8]), np.array([0.4]))
    joints[:, 4] = joints[:, 8]
    assert np.isfinite(gripper_pose(joints, "right")).all()


def test_missing_and_collapsed_hands_are_nan():
    joints = hands(3)
    joints[1] = np.nan
    joints[2] = joints[2, :1]
    pose = gripper_pose(joints, "right")
    assert np.isfinite(pose[0]).all()
    assert np.isnan(pose[1:]).all()


def test_other_shapes_are_refused(shapes_unchecked):
    with pytest.raises(TrackError, match=r"must have shape \(time, 21, 3\), got \(4, 20, 3\)"):
        gripper_pose(np.zeros((4, 20, 3)), "right")


def test_position_sigma_is_what_a_turning_wrist_does_to_the_tips():
    rng = np.random.default_rng(3)
    joints, sigma_rad = hands(1), 0.09
    joints -= joints[:, :1]
    about_an_axis_rad = sigma_rad / np.sqrt(3.0)
    turned = se3.exp_so3(rng.normal(0.0, about_an_axis_rad, (4000, 3))) @ joints[0].T
    tips = 0.5 * (turned[:, :, 4] + turned[:, :, 8])
    expected = np.sqrt(tips.var(axis=0) + SEEN_TIP_M**2 / 2)
    stated = position_sigma(joints, np.zeros((1, 3)), np.array([sigma_rad]), SEEN)[0]
    np.testing.assert_allclose(stated, expected, rtol=0.1)  # 4000 samples, first order in angle


def drawn_hand():
    """A right hand whose thumb and index finger form a square U: tips 6 cm apart along y.

    Knuckles at x = 0.08, tips at x = 0.14, thumb on the +y side, little finger's root below.
    """
    joints = np.full((1, 21, 3), 9.0)
    joints[0, 0] = [0.0, 0.0, 0.0]
    joints[0, [2, 3, 4]] = [[0.08, 0.03, 0], [0.11, 0.03, 0], [0.14, 0.03, 0]]
    joints[0, [5, 6, 7, 8]] = [
        [0.08, -0.03, 0],
        [0.1, -0.03, 0],
        [0.12, -0.03, 0],
        [0.14, -0.03, 0],
    ]
    joints[0, 17] = [0.08, -0.03, -0.06]
    return joints


def test_golden_pose_of_a_square_hand():
    # y runs from index to thumb, x from the knuckles to the tips, z to the thumb's side. The tips'
    # own vector and the line of the joints behind agree but for the x of IP and DIP.
    pose = gripper_pose(drawn_hand(), "right")[0]
    np.testing.assert_allclose(pose[:3, 3], [0.14, 0.0, 0.0], atol=1e-12)
    line = np.array([0.11 - 0.12 + 0.5 * (0.08 - 0.1), 0.06 + 0.5 * 0.06, 0.0])
    line /= np.linalg.norm(line)
    tips = np.array([0.0, 0.06, 0.0])
    closing = tips * 0.5 * (0.06 + tips @ line) + 0.02**2 * line
    y = closing / np.linalg.norm(closing)
    np.testing.assert_allclose(pose[:3, 1], y, atol=1e-9)
    # Approach: tips from knuckles (6 cm, squared), palm and row of knuckles by 3 cm squared.
    approach = 0.06**2 * np.array([1.0, 0, 0]) + 0.03**2 * np.array([1.0, 0, 0])
    approach += 0.03**2 * np.cross(y, [0.0, 0.0, 1.0])
    x = approach - (approach @ y) * y
    np.testing.assert_allclose(pose[:3, 0], x / np.linalg.norm(x), atol=1e-9)
    np.testing.assert_allclose(pose[:3, 2], np.cross(pose[:3, 0], y), atol=1e-9)


def test_where_fingers_are_folded_palm_and_knuckles_hold_the_approach():
    joints = drawn_hand()
    joints[0, [4, 8], 0] = 0.08  # tips over the knuckles: no reach of their own
    pose = gripper_pose(joints, "right")[0]
    y = pose[:3, 1]
    approach = 0.03**2 * (np.array([1.0, 0, 0]) + np.cross(y, [0.0, 0.0, 1.0]))
    x = approach - (approach @ y) * y
    np.testing.assert_allclose(pose[:3, 0], x / np.linalg.norm(x), atol=1e-9)


def test_golden_position_sigma():
    # A lever of 14 cm along x: it swings across, not along, by a third of 0.1 rad squared. 3 cm of
    # the wrist, and the mean of a tip with 10 mm and one with 28.
    wrist_m, hidden = np.array([[0.03, 0.0, 0.01]]), np.array([[1.0, 0.0]])
    found = position_sigma(drawn_hand(), wrist_m, np.array([0.1]), hidden)
    tips = (0.028**2 + 0.010**2) / 4
    swing = 0.014**2 / 3
    expected = np.sqrt([0.03**2 + tips, swing + tips, 0.01**2 + swing + tips])
    np.testing.assert_allclose(found[0], expected, rtol=1e-9)


@pytest.mark.parametrize(("hidden", "times"), [((0, 0), 1.0), ((1, 0), 2.0), ((1, 1), 3.0)])
def test_golden_aperture_sigma(hidden, times):
    # Tips 6 cm apart side by side at half a meter, 14 mm; the hand's size is known to a tenth.
    joints = drawn_hand() - [0.14, 0.0, 0.0] + [0.0, 0.0, 0.5]
    found = aperture_sigma(joints, np.array([0.1]), np.array([hidden], dtype=float))
    assert found[0] == pytest.approx((times * 0.014**2 + 0.006**2) ** 0.5, rel=1e-9)


def test_aperture_along_the_line_of_sight_is_less_sure():
    joints = drawn_hand() - [0.14, 0.0, 0.0]
    away = joints @ se3.exp_so3(np.array([np.pi / 2, 0.0, 0.0])).T + [0.0, 0.0, 0.5]
    found = aperture_sigma(away, np.zeros(1), SEEN)
    assert found[0] == pytest.approx(2**0.5 * 0.014, rel=1e-9)


def test_aperture_of_a_hand_of_unknown_size_is_unknown():
    assert np.isnan(aperture_sigma(drawn_hand(), np.array([np.nan]), SEEN)).all()
