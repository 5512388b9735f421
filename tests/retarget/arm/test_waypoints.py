"""A few frames that stand for many, and how fast the hand is there."""

import numpy as np
import pytest

from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.arm.waypoints import choose_waypoints, twists


def test_short_clips_are_taken_whole():
    for num in (1, 2, 5):
        time_s = np.arange(num) / 30
        chosen = choose_waypoints(np.zeros((num, 3)), time_s)
        assert chosen.tolist() == list(range(num))


def test_at_most_twenty_frames_from_first_to_last():
    rng = np.random.default_rng(0)
    chosen = choose_waypoints(rng.normal(size=(400, 3)), np.arange(400) / 30)
    assert len(chosen) <= 20
    assert {0, 399} <= set(chosen.tolist())
    even = np.linspace(0, 399, 13).round().astype(int)
    assert set(even.tolist()) <= set(chosen.tolist())


def test_far_out_and_fast_frames_are_those_at_two_percent_from_the_ends():
    # 101 frames: the third lowest and third highest of x, y and z (ranks 2 and 98 of 0 to 100),
    # and the third fastest, beside 13 even ones.
    rng = np.random.default_rng(1)
    p_m, time_s = rng.normal(size=(101, 3)), np.sort(rng.uniform(0, 4, 101))
    speed = np.linalg.norm(np.gradient(p_m, time_s, axis=0), axis=1)
    ranked = [np.argsort(p_m[:, k]) for k in range(3)]
    expected = {int(r[2]) for r in ranked} | {int(r[98]) for r in ranked}
    expected |= {int(np.argsort(speed)[98])}
    expected |= set(np.linspace(0, 100, 13).round().astype(int).tolist())
    assert choose_waypoints(p_m, time_s).tolist() == sorted(expected)


def test_ranks_between_frames_go_outwards():
    # 76 frames: 0.02 * 75 = 1.5 goes down to 1 and 73.5 up to 74.
    rng = np.random.default_rng(2)
    p_m, time_s = rng.normal(size=(76, 3)), np.arange(76) / 30
    chosen = set(choose_waypoints(p_m, time_s).tolist())
    for k in range(3):
        rank = np.argsort(p_m[:, k])
        assert {int(rank[1]), int(rank[74])} <= chosen


def moving(num=9):
    """Half a meter a second along x, and a turn of 0.8 rad a second about z."""
    time_s = np.arange(num) / 10
    R = se3.exp_so3(np.array([[0.0, 0.0, 0.8]]) * time_s[:, None])
    return se3.make(R, np.array([[0.5, 0.0, 0.0]]) * time_s[:, None]), time_s


def test_golden_twists():
    T, time_s = moving()
    found = twists(T, time_s, np.array([0, 1, 4, 8]))
    np.testing.assert_allclose(found, np.tile([0.5, 0, 0, 0, 0, 0.8], (4, 1)), atol=1e-9)


def test_twists_are_taken_over_two_frames_to_either_side():
    T, time_s = moving()
    T[4, 0, 3] += 100.0
    found = twists(T, time_s, np.arange(9))
    # Only frames 2 and 6 are two frames from the fourth.
    assert np.flatnonzero(np.abs(found[:, 0] - 0.5) > 1e-6).tolist() == [2, 6]
    assert found[2, 0] == pytest.approx(0.5 + 100.0 / 0.4)


def test_one_frame_stands_still():
    T, time_s = moving(1)
    np.testing.assert_array_equal(twists(T, time_s, np.array([0])), 0.0)


def test_turns_are_along_the_axes_that_poses_are_given_in():
    T, time_s = moving()
    tilt = se3.make(se3.exp_so3(np.array([[0.5 * np.pi, 0, 0]])), np.zeros((1, 3)))
    # Tilted within its own axes the hand still turns about the world's z.
    np.testing.assert_allclose(twists(T @ tilt, time_s, np.array([4]))[0, 3:], [0, 0, 0.8])
