import numpy as np
import pytest

from rotoscope.pipeline.geometry import hand_frame, se3


def drawn_hand(wrist, index, middle):
    """A hand of which only what defines the wrist frame is placed; the rest lies far off."""
    joints = np.full((1, 21, 3), 7.0)
    joints[0, 0], joints[0, 5], joints[0, 9] = wrist, index, middle
    return joints


FLAT = drawn_hand((0.0, 0.0, 0.0), (0.0, 0.3, 0.9), (0.0, 0.0, 1.0))
"""Fingers up along z, and the index finger's root on the y side of the middle one's."""


def test_axes_of_a_flat_right_hand_are_the_worlds():
    # By the definition: z to the middle root, y to the thumb's side, x = y x z out of the palm.
    np.testing.assert_allclose(hand_frame.wrist_rotation(FLAT, "right")[0], np.eye(3), atol=1e-12)


def test_on_a_left_hand_y_points_to_the_little_finger():
    expected = np.diag([-1.0, -1.0, 1.0])
    np.testing.assert_allclose(hand_frame.wrist_rotation(FLAT, "left")[0], expected, atol=1e-12)


def test_golden_pose():
    # By hand: z = (2, 0, 0) / 2 and index - middle = (-0.5, 0, -1), of which -0.5 lies along z;
    # so y = (0, 0, -1) and x = y x z = (0, -1, 0).
    joints = drawn_hand((1.0, 2.0, 3.0), (2.5, 2.0, 2.0), (3.0, 2.0, 3.0))
    expected = [[0, 0, 1, 1], [-1, 0, 0, 2], [0, -1, 0, 3], [0, 0, 0, 1]]
    np.testing.assert_allclose(hand_frame.wrist_pose(joints, "right")[0], expected, atol=1e-12)


@pytest.mark.parametrize("side", ["left", "right"])
def test_in_the_wrist_frame_the_middle_finger_lies_on_z_and_the_index_in_its_plane(side):
    joints = np.random.default_rng(0).normal(size=(8, 21, 3))
    local = hand_frame.in_wrist_frame(joints, side)
    np.testing.assert_allclose(local[:, 0], 0.0, atol=1e-12)
    np.testing.assert_allclose(local[:, 9, :2], 0.0, atol=1e-12)
    length = np.linalg.norm(joints[:, 9] - joints[:, 0], axis=1)
    np.testing.assert_allclose(local[:, 9, 2], length, atol=1e-12)
    np.testing.assert_allclose(local[:, 5, 0], 0.0, atol=1e-12)
    assert (local[:, 5, 1] > 0).all() if side == "right" else (local[:, 5, 1] < 0).all()
    back = se3.apply(hand_frame.wrist_pose(joints, side), local)
    np.testing.assert_allclose(back, joints, atol=1e-12)


@pytest.mark.parametrize("shape", [(), (2, 4)])
def test_every_hand_of_a_batch_has_its_own_frame(shape):
    joints = np.random.default_rng(1).normal(size=(8, 21, 3))[: int(np.prod(shape, dtype=int))]
    one_by_one = [hand_frame.wrist_rotation(hand[None], "right")[0] for hand in joints]
    together = hand_frame.wrist_rotation(joints.reshape(*shape, 21, 3), "right")
    np.testing.assert_allclose(together, np.reshape(one_by_one, (*shape, 3, 3)), atol=1e-12)


def test_joints_are_numbered_as_mediapipe_numbers_them():
    # MediaPipe's HandLandmark: the wrist, then four joints a finger from thumb to little finger.
    assert hand_frame.WRIST == 0
    assert (hand_frame.THUMB_TIP, hand_frame.INDEX_TIP) == (0 * 4 + 4, 1 * 4 + 4)
    assert (hand_frame.INDEX_MCP, hand_frame.MIDDLE_MCP) == (1 * 4 + 1, 2 * 4 + 1)
