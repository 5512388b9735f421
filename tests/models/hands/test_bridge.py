"""Landmarks are carried over a gap where both of its ends agree, and only there."""

from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from rotoscope.models.hands import flexion_prior
from rotoscope.models.hands import model as hand_model
from rotoscope.models.hands.bridge import Carried, carry
from rotoscope.models.hands.lift_stage import PALM_PRIOR_M, Lift, LiftConfig
from rotoscope.pipeline.testing import a_hand_track, a_video_file
from rotoscope.pipeline.tracks import Camera, HandTrack
from rotoscope.pipeline.types import Clip, Frame
from rotoscope.pipeline.video.probe import probe

NUM = 12
TIME_S = np.arange(NUM) / 30
VELOCITY_PX = np.array([3.0, -1.5])
BACK_TO_CAMERA = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
"""Wrist axes of a right hand over a table, seen from above, fingers up in the image."""
HAND_PX = a_hand_track(1).landmarks_px[0]


def places_px(acceleration_px: float = 0.4) -> np.ndarray:
    """A hand that is pushed sideways ever faster, so that no straight line tells where it is."""
    t = np.arange(NUM)[:, None, None]
    return HAND_PX + t * VELOCITY_PX + acceleration_px / 2 * t**2 * np.array([1.0, 0.0])


def pictures(places: np.ndarray, *, num: int = NUM, seed: int = 0) -> list[np.ndarray]:
    """Something with texture that moves as the landmarks do."""
    noise = np.random.default_rng(seed).integers(0, 255, (60, 80, 3)).astype(np.uint8)
    image = cv2.resize(noise, (640, 480), interpolation=cv2.INTER_CUBIC)
    shifts = (places - places[:1]).mean(axis=1)[:num]
    return [
        cv2.warpAffine(
            image, np.float64([[1, 0, x], [0, 1, y]]), (640, 480), borderMode=cv2.BORDER_REFLECT
        )
        for x, y in shifts
    ]


def carried(places, shown, *gap, max_gap_s=0.25, valid=None) -> Carried | None:
    if valid is None:
        valid = np.ones(NUM, bool)
        valid[slice(*gap)] = False

    def read(start: int, end: int) -> Iterator[Frame]:
        for index in range(start, end):
            yield Frame(index, index / 30, lambda index=index: shown[index])

    told = np.where(valid[:, None, None], places, np.nan)
    return carry({"hand": (told, valid)}, TIME_S, read, max_gap_s=max_gap_s).get("hand")


@pytest.mark.parametrize("gap", [(4, 5), (4, 6), (3, 8)])
def test_landmarks_follow_what_is_seen_not_the_line_between(gap):
    places = places_px()
    found = carried(places, pictures(places), *gap)
    assert found is not None
    assert found.rows.tolist() == list(range(*gap))
    off_px = np.linalg.norm(found.landmarks_px - places[found.rows], axis=2)
    assert off_px.max() < 0.3
    if gap == (3, 8):
        line = np.linspace(places[2], places[8], 7)[1:-1]
        assert np.linalg.norm(line - places[3:8], axis=2).max() > 1.5


def test_each_hand_of_two_gets_its_own_gaps():
    places = places_px()
    valid = np.ones((2, NUM), bool)
    valid[0, 3:5], valid[1, 4:7] = False, False
    shown = pictures(places)

    def read(start, end):
        return iter([Frame(k, k / 30, lambda k=k: shown[k]) for k in range(start, end)])

    hands = {str(i): (places + 40 * i, valid[i]) for i in range(2)}
    found = carry(hands, TIME_S, read, max_gap_s=0.25)
    assert found["0"].rows.tolist() == [3, 4]
    assert found["1"].rows.tolist() == [4, 5, 6]


@pytest.mark.parametrize("hidden", ["blank", "noise", "frozen", "something else"])
def test_nothing_is_carried_where_the_hand_is_not_seen(hidden):
    places = places_px()
    shown = pictures(places)
    if hidden == "blank":
        shown[5] = np.full_like(shown[5], 90)
    elif hidden == "noise":
        shown[5] = np.random.default_rng(1).integers(0, 255, shown[5].shape).astype(np.uint8)
    elif hidden == "frozen":  # the hand is said to have moved on and the picture has not
        shown = [shown[0]] * NUM
        places = places + np.arange(NUM)[:, None, None] * [12.0, 0.0]
    else:
        shown[6:] = pictures(places, seed=7)[6:]
    assert carried(places, shown, 4, 7) is None


