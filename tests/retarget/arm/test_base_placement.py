"""The base stands where the arm can work."""

import numpy as np
import pytest

from benchmarks._arm_clips import APPROACHES, axes, working_hand
from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.arm.base_placement import find_placements
from rotoscope.retarget.arm.waypoints import choose_waypoints
from rotoscope.retarget.common.level_frame import level_camera
from rotoscope.retarget.optimize.quasi_random import quasi_random


@pytest.fixture(scope="module")
def hand():
    return working_hand("down", 1, axes(*APPROACHES["down"]))


def test_most_poses_are_reached_from_the_best_place(panda, hand):
    best = find_placements(panda, hand.gripper.T_camera_ee, hand.time_s)[0]
    assert best.reachable_share >= 0.95
    assert 0.0 < best.manipulability <= 1.0
    assert best.score == pytest.approx(best.reachable_share + 0.1 * best.manipulability)


def test_golden_place_for_a_hand_that_does_what_the_arm_does_at_home(panda):
    level, turn = level_camera(0.0), se3.exp_so3(np.array([0.0, 0.0, 0.8]))
    T_camera_base = se3.make(level @ turn, np.array([0.2, 0.5, 0.7]))
    joints = panda.home + 0.15 * np.sin(np.arange(40)[:, None] * 0.3 + np.arange(7))
    T = T_camera_base @ panda.pose(joints).matrix
    best = find_placements(panda, T, np.arange(40) / 30.0)[0]
    assert best.reachable_share == 1.0
    # Home is comfortable but not the very best pose, so the place is near and not the same.
    np.testing.assert_allclose(best.T_camera_base[:3, 3], T_camera_base[:3, 3], atol=0.12)
    assert se3.angle_between(best.T_camera_base[None, :3, :3], T_camera_base[None, :3, :3])[0] < 0.3


def test_places_are_ranked_and_the_same_every_time(panda, hand):
    first = find_placements(panda, hand.gripper.T_camera_ee, hand.time_s)
    again = find_placements(panda, hand.gripper.T_camera_ee, hand.time_s)
    scores = [place.score for place in first]
    assert scores == sorted(scores, reverse=True)
    assert scores == [place.score for place in again]
    np.testing.assert_array_equal(first[0].T_camera_base, again[0].T_camera_base)


@pytest.mark.parametrize("pitch_deg", [0.0, 30.0])
def test_base_stands_upright_and_faces_the_work(panda, hand, pitch_deg):
    pitch_rad = np.deg2rad(pitch_deg)
    T = find_placements(panda, hand.gripper.T_camera_ee, hand.time_s, camera_pitch_rad=pitch_rad)[
        0
    ].T_camera_base
    up = np.array([0.0, -np.cos(pitch_rad), -np.sin(pitch_rad)])
    np.testing.assert_allclose(T[:3, 2], up, atol=1e-9)
    middle = np.median(hand.gripper.T_camera_ee[:, :3, 3], axis=0)
    ahead, aside, _ = (se3.inverse(T) @ np.append(middle, 1.0))[:3]
    assert ahead > 0.2
    assert aside == pytest.approx(0.0, abs=1e-9)


def test_place_moves_and_turns_with_the_hand(panda, hand):
    turned = se3.make(se3.exp_so3(np.array([0.0, 0.7, 0.0])), np.array([0.3, 0.2, 0.1]))
    place = find_placements(panda, hand.gripper.T_camera_ee, hand.time_s)[0]
    moved = find_placements(panda, turned @ hand.gripper.T_camera_ee, hand.time_s)[0]
    # The search starts from directions that are fixed in the room: about the same, not the same.
    assert moved.score == pytest.approx(place.score, abs=0.06)


def test_single_pose_can_be_placed(panda, hand):
    place = find_placements(panda, hand.gripper.T_camera_ee[:1], hand.time_s[:1])[0]
    assert place.reachable_share == 1.0


def test_level_frame_of_a_level_camera():
    np.testing.assert_allclose(
        level_camera(0.0), [[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]], atol=1e-12
    )


def test_few_bad_poses_are_no_keyframes():
    rng = np.random.default_rng(0)
    p, time_s = rng.normal(0, 0.1, (300, 3)), np.arange(300) / 30
    p[[110, 111]] += 9.0
    assert not {110, 111} & set(choose_waypoints(p, time_s).tolist()[1:-1])


def test_low_discrepancy_points_fill_every_part():
    points = quasi_random(64, 3)
    assert ((points > 0) & (points < 1)).all()
    cells = {tuple(cell) for cell in np.floor(points * 2).astype(int)}
    assert len(cells) == 8
