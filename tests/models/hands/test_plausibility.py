import numpy as np
import pytest
from hand_shapes import detection, left_hand_m, right_hand_m
from hypothesis import given
from hypothesis import strategies as st

from rotoscope.models.hands import plausibility
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import HAND_GATES

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


def test_score_falls_as_image_and_meters_disagree():
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
    assert plausibility.shape_gate(detection().landmarks_px, **ALL_OF_IT) == 0


def test_a_hand_of_a_few_pixels_is_not_plausible():
    assert plausibility.shape_gate(detection(px_per_m=80.0).landmarks_px, **ALL_OF_IT)


def test_a_hand_mostly_outside_the_image_is_not_plausible():
    assert plausibility.shape_gate(detection(at=(-20.0, 200.0)).landmarks_px, **ALL_OF_IT)


def test_a_hand_with_one_finger_outside_is_plausible():
    at_the_edge = detection(at=(100.0, 45.0)).landmarks_px
    assert (at_the_edge[:, 1] < 0).any()
    assert plausibility.shape_gate(at_the_edge, **ALL_OF_IT) == 0


def test_landmarks_collapsed_to_a_line_are_not_plausible():
    landmarks_px = detection().landmarks_px
    flat = landmarks_px.mean(axis=0) + (landmarks_px - landmarks_px.mean(axis=0)) * (0.1, 1.0)
    assert plausibility.shape_gate(flat, **ALL_OF_IT)


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


def test_golden_score():
    # In the image a square of side 100 px (box's diagonal 141 px), every corner 10 px from where
    # the meters put it, in ways that no scale or shift makes up for: r = 10 / 141.
    corners = np.tile([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]], (5, 1))
    corners = np.concatenate([corners, [[0.5, 0.5]]])
    hand_m = np.concatenate([0.1 * corners, np.zeros((21, 1))], axis=1)
    turned = (corners - 0.5) @ np.array([[0.0, 1.0], [-1.0, 0.0]])
    landmarks_px = 100.0 * (corners - 0.5) + 10.0 * np.sqrt(2) * turned
    size = np.linalg.norm(np.ptp(landmarks_px, axis=0))
    missed = np.sqrt(200.0 * (turned**2).sum(axis=1).mean())
    expected = 1.0 / (1.0 + (missed / size / 0.1) ** 2)
    assert plausibility.consistency_score(landmarks_px, hand_m) == pytest.approx(expected, rel=1e-9)
    assert 0.2 < expected < 0.8


def test_golden_size():
    points = np.zeros((21, 2))
    points[3], points[7] = (30.0, -10.0), (0.0, 30.0)
    assert plausibility.size_px(points) == pytest.approx(50.0)


def hand_px(num_outside=0, breadth=1.0, size=50.0):
    """A cross of landmarks whose box has this diagonal, some of them left of the image."""
    angle = np.linspace(0, 2 * np.pi, 22)[:21]
    points = np.stack([breadth * np.cos(angle), np.sin(angle)], axis=1)
    points *= size / np.linalg.norm(np.ptp(points, axis=0))
    points += 100.0
    return points if not num_outside else shifted(points, num_outside)


def shifted(points, num_outside):
    """Moved to the left until so many landmarks have left the image."""
    x = np.sort(points[:, 0])
    return points - [0.5 * (x[num_outside - 1] + x[num_outside]), 0.0]


LIMITS = {"width": 640, "height": 480, "min_hand_px": 24.0, "max_outside": 0.3}


