import numpy as np
import pytest

from benchmarks._synthetic_hands import hand_joints
from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.gripper import hand_shape

MEASURES = (
    hand_shape.aperture,
    hand_shape.pinch_distance,
    hand_shape.hand_opening,
    hand_shape.finger_curl,
)


@pytest.mark.parametrize("measure", MEASURES)
def test_shape_does_not_depend_on_place_or_side(measure):
    rng = np.random.default_rng(0)
    joints = rng.normal(0.0, 0.05, (50, 21, 3))
    T = se3.make(se3.exp_so3(rng.normal(size=(1, 3))), rng.normal(size=(1, 3)))
    moved = se3.apply(np.repeat(T, 50, axis=0), joints)
    mirrored = joints * [1.0, -1.0, 1.0]
    np.testing.assert_allclose(measure(moved), measure(joints), atol=1e-12)
    np.testing.assert_allclose(measure(mirrored), measure(joints), atol=1e-12)


def test_aperture_is_the_distance_of_thumb_and_index_tips():
    joints = np.zeros((1, 21, 3))
    joints[0, 4], joints[0, 8] = [0.03, 0.0, 0.0], [0.0, 0.04, 0.0]
    assert hand_shape.aperture(joints)[0] == pytest.approx(0.05)


def test_pinch_with_the_middle_finger_counts():
    joints = hand_joints(np.array([0.0]), np.array([0.0]))
    joints[0, 12] = joints[0, 4] + [0.02, 0.0, 0.0]
    assert hand_shape.pinch_distance(joints)[0] == pytest.approx(0.02)
    assert hand_shape.aperture(joints)[0] > 0.1


def test_opening_falls_as_the_hand_closes():
    closure = np.linspace(0.0, 0.85, 18)
    opening = hand_shape.hand_opening(hand_joints(closure, closure))
    assert (np.diff(opening) < 0).all()
    assert opening[0] > 0.12
    assert opening[-1] < 0.05


def test_one_beckoning_finger_hardly_closes_the_hand():
    flat = hand_joints(np.array([0.0]), np.array([0.0]))
    beckoning = flat.copy()
    beckoning[:, 17:21] = hand_joints(np.array([0.0]), np.array([1.0]))[:, 17:21]
    change = hand_shape.hand_opening(flat) - hand_shape.hand_opening(beckoning)
    assert abs(change[0]) < 0.01


def test_curl_of_straight_fingers_is_small_and_of_a_fist_is_large():
    flat = hand_shape.finger_curl(hand_joints(np.array([0.0]), np.array([0.0])))
    fist = hand_shape.finger_curl(hand_joints(np.array([1.0]), np.array([1.0])))
    assert flat.max() < 0.6
    assert fist.min() > 2.5


def test_palm_center_ignores_the_fingers():
    flat = hand_joints(np.array([0.0]), np.array([0.0]))
    fist = hand_joints(np.array([1.0]), np.array([1.0]))
    np.testing.assert_allclose(hand_shape.palm_center(flat), hand_shape.palm_center(fist))


def spread_hand(*tips_m):
    """A thumb tip at zero and the tips of index to little finger along x."""
    joints = np.zeros((1, 21, 3))
    for finger, distance in zip((8, 12, 16, 20), tips_m, strict=True):
        joints[0, finger, 0] = distance
    return joints


def test_golden_distances_of_fingertips():
    joints = spread_hand(0.05, 0.03, 0.09, 0.11)
    np.testing.assert_allclose(hand_shape.thumb_to_fingertips(joints)[0], [0.05, 0.03, 0.09, 0.11])
    assert hand_shape.aperture(joints)[0] == pytest.approx(0.05)
    # Index and middle finger alone pinch.
    assert hand_shape.pinch_distance(joints)[0] == pytest.approx(0.03)
    assert hand_shape.pinch_distance(spread_hand(0.05, 0.06, 0.01, 0.02))[0] == pytest.approx(0.05)
    # Half of the pinch distance 0.03 and of the median 0.07.
    assert hand_shape.hand_opening(joints)[0] == pytest.approx(0.05)


def test_golden_curl():
    # Every finger a square spiral: three right angles from wrist to tip, half a turn and a quarter.
    joints = np.zeros((1, 21, 3))
    corners = np.array([[1.0, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0.5, 0]])
    for finger in range(4):
        joints[0, 5 + 4 * finger : 9 + 4 * finger] = corners
    np.testing.assert_allclose(hand_shape.finger_curl(joints)[0], 1.5 * np.pi)
    joints[0, 12] = [-1.0, 1.0, 0.0]  # the middle finger's last bone goes straight on
    np.testing.assert_allclose(hand_shape.finger_curl(joints)[0, 1], np.pi)
    half = np.array([[1.0, 0, 0], [2, 0, 0], [2 + 0.5**0.5, 0.5**0.5, 0], [2 + 0.5**0.5, 2, 0]])
    joints[0, 17:21] = half
    np.testing.assert_allclose(hand_shape.finger_curl(joints)[0, 3], 0.5 * np.pi)


def test_golden_palm_center():
    joints = np.full((1, 21, 3), 50.0)
    for weight, joint in enumerate((0, 5, 9, 13, 17)):
        joints[0, joint] = [weight, 2.0 * weight, -1.0]
    np.testing.assert_allclose(hand_shape.palm_center(joints)[0], [2.0, 4.0, -1.0])


def test_joints_are_numbered_as_mediapipe_numbers_them():
    # The wrist, then four joints a finger from thumb to little finger, root first.
    fingers = [tuple(range(4 * k + 1, 4 * k + 5)) for k in range(5)]
    assert fingers[0][3] == hand_shape.THUMB_TIP
    assert fingers[1][3] == hand_shape.INDEX_TIP
    assert tuple(f[3] for f in fingers[1:]) == hand_shape.FINGERTIPS
    assert tuple((0, *f) for f in fingers[1:]) == hand_shape.FINGER_CHAINS
    assert (0, *(f[0] for f in fingers[1:])) == hand_shape.PALM


def test_batches_of_any_shape():
    joints = np.random.default_rng(0).normal(size=(6, 21, 3))
    for measure in (*MEASURES, hand_shape.palm_center, hand_shape.thumb_to_fingertips):
        together = measure(joints.reshape(2, 3, 21, 3))
        np.testing.assert_allclose(together.reshape(6, *together.shape[2:]), measure(joints))
