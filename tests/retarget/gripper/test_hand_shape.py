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


def test_palm_centre_ignores_the_fingers():
    flat = hand_joints(np.array([0.0]), np.array([0.0]))
    fist = hand_joints(np.array([1.0]), np.array([1.0]))
    np.testing.assert_allclose(hand_shape.palm_centre(flat), hand_shape.palm_centre(fist))
