"""Hands that are hidden in part are put to where their own points say that they are."""

from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from rotoscope.models.hands import flexion_prior
from rotoscope.models.hands import model as hand_model
from rotoscope.models.hands.apparent_scale import DistanceSteps, distance_steps
from rotoscope.models.hands.hidden_palm import (
    ACROSS_OF_EXCESS,
    HIDDEN_ACROSS,
    HIDDEN_AROUND_S,
    HIDDEN_TURN_RAD,
    Excess,
    excess,
    may_be_hidden,
    stretches,
    uncovered,
)
from rotoscope.models.hands.lift_stage import PALM_PRIOR_M, Lift, LiftConfig
from rotoscope.pipeline.geometry import hand_frame
from rotoscope.pipeline.testing import a_hand_track, a_video_file
from rotoscope.pipeline.tracks import Camera, HandTrack
from rotoscope.pipeline.types import Clip, Frame
from rotoscope.pipeline.video.probe import probe

NUM = 40
TIME_S = np.arange(NUM) / 30
ALL = np.ones(NUM, bool)
BACK_TO_CAMERA = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
"""Wrist axes of a right hand over a table, seen from above, fingers up in the image."""
POINTS_M = PALM_PRIOR_M * hand_model.pose(flexion_prior.HINGE_MEAN[None]).points
HAND = a_hand_track(np.repeat(POINTS_M, NUM, axis=0) @ BACK_TO_CAMERA.T + [0.0, 0.05, 0.45])
HAND_PX = HAND.landmarks_px[0]
CENTER_PX = HAND_PX.mean(axis=0)
K = np.array([[600.0, 0.0, 320.0], [0.0, 600.0, 240.0], [0.0, 0.0, 1.0]])
LEFT_ALONE = np.zeros(NUM)
HIDDEN = {"in the middle": (12, 20), "to the end": (22, NUM), "from the start": (0, 14)}


def steps(change: float = 0.0, sigma: float = 0.01) -> DistanceSteps:
    return DistanceSteps(np.full(NUM, change), np.full(NUM, sigma))


def drawn_together(first: int, last: int, share: float) -> np.ndarray:
    """Landmarks of a hand at rest, smaller for a while."""
    by = np.ones((NUM, 1, 1))
    by[first:last] = 1.0 - share
    return CENTER_PX + by * (HAND_PX - CENTER_PX)


def pictures(scale: np.ndarray) -> list[np.ndarray]:
    """Something with texture about the hand, as large as told in each frame."""
    noise = np.random.default_rng(0).integers(0, 255, (60, 80, 3)).astype(np.uint8)
    image = cv2.resize(noise, (640, 480), interpolation=cv2.INTER_CUBIC)
    return [
        cv2.warpAffine(image, cv2.getRotationMatrix2D(CENTER_PX.tolist(), 0.0, float(s)),
                       (640, 480), borderMode=cv2.BORDER_REFLECT)
        for s in scale
    ]  # fmt: skip


def followed(landmarks_px: np.ndarray, shown: list[np.ndarray], wanted=ALL) -> DistanceSteps:
    def read(start: int, end: int) -> Iterator[Frame]:
        for index in range(start, end):
            yield Frame(index, index / 30, lambda index=index: shown[index])

    return distance_steps({"hand": (landmarks_px, wanted)}, TIME_S, read)["hand"]


@pytest.mark.parametrize("rows", HIDDEN.values(), ids=HIDDEN.keys())
def test_rows_that_leap_away_while_points_stay_are_put_back(rows):
    distance_m = np.full(NUM, 0.8)
    distance_m[slice(*rows)] *= 1.25
    found = excess(distance_m, TIME_S, ALL, steps())
    put_m = distance_m * np.exp(-found.log_excess)
    assert np.abs(put_m / 0.8 - 1.0).max() < 0.03
    assert (np.flatnonzero(found.log_excess) == np.arange(*rows)).all()
    assert (found.sigma[slice(*rows)] > 0).all()


