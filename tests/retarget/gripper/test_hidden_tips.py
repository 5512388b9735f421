import numpy as np
import pytest

from rotoscope.models.hands import flexion_prior
from rotoscope.models.hands import model as hand_model
from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.gripper.hidden_tips import hidden_tips

PALM_M = 0.09
PALM_TO_CAMERA = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]])
"""Wrist axes of a right hand that shows its palm, fingers up in the image."""
BACK_TO_CAMERA = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
FACE = np.array([0.02, 0.05, 0.6])


def a_hand(R: np.ndarray, *, index_bend_rad: float = 0.3, folded: float = 0.0) -> np.ndarray:
    """A hand in front of the camera; its thumb goes from beside (0) to before the palm (1)."""
    angles = flexion_prior.HINGE_MEAN.copy()
    angles[1, [0, 3]] = index_bend_rad
    points = hand_model.pose(angles[None]).points
    before_palm = np.array([[0.30, 0.15, 0.45], [0.35, 0.05, 0.55], [0.38, -0.1, 0.6]])
    points[0, 2:5] += folded * (before_palm - points[0, 2:5])
    return se3.apply(se3.make(R, FACE)[None], PALM_M * points)


def test_tips_of_a_hand_that_shows_its_palm_are_seen():
    assert hidden_tips(a_hand(PALM_TO_CAMERA)).max() < 0.2


def test_thumb_folded_into_the_palm_is_hidden_from_behind_and_seen_from_in_front():
    behind = hidden_tips(a_hand(BACK_TO_CAMERA, folded=1.0))
    in_front = hidden_tips(a_hand(PALM_TO_CAMERA, folded=1.0))
    assert behind[0, 0] > 0.8
    assert in_front[0, 0] < 0.3


def test_curled_index_tip_is_hidden_from_behind():
    assert hidden_tips(a_hand(BACK_TO_CAMERA, index_bend_rad=1.4))[0, 1] > 0.8


@pytest.mark.parametrize("factor", [0.7, 1.5])
def test_a_hand_as_much_larger_as_it_is_farther_hides_the_same(factor):
    joints = a_hand(BACK_TO_CAMERA, folded=0.6)
    np.testing.assert_allclose(hidden_tips(factor * joints), hidden_tips(joints), atol=1e-9)


def test_turning_the_camera_about_itself_changes_nothing():
    joints = a_hand(BACK_TO_CAMERA, folded=0.6)
    R = se3.exp_so3(np.array([0.3, -1.1, 0.4]))
    np.testing.assert_allclose(hidden_tips(joints @ R.T), hidden_tips(joints), atol=1e-9)


def test_a_tip_goes_out_of_sight_smoothly():
    shares = np.linspace(0.0, 1.0, 141)
    hidden = np.concatenate([hidden_tips(a_hand(BACK_TO_CAMERA, folded=f)) for f in shares])
    assert np.ptp(hidden[:, 0]) > 0.5
    assert np.abs(np.diff(hidden, axis=0)).max() < 0.1


def test_hands_that_are_not_there_hide_nothing_known():
    assert np.isnan(hidden_tips(np.full((2, 21, 3), np.nan))).all()
