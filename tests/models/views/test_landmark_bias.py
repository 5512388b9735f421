import numpy as np
import pytest

from rotoscope.models.hands import model
from rotoscope.models.perception.multi_view import View
from rotoscope.models.views.landmark_bias import bias_px
from rotoscope.models.views.place import place
from rotoscope.models.views.seen import Seen
from rotoscope.pipeline.geometry import se3

K = np.array([[600.0, 0.0, 320.0], [0.0, 600.0, 240.0], [0.0, 0.0, 1.0]])
FRONT = View(K, np.eye(4))
MIRROR = np.array([-1.0, 1.0, 1.0])
PALM_M = 0.09
KNUCKLES = [5, 9, 13, 17]


def hand_m(turn_deg=0.0, num=12):
    """A hand 0.6 m away whose palm faces the camera, then turned about the vertical."""
    facing = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]])
    R = se3.exp_so3(np.radians([0.0, turn_deg, 0.0])) @ facing
    bent = np.full((num, 5, 5), 0.0)
    bent[:, 1:, [0, 3, 4]] = np.linspace(0.1, 0.6, num)[:, None, None]
    return PALM_M * model.pose(bent).points @ R.T + np.array([0.02, 0.0, 0.6])


def test_left_hands_are_right_ones_in_a_mirror():
    right = bias_px(FRONT, hand_m(30), "right")
    left = bias_px(FRONT, hand_m(30) * MIRROR, "left")
    assert np.abs(right).max() > 1
    np.testing.assert_allclose(left, right * MIRROR[:2], atol=1e-9)


def test_error_is_a_share_of_the_hand_in_the_picture():
    near, far = (bias_px(FRONT, hand_m() * scale, "right") for scale in (1.0, 2.0))
    np.testing.assert_allclose(near, far, atol=1e-9)
    bigger = bias_px(FRONT, 2 * (hand_m() - hand_m()[:, :1]) + [0, 0, 1.2], "right")
    smaller = bias_px(FRONT, (hand_m() - hand_m()[:, :1]) + [0, 0, 1.2], "right")
    assert np.linalg.norm(bigger) > 1.9 * np.linalg.norm(smaller)


def test_rows_without_a_hand_have_none():
    joints_m = hand_m()
    joints_m[3, 7] = np.nan
    joints_m[5] = joints_m[5, :1]
    found = bias_px(FRONT, joints_m, "right")
    assert np.isfinite(found).all()
    assert not found[[3, 5]].any()
    assert found[4].any()


@pytest.mark.parametrize("turn_deg", [60, 120])
def test_knuckles_seen_from_the_edge_are_marked_on_the_side_that_is_seen(turn_deg):
    joints_m = hand_m(turn_deg)
    off = bias_px(FRONT, joints_m, "right")[:, KNUCKLES].mean(axis=1)
    normal = np.sign(np.cos(np.radians(turn_deg)))  # the palm, or the back, faces the camera
    palm_x = -np.sin(np.radians(turn_deg))
    assert (normal * palm_x * off[:, 0] > 0).all()


def test_joints_are_placed_where_they_are_from_landmarks_that_lie_elsewhere():
    R = se3.exp_so3(np.radians([0.0, 50.0, 0.0]))
    middle = np.array([0.0, 0.0, 0.6])
    views = [FRONT, View(K, se3.make(R, middle - R @ middle))]
    truth, time_s = hand_m(20, 30), np.arange(30) / 30
    seen = [Seen(time_s, v.project(truth) + bias_px(v, truth, "right")) for v in views]
    kept = {"sigma_rel": 0.04, "size_m": PALM_M}
    plain = place(views, seen, [0, 0], **kept)
    better = place(views, seen, [0, 0], **kept, bias_px=lambda v, x: bias_px(v, x, "right"))
    away_m = [np.linalg.norm(p.points_m - truth, axis=2).max() for p in (plain, better)]
    assert away_m[0] > 3e-3
    assert away_m[1] < 5e-4