def test_a_hand_that_goes_away_as_its_points_say_stays_as_it_is():
    distance_m = 0.6 * np.exp(0.01 * np.arange(NUM))
    assert (excess(distance_m, TIME_S, ALL, steps(0.01)).log_excess == LEFT_ALONE).all()


def test_where_no_points_are_followed_a_hand_may_go_as_fast_as_hands_do():
    unknown = DistanceSteps(np.full(NUM, np.nan), np.full(NUM, np.nan))
    distance_m = 0.8 + 0.2 * np.clip((np.arange(NUM) - 15) / 15, 0, 1)
    assert (excess(distance_m, TIME_S, ALL, unknown).log_excess == LEFT_ALONE).all()


def test_one_row_that_is_too_near_does_not_draw_others_to_it():
    distance_m = np.full(NUM, 0.8)
    distance_m[17] = 0.55
    assert (excess(distance_m, TIME_S, ALL, steps()).log_excess == LEFT_ALONE).all()


def test_stretches_that_lie_apart_say_nothing_about_each_other():
    valid = ALL.copy()
    valid[10:30] = False
    distance_m = np.where(np.arange(NUM) < 20, 0.6, 0.9)
    assert [part.tolist() for part in stretches(TIME_S, valid)] == [[*range(10)], [*range(30, 40)]]
    assert (excess(distance_m, TIME_S, valid, steps()).log_excess == LEFT_ALONE).all()
    assert not may_be_hidden(distance_m, TIME_S, valid).any()
    assert may_be_hidden(distance_m, TIME_S, ALL).all()


@pytest.mark.parametrize("rate", [-0.004, 0.0, 0.006])
def test_points_tell_how_the_distance_changes_whatever_landmarks_say(rate):
    found = followed(drawn_together(15, 30, 0.2), pictures(np.exp(-rate * np.arange(NUM))))
    assert np.isnan(found.log_change[0])
    assert np.nansum(found.log_change) == pytest.approx(rate * (NUM - 1), abs=0.02)
    assert (found.sigma[1:] < 0.03).all()


