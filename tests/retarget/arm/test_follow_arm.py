"""Whole trajectories: limits hold whatever is asked for, and what can be reached is reached."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.arm.follow_poses import follow_poses
from rotoscope.retarget.arm.initial_guess import initial_guess
from rotoscope.retarget.arm.solve import solve_trajectory
from rotoscope.retarget.arm.targets import Targets
from rotoscope.retarget.common.gaps import fill_short_gaps
from rotoscope.retarget.optimize.differences import acceleration_bands, banded_product
from rotoscope.retarget.optimize.violations import position_violations, velocity_violations

NO_FRAMES = np.zeros(0, int)


def slow_motion(panda, *, num_frames=120, rate_hz=30.0, seed=0):
    """Joint values around home whose speed stays under half of what the arm can do."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(num_frames) / rate_hz
    phase = rng.uniform(0, 2 * np.pi, 7)
    return panda.home + 0.3 * np.sin(2 * np.pi * 0.4 * time_s[:, None] + phase), time_s


def targets_of(panda, joints, time_s, *, is_wanted=None):
    pose = panda.pose(joints)
    wanted = np.ones(len(time_s), bool) if is_wanted is None else is_wanted
    return Targets(pose.R, pose.p_m, time_s, wanted)


def solve(panda, targets):
    start = initial_guess(panda, targets, NO_FRAMES, np.zeros((0, 7)))
    return solve_trajectory(panda, targets, start)


def broken_limits(panda, joints, time_s):
    broken = position_violations(joints, panda.lower, panda.upper)
    return broken | velocity_violations(joints, time_s, panda.max_velocity)


def test_what_an_arm_did_can_be_done_again(panda):
    joints, time_s = slow_motion(panda)
    solution = solve(panda, targets_of(panda, joints, time_s))
    assert solution.is_reached.all()
    # Nothing stands in the way: what is left is the pull towards smoothness and home.
    assert np.median(solution.error_m) < 2e-4
    assert np.median(solution.error_rad) < 2e-3
    assert not broken_limits(panda, solution.joints, time_s).any()


def test_redundant_arm_moves_smoothly(panda):
    joints, time_s = slow_motion(panda)
    solution = solve(panda, targets_of(panda, joints, time_s))
    acceleration = np.abs(np.diff(solution.joints, n=2, axis=0)) * 30.0**2
    # The motion itself has 0.3 * (2 pi 0.4)^2 = 1.9 rad/s^2; an elbow flip has hundreds.
    assert acceleration.max() < 10.0


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_limits_hold_for_wild_targets_on_a_wild_clock(panda, seed):
    rng = np.random.default_rng(seed)
    time_s = rng.uniform(0, 100) + np.cumsum(rng.uniform(0.004, 0.25, 40))
    R = se3.exp_so3(rng.normal(0, 2.0, (40, 3)))
    is_wanted = rng.random(40) < 0.8
    is_wanted[0] = True
    targets = Targets(R, rng.normal(0, 0.6, (40, 3)), time_s, is_wanted)
    solution = solve(panda, targets)
    assert not broken_limits(panda, solution.joints, time_s).any()
    assert np.isnan(solution.error_m[~is_wanted]).all()
    assert np.isfinite(solution.error_m[is_wanted]).all()


def test_target_out_of_reach_is_not_reached_and_costs_no_other(panda):
    joints, time_s = slow_motion(panda)
    targets = targets_of(panda, joints, time_s)
    targets.p_m[60:70] += np.array([2.0, 0.0, 0.0])
    solution = solve(panda, targets)
    assert not solution.is_reached[60:70].any()
    assert not solution.is_too_fast[60:70].any()
    assert solution.is_reached[:55].all()
    assert solution.is_reached[75:].all()


def test_jump_between_reachable_poses_is_called_too_fast(panda):
    joints, time_s = slow_motion(panda)
    joints[60:, 0] += 1.0
    solution = solve(panda, targets_of(panda, joints, time_s))
    missed = np.flatnonzero(~solution.is_reached)
    # Joint 1 alone would take 1 / 2.175 s = 14 frames; the others help.
    assert 4 <= len(missed) <= 20
    assert abs(missed.mean() - 59.5) < 8
    assert solution.is_too_fast[missed].mean() > 0.8


def test_frames_without_target_are_bridged(panda):
    joints, time_s = slow_motion(panda)
    wanted = np.ones(120, bool)
    wanted[50:56] = False
    targets = targets_of(panda, joints, time_s, is_wanted=wanted)
    targets.p_m[50:56], targets.R[50:56] = 0.0, np.eye(3)
    solution = solve(panda, targets)
    reached = panda.pose(solution.joints).p_m
    np.testing.assert_allclose(reached, panda.pose(joints).p_m, atol=5e-3)


def test_solution_does_not_depend_on_when_the_clip_starts(panda):
    joints, time_s = slow_motion(panda, num_frames=60)
    now = solve(panda, targets_of(panda, joints, time_s))
    later = solve(panda, targets_of(panda, joints, time_s + 3600.0))
    np.testing.assert_allclose(later.joints, now.joints, atol=1e-6)


def test_frame_rate_hardly_matters(panda):
    joints, time_s = slow_motion(panda, num_frames=121, rate_hz=60.0)
    fine = solve(panda, targets_of(panda, joints, time_s))
    coarse = solve(panda, targets_of(panda, joints[::2], time_s[::2]))
    np.testing.assert_allclose(fine.joints[::2], coarse.joints, atol=0.03)


@pytest.mark.parametrize("num_frames", [1, 2, 3])
def test_shortest_clips_can_be_followed(panda, num_frames):
    joints, time_s = slow_motion(panda, num_frames=num_frames)
    T_base_ee = panda.pose(joints).matrix
    followed = follow_poses(
        panda, T_base_ee, np.ones(num_frames, bool), time_s, T_camera_base=np.eye(4)
    )
    assert followed.solution.is_reached.all()


def test_given_base_is_kept(panda):
    joints, time_s = slow_motion(panda)
    T = se3.make(se3.exp_so3(np.array([0.1, 0.2, 0.3])), np.array([0.4, 0.5, 0.6]))
    T_camera_ee = T @ panda.pose(joints).matrix
    followed = follow_poses(panda, T_camera_ee, np.ones(120, bool), time_s, T_camera_base=T)
    assert followed.placement is None
    assert followed.solution.is_reached.all()


def test_acceleration_of_a_parabola_is_exact_on_an_irregular_clock():
    rng = np.random.default_rng(3)
    time_s = np.cumsum(rng.uniform(0.01, 0.2, 50))
    weight = rng.uniform(0.5, 2.0, 50)
    x = (1.0 - 2.0 * time_s + 3.0 * time_s**2)[:, None]
    bands = acceleration_bands(time_s, weight)
    wanted = 6.0**2 * weight[1:-1].sum()
    assert (x * banded_product(bands[:, :, None], x)).sum() == pytest.approx(wanted, rel=1e-6)


def test_only_short_gaps_are_bridged():
    known = np.array([0, 1, 0, 0, 1, 0, 0, 0, 0, 1, 0], bool)
    found = fill_short_gaps(known, np.arange(11) * 0.1, 0.35)
    assert found.tolist() == [False, *[True] * 4, *[False] * 4, True, False]
