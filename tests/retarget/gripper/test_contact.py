"""Grasps of the gripper from what a hand is seen to hold."""

import numpy as np
from held_things import held_thing

from rotoscope.pipeline.testing import a_clip, a_hand_track
from rotoscope.pipeline.tracks import (
    CONTACT_DOUBTED,
    GripperTrack,
    ObjectTrack,
    QualityTrack,
    Track,
)
from rotoscope.retarget.gripper.stage import RetargetGripper

NUM = 60
LOOKED = {"quality.objects": QualityTrack("scene", {"objects": 1.0})}


def thing(number: int, left: tuple[int, int] | None, right: tuple[int, int] | None) -> ObjectTrack:
    return held_thing(number, NUM, left=left, right=right)


def closing_hand() -> np.ndarray:
    """Joints of a hand whose thumb and fingers close at frame 20 and open at 40 [m]."""
    hand = a_hand_track(NUM).joints_m
    assert hand is not None
    joints = hand.copy()
    share = np.clip(np.interp(np.arange(NUM), [15, 20, 40, 45], [0, 1, 1, 0]), 0, 1)
    middle = 0.5 * (joints[:, 4] + joints[:, 8])
    for tip in (4, 8, 12):
        joints[:, tip] += share[:, None] * 0.8 * (middle - joints[:, tip])
    return joints


def follow(**tracks: Track) -> GripperTrack:
    hand = a_hand_track(closing_hand())
    stage = RetargetGripper(RetargetGripper.Config())
    named = {name.replace("_", "."): track for name, track in tracks.items()}
    made = stage.run(a_clip(NUM), {"hands.right": hand, **named})
    gripper = made["gripper.right"]
    assert isinstance(gripper, GripperTrack)
    return gripper


def test_gripper_holds_from_contact_to_release() -> None:
    gripper = follow(objects_1=thing(1, None, (25, 37)), **LOOKED)
    assert np.flatnonzero(gripper.grasping).tolist() == list(range(25, 37))
    assert np.ptp(gripper.opening[25:37]) == 0


def test_empty_hand_that_closes_is_no_grasp() -> None:
    gripper = follow(**LOOKED)
    assert not gripper.grasping.any()
    assert np.ptp(gripper.opening) > 0.1


def test_what_the_other_hand_holds_is_not_held_by_this_one() -> None:
    assert not follow(objects_1=thing(1, (10, 50), None), **LOOKED).grasping.any()


def test_hand_over_is_held_by_each_hand_in_its_turn() -> None:
    gripper = follow(objects_1=thing(1, (5, 30), (28, 50)), **LOOKED)
    assert np.flatnonzero(gripper.grasping).tolist() == list(range(28, 50))


def test_two_things_one_after_the_other_are_two_grasps() -> None:
    gripper = follow(
        objects_1=thing(1, None, (5, 15)), objects_2=thing(2, None, (30, 40)), **LOOKED
    )
    assert np.flatnonzero(np.diff(gripper.grasping.astype(int))).tolist() == [4, 14, 29, 39]


def test_without_the_stage_objects_or_where_it_doubts_fingers_decide() -> None:
    alone, looked = follow(), follow(**LOOKED)
    doubted = QualityTrack("scene", {CONTACT_DOUBTED: "the camera moves"})
    named = {"quality.objects": doubted, "objects_1": thing(1, None, (2, 58))}
    np.testing.assert_array_equal(alone.aperture_m, looked.aperture_m)
    np.testing.assert_array_equal(follow(**named).grasping, alone.grasping)
    assert not np.array_equal(
        alone.grasping, follow(**LOOKED, objects_1=named["objects_1"]).grasping
    )
