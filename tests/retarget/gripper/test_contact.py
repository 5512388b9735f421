"""Grasps of the gripper from what a hand is seen to hold."""

import dataclasses

import numpy as np
import pytest
from held_things import held_thing

from rotoscope.pipeline.testing import a_clip, a_hand_track
from rotoscope.pipeline.tracks import (
    CONTACT_DOUBTED,
    Camera,
    GripperTrack,
    ObjectTrack,
    QualityTrack,
    Track,
)
from rotoscope.retarget.gripper.contact import seen_grasps, width_where_hidden
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


SIDE_PX = 20
FOCAL_PX, DEPTH_M = 600.0, 0.5


def bar_across(degrees: float) -> ObjectTrack:
    """A thing of 20 by 80 pixels of its picture, which is half of the frame's."""
    y, x = np.mgrid[:240, :320] - np.array([120, 160])[:, None, None]
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    mask = (np.abs(c * x + s * y) <= SIDE_PX / 2) & (np.abs(c * y - s * x) <= 2 * SIDE_PX)
    bits = np.packbits(np.tile(mask.reshape(1, -1), (NUM, 1)), axis=1)
    return dataclasses.replace(
        thing(1, None, (25, 37)), mask_bits=bits, mask_width=320, mask_height=240
    )


def width_mm(degrees: float, hidden: float) -> float | None:
    K = np.array([[FOCAL_PX, 0, 320], [0, FOCAL_PX, 240], [0, 0, 1.0]])
    camera = Camera(K=K, width=640, height=480, source="recipe", sigma_focal_rel=0.02)
    joints = np.full((NUM, 21, 3), [0.0, 0.0, DEPTH_M])
    tips_hidden = np.full((NUM, 2), hidden)
    joints[30], tips_hidden[30] = np.nan, np.nan  # a frame in which the hand is not known
    tracks = {"objects.1": bar_across(degrees), "camera": camera}
    (grasp,) = seen_grasps(tracks, "right", np.arange(NUM) / 30, joints, np.arange(NUM) != 30)
    width_m = width_where_hidden(tracks, "right", grasp, joints, tips_hidden)
    return None if width_m is None else 1e3 * width_m


@pytest.mark.parametrize("degrees", [0.0, 30.0, 90.0, 125.0])
def test_width_is_the_things_narrow_side_where_fingers_hide_each_other(degrees: float) -> None:
    true_mm = 1e3 * (2 * SIDE_PX) * DEPTH_M / FOCAL_PX
    assert width_mm(degrees, hidden=0.9) == pytest.approx(true_mm, rel=0.15)


def test_fingers_that_are_seen_tell_the_width_themselves() -> None:
    assert width_mm(0.0, hidden=0.1) is None
