"""What counts as background: not hands, not what they hold, not people."""

import numpy as np
from human_hands import hand_joints, seen
from moving_cameras import CAMERA, K, points_of, room, still

from rotoscope.models.camera.background import find_background
from rotoscope.pipeline.geometry import pinhole
from rotoscope.pipeline.tracks import HandTrack


def hand_in_view(num_frames: int) -> HandTrack:
    hand = seen(hand_joints(np.full(num_frames, 0.4)))
    return hand.replace(landmarks_px=pinhole.project(hand.joints_m, K))


def test_points_on_a_hand_and_its_forearm_are_left_out() -> None:
    hand = hand_in_view(6)
    points = points_of(still(6), room())
    middle = hand.landmarks_px.mean(axis=1)
    wrist, knuckle = hand.landmarks_px[:, 0], hand.landmarks_px[:, 9]
    forearm = wrist + 2.0 * (wrist - knuckle)
    far = middle + np.array([250, -150])
    px = points.points_px.copy()
    px[:, 0], px[:, 1], px[:, 2] = middle, forearm, far
    ids = points.ids.copy()
    ids[:, :3] = [900, 901, 902]
    moved = points.replace(points_px=px, ids=ids)
    kept = find_background(moved, CAMERA, {"hands.right": hand}).ids
    assert (kept[:, :2] == -1).all()
    assert (kept[:, 2] == 902).all()
    assert (find_background(moved, CAMERA, {}).ids == ids).all()


def test_hand_that_is_missed_in_a_few_frames_still_covers_what_it_covers() -> None:
    hand = hand_in_view(30)
    landmarks_px = hand.landmarks_px.copy()
    landmarks_px[10:16] = np.nan
    points = points_of(still(30), room())
    tracks = {"hands.right": hand.replace(landmarks_px=landmarks_px)}
    with_gap = find_background(points, CAMERA, tracks).ids
    whole = find_background(points, CAMERA, {"hands.right": hand}).ids
    assert (whole == -1).sum() > (points.ids == -1).sum()
    assert (with_gap == whole).mean() > 0.99  # the line between frames is not quite its way


def test_hand_that_is_gone_for_long_covers_nothing() -> None:
    hand = hand_in_view(60)
    landmarks_px = hand.landmarks_px.copy()
    landmarks_px[5:] = np.nan
    tracks = {"hands.right": hand.replace(landmarks_px=landmarks_px)}
    points = points_of(still(60), room())
    assert (find_background(points, CAMERA, tracks).ids[40:] == points.ids[40:]).all()


def test_pixels_are_those_of_the_picture_that_points_were_followed_in() -> None:
    points = points_of(still(3), room(), noise_px=0.0)
    seen_small = find_background(points.replace(pixel_px=2.0), CAMERA, {})
    assert seen_small.focal_px == 250.0
    assert seen_small.shape == (240, 320)
    held = points.ids[0] >= 0
    assert np.allclose(seen_small.points_px[0, held] * 2, points.points_px[0, held])
    assert np.allclose(
        seen_small.rays[0, held],
        pinhole.rays(points.points_px[0, held].astype(float), K),
        atol=1e-5,
    )