@pytest.mark.parametrize(
    ("change", "gate"),
    [
        ({"size": 24.1}, ""),
        ({"size": 23.9}, "too_small"),
        ({"breadth": 0.16}, ""),
        ({"breadth": 0.14}, "collapsed"),
        ({"breadth": 0.14, "size": 23.9}, "collapsed"),  # no setting gives it back
        ({"num_outside": 6}, ""),  # 6 of 21 are 0.286
        ({"num_outside": 7}, "out_of_the_picture"),  # 0.333
    ],
)
def test_limits_of_plausible_hands(change, gate):
    found = int(plausibility.shape_gate(hand_px(**change), **LIMITS))
    assert HAND_GATES[found] == gate


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("axis", [0, 1])
def test_every_edge_of_the_image_counts(axis, sign):
    points = hand_px() - 100.0
    points += [639.0 if axis == 0 and sign > 0 else 1.0, 479.0 if axis == 1 and sign > 0 else 1.0]
    other = 1 - axis
    points[:, other] += -points[:, other].mean() + 200.0
    assert plausibility.shape_gate(points, **LIMITS)
    assert plausibility.shape_gate(points, **LIMITS | {"max_outside": 0.6}) == 0


def test_landmarks_on_the_border_are_inside():
    points = hand_px()
    points -= points.min(axis=0)
    assert plausibility.shape_gate(points, **LIMITS | {"max_outside": 0.0}) == 0
    far = points - points.max(axis=0) + [640.0, 480.0]
    assert plausibility.shape_gate(far, **LIMITS | {"max_outside": 0.0}) == 0


def test_golden_curl():
    # Palm in the plane z = 0, middle root 2 away; tips 0.5 above their roots. Index root to the
    # right of the little root as seen from above: the normal points up.
    hand = np.zeros((21, 3))
    hand[5], hand[9], hand[13], hand[17] = (2, 1, 0), (2, 0, 0), (2, 0.5, 0), (1, -1, 0)
    for root, tip in zip((5, 9, 13, 17), (8, 12, 16, 20), strict=True):
        hand[tip] = hand[root] + [0.3, 0.0, 0.5]
    normal = np.cross(hand[5], hand[17])
    assert normal[2] < 0
    assert plausibility.curl_towards_palm(hand, "right") == pytest.approx(-0.25)
    assert plausibility.curl_towards_palm(hand, "left") == pytest.approx(0.25)
    assert plausibility.curl_towards_palm(
        hand + np.array([5.0, -3.0, 2.0]), "right"
    ) == pytest.approx(-0.25)


@pytest.mark.parametrize(
    ("right_probability", "side", "is_mirrored"),
    [(0.31, "right", False), (0.29, "right", True), (0.69, "left", False), (0.71, "left", True)],
)
def test_hands_are_mirrored_from_seventy_percent_on(right_probability, side, is_mirrored):
    backwards = (right_hand_m() if side == "right" else left_hand_m()) * (1.0, 1.0, -1.0)
    hands = np.stack([backwards, backwards])
    sure = np.array([right_probability, 0.5])
    out = plausibility.hand_of_side(hands, sure, side)
    expected = backwards * (1.0, 1.0, -1.0) if is_mirrored else backwards
    np.testing.assert_array_equal(out[0], expected)
    np.testing.assert_array_equal(out[1], backwards)


def turned_over(angles_deg, own, side="right"):
    R = se3.exp_so3(np.radians(angles_deg)[:, None] * np.array([0.0, 1.0, 0.0]))
    hand = right_hand_m() if side == "right" else left_hand_m()
    hand_m = hand @ np.swapaxes(R, 1, 2)
    own = np.array(own)
    right = own if side == "right" else 1.0 - own
    return plausibility.is_turned_over(hand_m, right, side).tolist()


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_frame_seen_as_the_other_hand_is_turned_over_only_if_its_palm_turns(side):
    own = [0.9, 0.05, 0.4, 0.05, 0.9, 0.9]
    assert turned_over([0, 150, 160, 20, 0, 120], own, side) == [
        False, True, True, False, False, False,
    ]  # fmt: skip


def test_frames_sure_of_the_other_side_are_turned_over_where_none_agrees():
    assert turned_over([0, 0, 0], [0.05, 0.2, 0.4]) == [True, True, False]
