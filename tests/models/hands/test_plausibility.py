import numpy as np
import pytest
from hand_shapes import detection, left_hand_m, right_hand_m
from hypothesis import given
from hypothesis import strategies as st

from rotoscope.models.hands import plausibility
from rotoscope.pipeline.geometry import se3

ALL_OF_IT = {"width": 640, "height": 480, "min_hand_px": 24.0, "max_outside": 0.3}


@given(
    scale=st.floats(50.0, 5000.0),
    x=st.floats(-1000.0, 1000.0),
    y=st.floats(-1000.0, 1000.0),
    turn=st.tuples(*[st.floats(-3.0, 3.0)] * 3),
)
def test_a_hand_that_explains_its_image_scores_one_at_any_pose(scale, x, y, turn):
    hand_m = right_hand_m() @ se3.exp_so3(np.array(turn)).T
    landmarks_px = hand_m[:, :2] * scale + (x, y)
    assert plausibility.consistency_score(landmarks_px, hand_m) == pytest.approx(1.0, abs=1e-6)


def test_score_falls_as_image_and_metres_disagree():
    rng = np.random.default_rng(0)
    direction = rng.normal(size=(21, 2))
    hand = detection()
    scores = [
        float(plausibility.consistency_score(hand.landmarks_px + amount * direction, hand.hand_m))
        for amount in (0.0, 5.0, 20.0, 80.0)
    ]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 0.99
    assert scores[-1] < 0.25


def test_an_ordinary_hand_is_plausible():
    assert plausibility.is_plausible(detection().landmarks_px, **ALL_OF_IT)


def test_a_hand_of_a_few_pixels_is_not_plausible():
    assert not plausibility.is_plausible(detection(px_per_m=80.0).landmarks_px, **ALL_OF_IT)


def test_a_hand_mostly_outside_the_image_is_not_plausible():
    assert not plausibility.is_plausible(detection(at=(-20.0, 200.0)).landmarks_px, **ALL_OF_IT)


def test_a_hand_with_one_finger_outside_is_plausible():
    at_the_edge = detection(at=(100.0, 45.0)).landmarks_px
    assert (at_the_edge[:, 1] < 0).any()
    assert plausibility.is_plausible(at_the_edge, **ALL_OF_IT)


def test_landmarks_collapsed_to_a_line_are_not_plausible():
    landmarks_px = detection().landmarks_px
    flat = landmarks_px.mean(axis=0) + (landmarks_px - landmarks_px.mean(axis=0)) * (0.1, 1.0)
    assert not plausibility.is_plausible(flat, **ALL_OF_IT)


@given(turn=st.tuples(*[st.floats(-3.0, 3.0)] * 3))
def test_fingers_bend_towards_the_palm_of_their_own_side_at_any_pose(turn):
    R = se3.exp_so3(np.array(turn))
    assert plausibility.curl_towards_palm(right_hand_m() @ R.T, "right") > 0.1
    assert plausibility.curl_towards_palm(left_hand_m() @ R.T, "left") > 0.1
    assert plausibility.curl_towards_palm(left_hand_m() @ R.T, "right") < -0.1


def test_a_hand_seen_as_the_other_one_is_mirrored_back_in_depth():
    seen_as_left = right_hand_m() * (1.0, 1.0, -1.0)
    out = plausibility.hand_of_side(seen_as_left[None], np.array([0.02]), "right")
    np.testing.assert_allclose(out[0], right_hand_m())


@pytest.mark.parametrize("right_probability", [0.98, 0.5, 0.35])
def test_a_hand_is_left_as_it_is_where_the_model_was_not_sure_of_the_other_side(right_probability):
    backwards = right_hand_m() * (1.0, 1.0, -1.0)
    out = plausibility.hand_of_side(backwards[None], np.array([right_probability]), "right")
    np.testing.assert_array_equal(out[0], backwards)


def test_a_hand_whose_fingers_bend_the_right_way_is_left_as_it_is():
    out = plausibility.hand_of_side(right_hand_m()[None], np.array([0.02]), "right")
    np.testing.assert_array_equal(out[0], right_hand_m())
