"""What counts as a phase of a simulator, and as a boundary that was found."""

import numpy as np

from benchmarks._skill_phases import TruePhases, boundaries, matched

FPS = 80


def episode(gap_m, speed_m_s):
    rows = len(gap_m)
    return TruePhases(np.zeros((rows, 10)), np.zeros((rows, 4)), gap_m, speed_m_s)


def test_reach_grasp_move_and_release_are_told_by_gap_and_speed():
    gap, speed = np.full(120, 0.03), np.zeros(120)
    gap[30:90], gap[42:80] = 0.02, 0.0
    speed[45:78] = 0.5
    speed[84:100] = 0.3  # it falls, and nobody touches it
    found = boundaries(episode(gap, speed), FPS)
    assert found == [(30, "grasp"), (45, "move"), (80, "release")]


def test_a_grasp_shorter_than_a_tenth_of_a_second_is_part_of_the_move():
    gap, speed = np.full(100, 0.03), np.zeros(100)
    gap[40:], speed[45:90] = 0.0, 0.5
    assert boundaries(episode(gap, speed), FPS) == [(45, "move")]


def test_contact_that_flickers_is_one():
    gap, speed = np.full(120, 0.03), np.zeros(120)
    gap[20:100] = np.where(np.arange(80) % 7 < 3, 0.0, 0.005)
    speed[40:90] = 0.5
    assert [name for _, name in boundaries(episode(gap, speed), FPS)] == [
        "grasp",
        "move",
        "release",
    ]


def test_what_moves_by_itself_is_no_phase():
    speed = np.zeros(80)
    speed[10:60] = 1.0
    assert boundaries(episode(np.full(80, 0.03), speed), FPS) == []


def test_each_boundary_counts_once():
    assert matched([10, 12], [11], within=2) == 1
    assert matched([10], [11, 12], within=2) == 1
    assert matched([5, 20, 40], [6, 22, 50], within=2) == 2
    assert matched([], [3], within=2) == 0
