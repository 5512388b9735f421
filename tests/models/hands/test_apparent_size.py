"""A hand that jumps away and is back at once was drawn together; one that reaches was not."""

import numpy as np
import pytest

from rotoscope.models.hands import flexion_prior
from rotoscope.models.hands import model as hand_model
from rotoscope.models.hands.apparent_size import is_shrunk
from rotoscope.models.hands.lift_stage import PALM_PRIOR_M, Lift, LiftConfig
from rotoscope.pipeline.testing import a_clip, a_hand_track
from rotoscope.pipeline.tracks import HAND_GATES, Camera

NUM = 60
TIME_S = np.arange(NUM) / 30
ALL = np.ones(NUM, bool)


def taken(distance_m, valid=ALL, time_s=TIME_S) -> list[int]:
    return np.flatnonzero(is_shrunk(distance_m, time_s, valid)).tolist()


def resting(*spans, factor=1.5) -> np.ndarray:
    out = np.full(NUM, 0.5)
    for start, end in spans:
        out[start:end] *= factor
    return out


@pytest.mark.parametrize("factor", [1.25, 1.5, 2.0])
@pytest.mark.parametrize("span", [(20, 21), (20, 32), (1, 3), (56, 59)])
def test_frames_between_a_jump_away_and_the_return_are_taken(span, factor):
    assert taken(resting(span, factor=factor)) == list(range(*span))


def test_what_draws_together_at_once_and_opens_slowly_is_taken_until_it_is_back():
    distance_m = np.full(NUM, 0.5)
    distance_m[20:30] = np.linspace(0.8, 0.5, 10)
    found = taken(distance_m)
    assert found == [t for t in range(20, 30) if distance_m[t] > 0.5 * np.exp(0.1)]
    backwards = taken(distance_m[::-1])
    assert backwards == sorted(NUM - 1 - t for t in found)


def test_two_excursions_are_two():
    assert taken(resting((10, 13), (30, 35))) == [10, 11, 12, *range(30, 35)]


def test_what_does_not_come_back_stays():
    assert taken(resting((30, NUM))) == []
    assert taken(resting((20, 50))) == []  # a second later: it may have been there


@pytest.mark.parametrize("speed_m_s", [1.0, 2.0, 2.9])
def test_a_hand_that_reaches_out_and_back_stays(speed_m_s):
    distance_m = 0.4 + np.abs((speed_m_s * TIME_S + 0.3) % 0.6 - 0.3)
    assert np.abs(np.diff(distance_m)).max() > 0.9 * speed_m_s / 30
    assert taken(distance_m) == []


def test_a_hand_that_comes_nearer_for_a_moment_stays():
    assert taken(resting((20, 25), factor=1 / 1.5)) == []


def test_noise_of_the_distance_is_no_jump():
    noise = np.random.default_rng(0).normal(0, 0.03, NUM)
    assert taken(0.5 * np.exp(noise)) == []


def test_nothing_is_told_over_a_gap_in_which_an_arm_could_have_moved():
    valid = ALL.copy()
    valid[20:28] = False
    assert taken(resting((28, 32)), valid) == [28, 29, 30, 31]  # it is back at once
    valid[32:40] = False
    assert taken(resting((28, 32)), valid) == []
    assert taken(resting((20, 22)), np.zeros(NUM, bool)) == []


def test_ten_frames_a_second_are_judged_by_their_speed():
    assert taken(resting((20, 23), factor=1.5), time_s=np.arange(NUM) / 10) == []  # 2.5 m/s
    assert taken(resting((20, 23), factor=1.7), time_s=np.arange(NUM) / 10) == [20, 21, 22]


def test_lifted_frames_whose_landmarks_were_drawn_together_are_not_valid():
    K = np.array([[600.0, 0.0, 320.0], [0.0, 600.0, 240.0], [0.0, 0.0, 1.0]])
    back_to_camera = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
    points = PALM_PRIOR_M * hand_model.pose(flexion_prior.HINGE_MEAN[None]).points
    hand = a_hand_track(np.repeat(points, NUM, axis=0) @ back_to_camera.T + [0.0, 0.05, 0.45])
    landmarks = hand.landmarks_px.copy()
    middle = landmarks[20:25].mean(axis=1, keepdims=True)
    landmarks[20:25] = middle + (landmarks[20:25] - middle) / 1.6
    camera = Camera(K=K, width=640, height=480, source="recipe", sigma_focal_rel=0.01)
    lift = Lift(LiftConfig(max_bridge_s=0.0))
    tracks = {"hands.right": hand.replace(landmarks_px=landmarks), "camera": camera}
    found = lift.run(a_clip(NUM), tracks)["hands.right"]
    assert np.flatnonzero(~found.valid).tolist() == [20, 21, 22, 23, 24]
    assert (found.gate[20:25] == HAND_GATES.index("shrunk")).all()
    assert np.isnan(found.joints_m[20:25]).all()