def test_points_that_spread_unevenly_tell_little():
    shown = pictures(np.ones(NUM))
    squeezed = [
        cv2.warpAffine(shown[0], np.float64([[1 - 0.01 * i, 0, 3.2 * i], [0, 1, 0]]), (640, 480))
        for i in range(NUM // 2)
    ]
    still = followed(drawn_together(0, 0, 0.0), shown)
    turned = followed(drawn_together(0, 0, 0.0), squeezed * 2, np.arange(NUM) < NUM // 2)
    assert np.nanmedian(turned.sigma) > 1.5 * np.nanmedian(still.sigma)


def test_a_blank_picture_tells_nothing_and_unwanted_frames_are_not_read():
    blank = [np.full((480, 640, 3), 128, np.uint8)] * NUM
    assert np.isnan(followed(drawn_together(0, 0, 0.0), blank).log_change).all()
    assert np.isnan(followed(drawn_together(0, 0, 0.0), [], ~ALL).log_change).all()


def test_hands_put_nearer_keep_their_knuckles_in_the_picture_and_doubt_more():
    center_m = np.array([0.1, 0.0, 1.2])
    points = center_m + np.random.default_rng(2).normal(0.0, 0.04, (NUM, 21, 3))
    track = lifted_track(points)
    by = np.where(np.arange(NUM) < 5, 0.2, 0.0)
    hidden = (by > 0).astype(float)
    found = uncovered(track, Excess(by, np.full(NUM, 0.05), hidden), palm_length_m=0.09)
    knuckles, before = (t.joints_m[:5, [5, 9, 13, 17]].mean(axis=1) for t in (found, track))
    assert np.allclose(knuckles, np.exp(-0.2) * before)
    assert np.allclose(found.T_camera_wrist[:5, :3, 3], found.joints_m[:5, 0])
    assert (found.sigma_position_m[:5, 2] > 1.05 * track.sigma_position_m[:5, 2]).all()
    assert (found.sigma_position_m[:5, 0] >= ACROSS_OF_EXCESS * 0.2 * 0.09).all()
    assert (found.joints_m[5:] == track.joints_m[5:]).all()
    assert (found.sigma_rotation_rad[5:] == track.sigma_rotation_rad[5:]).all()
    assert np.allclose(
        found.sigma_rotation_rad[:5], np.hypot(track.sigma_rotation_rad[:5], HIDDEN_TURN_RAD)
    )
    nothing = Excess(0.0 * by, by, 0.0 * by)
    assert uncovered(track, nothing, palm_length_m=0.09) is track


def test_rows_around_a_hidden_hand_are_doubted_where_they_stand_and_less_the_farther():
    distance_m = np.full(NUM, 0.8)
    distance_m[20:25] *= 1.3
    found = excess(distance_m, TIME_S, ALL, steps())
    assert (found.hidden[20:25] == 1).all()
    assert found.hidden[29] == pytest.approx(np.exp(-5 / 30 / HIDDEN_AROUND_S))
    assert (np.diff(found.hidden[25:]) < 0).all()
    still = excess(np.full(NUM, 0.8), TIME_S, ALL, steps())
    assert (still.hidden == 0).all()

    points = np.array([0.1, 0.0, 1.2]) + np.random.default_rng(2).normal(0, 0.04, (NUM, 21, 3))
    track = lifted_track(points)
    after = uncovered(track, found, palm_length_m=0.09)
    assert (after.joints_m[25:] == track.joints_m[25:]).all()
    assert (after.T_camera_wrist[25:] == track.T_camera_wrist[25:]).all()
    assert after.sigma_rotation_rad[26] > HIDDEN_TURN_RAD * 0.8
    grown_m = np.sqrt(after.sigma_position_m[26] ** 2 - track.sigma_position_m[26] ** 2)
    assert np.allclose(grown_m, HIDDEN_ACROSS * found.hidden[26] * 0.09)


def lifted_track(joints_m: np.ndarray) -> HandTrack:
    track = a_hand_track(NUM)
    return track.replace(
        joints_m=joints_m,
        T_camera_wrist=hand_frame.wrist_pose(joints_m, "right"),
        sigma_position_m=np.full((NUM, 3), 0.05),
        sigma_rotation_rad=np.full(NUM, 0.2),
    )


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Clip:
    path = tmp_path_factory.mktemp("hidden") / "still.mp4"
    return Clip(probe(a_video_file(path, pictures(np.ones(NUM)), size=(640, 480))), 0, TIME_S)


def lifted(clip: Clip, landmarks_px: np.ndarray, **config) -> HandTrack:
    hand = HAND.replace(landmarks_px=landmarks_px)
    camera = Camera(K=K, width=640, height=480, source="recipe", sigma_focal_rel=0.01)
    stage = Lift(LiftConfig(palm_length_m=PALM_PRIOR_M, **config))
    stage.setup()
    track = stage.run(clip, {"hands.right": hand, "camera": camera})["hands.right"]
    assert isinstance(track, HandTrack)
    return track


@pytest.mark.parametrize("rows", HIDDEN.values(), ids=HIDDEN.keys())
def test_landmarks_drawn_together_on_a_hand_at_rest_do_not_move_it(clip, rows):
    true = lifted(clip, drawn_together(0, 0, 0.0))
    landmarks = drawn_together(*rows, 0.25)
    fooled = lifted(clip, landmarks, check_hidden=False)
    found = lifted(clip, landmarks)
    hidden = slice(*rows)
    far_m = true.joints_m[:, 0, 2]
    assert (fooled.joints_m[hidden, 0, 2] > 1.2 * far_m[hidden]).all()
    assert np.abs(found.joints_m[:, 0, 2] / far_m - 1.0).max() < 0.04
    off_m = np.abs(found.T_camera_wrist[:, :3, 3] - true.T_camera_wrist[:, :3, 3])
    assert (off_m < 2.0 * found.sigma_position_m).all()
    assert (found.sigma_position_m[hidden, 2] > true.sigma_position_m[hidden, 2]).all()
