"""The stage `objects` on drawn pictures: a square that a hand takes, carries and leaves."""

from pathlib import Path

import numpy as np
import pytest
from moved_things import (
    LEAVE,
    NUM,
    TAKE,
    clip,
    ground,
    pictures,
    thing_way,
    track,
    true_mask,
)

from rotoscope.models.objects.stage import Objects
from rotoscope.pipeline.stage import Tracks
from rotoscope.pipeline.tracks import ObjectTrack, QualityTrack


def found(folder: Path, frames: list[np.ndarray], hand: object = None) -> Tracks:
    stage = Objects(Objects.Config())
    stage.setup()
    return stage.run(clip(folder, frames), {"hands.right": hand or track()})


def things(made: Tracks) -> list[ObjectTrack]:
    return [track for track in made.values() if isinstance(track, ObjectTrack)]


def why(made: Tracks) -> str:
    quality = made["quality.objects"]
    assert isinstance(quality, QualityTrack)
    return str(quality.facts.get("objects_why", ""))


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory) -> ObjectTrack:
    (thing,) = things(found(tmp_path_factory.mktemp("act"), pictures()))
    return thing


def test_segment_is_the_thing_without_the_hand(carried: ObjectTrack) -> None:
    overlap = []
    for frame in range(NUM):
        mine, true = carried.mask(frame), true_mask(frame)
        overlap.append((mine & true).sum() / (mine | true).sum())
    assert np.median(overlap) > 0.7
    assert np.min(overlap[TAKE:LEAVE]) > 0.5


def test_contact_and_release_are_when_the_thing_moves(carried: ObjectTrack) -> None:
    frames = np.flatnonzero(carried.held[:, 1])
    assert abs(int(frames[0]) - TAKE) <= 3
    assert abs(int(frames[-1]) - LEAVE) <= 4
    assert not carried.held[:, 0].any()


def test_path_follows_the_thing_and_rests_with_it(carried: ObjectTrack) -> None:
    off = np.linalg.norm(carried.center_px - thing_way(), axis=1)
    assert np.median(off) < 5
    assert np.ptp(carried.center_px[: TAKE - 10], axis=0).max() < 4
    assert np.isnan(carried.center_m).all()  # no camera, no lifted hand: no meters


def test_hand_that_mimes_holds_nothing_and_it_is_said(tmp_path: Path) -> None:
    made = found(tmp_path, pictures(with_thing=False))
    assert things(made) == []
    assert "nothing is seen to move with a hand" in why(made)


def test_no_hand_no_thing(tmp_path: Path) -> None:
    made = found(tmp_path, pictures()[:20], track(valid=np.zeros(NUM, bool)).slice(0, 20))
    assert things(made) == []
    assert "no hand is seen" in why(made)


@pytest.mark.parametrize("level", [0, 128])
def test_pictures_of_one_color_hold_nothing(level: int, tmp_path: Path) -> None:
    made = found(tmp_path, [np.full((240, 320, 3), level, np.uint8)] * NUM)
    assert things(made) == []


def test_darkness_holds_nothing(tmp_path: Path) -> None:
    assert things(found(tmp_path, pictures(light=0.02))) == []


def test_a_camera_covered_half_way_invents_nothing_after(tmp_path: Path) -> None:
    frames = pictures()[:30] + [np.zeros((240, 320, 3), np.uint8)] * 30
    for thing in things(found(tmp_path, frames)):
        assert not thing.held[34:].any()


def test_what_moves_by_itself_is_not_held(tmp_path: Path) -> None:
    # A square that passes far from a hand that moves another way.
    frames = []
    for t in range(NUM):
        image = ground()
        image[150:190, 20 + 2 * t : 60 + 2 * t] = (30, 90, 200)
        frames.append(image.astype(np.uint8))
    still = track()
    marks = still.landmarks_px.copy()
    marks[:] = marks[:1] + [130.0, -140.0] + np.linspace(0, 20, NUM)[:, None, None]
    assert things(found(tmp_path, frames, still.replace(landmarks_px=marks))) == []