def test_nothing_is_carried_from_one_side_alone():
    places = places_px()
    assert carried(places, pictures(places), 0, 3) is None
    assert carried(places, pictures(places), 9, NUM) is None
    assert carried(places, pictures(places), valid=np.zeros(NUM, bool)) is None


def test_a_longer_gap_than_is_allowed_stays():
    places = places_px()
    shown = pictures(places)
    assert carried(places, shown, 4, 6, max_gap_s=0.1) is not None
    assert carried(places, shown, 4, 7, max_gap_s=0.1) is None
    assert carried(places, shown, 4, 5, max_gap_s=0.0) is None


def test_the_error_grows_with_time_and_with_disagreement():
    places = places_px()
    shown = pictures(places)
    found = carried(places, shown, 3, 8)
    assert found.error[2] > found.error[1] > found.error[0]
    jumped = places.copy()
    jumped[8:] += 6.0
    doubted = carried(jumped, shown, 3, 8)
    assert (doubted.error > found.error + 0.01).all()


def test_only_frames_about_gaps_are_read():
    places = places_px()
    shown = pictures(places)
    asked = []

    def read(start, end):
        asked.append((start, end))
        return iter([Frame(k, k / 30, lambda k=k: shown[k]) for k in range(start, end)])

    valid = np.ones(NUM, bool)
    carry({"hand": (places, valid)}, TIME_S, read, max_gap_s=0.25)
    assert asked == []
    valid[5] = False
    carry({"hand": (places, valid)}, TIME_S, read, max_gap_s=0.25)
    assert asked == [(4, 7)]


@pytest.fixture
def filmed(tmp_path):
    """A clip in which a hand is pushed sideways, and its true joints."""
    points = PALM_PRIOR_M * hand_model.pose(flexion_prior.HINGE_MEAN[None]).points
    joints = np.repeat(points, NUM, axis=0) @ BACK_TO_CAMERA.T + [0.0, 0.05, 0.45]
    joints[:, :, 0] += 0.003 * np.arange(NUM)[:, None]
    hand = a_hand_track(joints)
    path = a_video_file(tmp_path / "a.mp4", pictures(hand.landmarks_px), size=(640, 480))
    return Clip(probe(path), 0, TIME_S), hand


def lifted(clip: Clip, hand: HandTrack, **config) -> HandTrack:
    K = np.array([[600.0, 0.0, 320.0], [0.0, 600.0, 240.0], [0.0, 0.0, 1.0]])
    camera = Camera(K=K, width=640, height=480, source="recipe", sigma_focal_rel=0.01)
    stage = Lift(LiftConfig(**config))
    stage.setup()
    track = stage.run(clip, {"hands.right": hand, "camera": camera})["hands.right"]
    assert isinstance(track, HandTrack)
    return track


def test_a_frame_that_the_detector_lost_is_lifted_and_marked(filmed):
    clip, hand = filmed
    whole = lifted(clip, hand)
    assert whole.valid.all()
    valid = np.ones(NUM, bool)
    valid[5:7] = False
    gone = hand.replace(
        valid=valid, landmarks_px=np.where(valid[:, None, None], hand.landmarks_px, np.nan)
    )
    found = lifted(clip, gone)
    assert found.valid.all()
    assert np.flatnonzero(found.bridged).tolist() == [5, 6]
    off_m = np.linalg.norm(
        found.T_camera_wrist[5:7, :3, 3] - whole.T_camera_wrist[5:7, :3, 3], axis=1
    )
    assert (off_m < 0.01).all()
    assert (found.sigma_rotation_rad[5:7] > whole.sigma_rotation_rad[5:7]).all()
    assert (found.sigma_position_m[5:7] > whole.sigma_position_m[5:7]).all()
    assert not lifted(clip, gone, max_bridge_s=0.0).valid[5:7].any()


def test_a_frame_whose_landmarks_fit_no_hand_is_bridged_too(filmed):
    clip, hand = filmed
    landmarks = hand.landmarks_px.copy()
    landmarks[6] += np.random.default_rng(0).normal(0, 25, (21, 2))
    found = lifted(clip, hand.replace(landmarks_px=landmarks))
    assert found.valid[6]
    assert found.bridged[6]
    assert np.linalg.norm(found.landmarks_px[6] - hand.landmarks_px[6], axis=1).max() < 1.0
