"""A follower learns from a few episodes how hard a robot pushes to go where tracks lead."""

import numpy as np
import pytest

from rotoscope.models.motion_tracks.follow import inputs_of, learn_follower
from rotoscope.models.motion_tracks.recover import RecoveredActions
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.geometry import se3

STEPS = 3
APERTURE_M = 0.05


def told(way_m, held, turn_rad=None):
    """Inputs of rows that go `way_m` a step, (row, 3)."""
    num = len(way_m)
    now = se3.make(
        se3.exp_so3(np.random.default_rng(9).normal(0, 0.5, (num, 3))), np.ones((num, 3))
    )
    later_m = now[:, None, :3, 3] + way_m[:, None] * np.arange(1, STEPS + 1)[:, None]
    turn = np.zeros((num, 3)) if turn_rad is None else turn_rad
    R = se3.exp_so3(turn)[:, None] @ now[:, None, :3, :3]
    T = se3.make(np.broadcast_to(R, (num, STEPS, 3, 3)), later_m)
    found = RecoveredActions(T, np.full((num, STEPS), APERTURE_M), np.zeros((num, STEPS)))
    held = np.repeat(np.asarray(held, float)[:, None], STEPS, axis=1)
    return inputs_of(found, held, T_world_ee=now, aperture_m=np.full(num, APERTURE_M))


def law(way_m, held):
    """A robot that moves by 50 for each meter, and lifts at its limit as soon as it holds."""
    action = np.clip(50 * way_m, -1, 1)
    action[:, 2] = np.where(held, 1.0, action[:, 2])
    return action


def episodes(num=5, rows=60, reach_m=0.015):
    inputs, actions = [], []
    for seed in range(num):
        rng = np.random.default_rng(seed)
        way_m, held = rng.uniform(-reach_m, reach_m, (rows, 3)), np.arange(rows) > rows // 2
        # Under load the hand creeps, although the robot pushes as hard as it can.
        way_m[held, 2] = rng.uniform(0, 0.002, held.sum())
        inputs.append(told(way_m, held))
        actions.append(law(way_m, held))
    return inputs, actions


def test_it_pushes_as_hard_as_the_robot_did_where_a_load_slows_the_hand():
    follow = learn_follower(*episodes())
    way_m = np.random.default_rng(77).uniform(-0.015, 0.015, (40, 3))
    way_m[:, 2] = 0.001
    lifting, free = follow(told(way_m, np.ones(40))), follow(told(way_m, np.zeros(40)))
    assert lifting[:, 2].min() > 0.85
    np.testing.assert_allclose(free[:, 2], 0.05, atol=0.15)
    np.testing.assert_allclose(lifting[:, :2], law(way_m, np.ones(40, bool))[:, :2], atol=0.15)


def test_far_from_what_it_saw_it_goes_on_in_a_straight_line_and_never_beyond_the_limits():
    follow = learn_follower(*episodes(reach_m=0.005))
    way_m = np.array([[0.012, 0, 0], [-0.012, 0, 0], [0, 0.3, 0]])
    actions = follow(told(way_m, np.zeros(3)))
    assert actions[0, 0] > 0.2
    assert actions[1, 0] < -0.2
    seen = np.concatenate(episodes(reach_m=0.005)[1])
    assert (actions <= seen.max(axis=0) + 1e-12).all()
    assert (actions >= seen.min(axis=0) - 1e-12).all()


def test_noise_of_a_rotation_that_stays_does_not_drown_the_way():
    rng = np.random.default_rng(3)
    inputs, actions = [], []
    for one in range(5):
        way_m = np.random.default_rng(one).uniform(-0.015, 0.015, (60, 3))
        inputs.append(told(way_m, np.zeros(60), rng.normal(0, 0.03, (60, 3))))
        actions.append(law(way_m, np.zeros(60, bool)))
    follow = learn_follower(inputs, actions)
    way_m = np.random.default_rng(50).uniform(-0.015, 0.015, (40, 3))
    found = follow(told(way_m, np.zeros(40), rng.normal(0, 0.03, (40, 3))))
    assert np.abs(found - law(way_m, np.zeros(40, bool))).mean() < 0.06


def test_turn_of_a_step_is_told_in_the_axes_of_the_world():
    turn_rad = np.array([[0.0, 0.0, 0.3]])
    inputs = told(np.zeros((1, 3)), [1], turn_rad)
    assert inputs.shape == (1, 7 * STEPS + 1)
    np.testing.assert_allclose(
        inputs[0, 3 * STEPS : 6 * STEPS].reshape(STEPS, 3)[1], turn_rad[0], atol=1e-9
    )
    np.testing.assert_allclose(inputs[0, 6 * STEPS :], [1, 1, 1, APERTURE_M])


def test_row_whose_tracks_could_not_be_placed_has_no_action_and_teaches_nothing():
    inputs, actions = episodes()
    spoiled = [one.copy() for one in inputs]
    spoiled[0][3, 1] = np.nan
    actions[0][3] = 1e6
    follow = learn_follower(spoiled, actions)
    assert follow.upper.max() <= 1
    found = follow(spoiled[0][:6])
    assert np.isnan(found[3]).all()
    assert np.isfinite(np.delete(found, 3, axis=0)).all()


def test_what_cannot_be_learned_from_or_followed_is_refused():
    inputs, actions = episodes()
    with pytest.raises(TrackError, match="give the same"):
        learn_follower(inputs, [one[:-1] for one in actions])
    with pytest.raises(TrackError, match="needs 10 rows"):
        learn_follower([inputs[0][:5]], [actions[0][:5]])
    follow = learn_follower(inputs, actions)
    with pytest.raises(TrackError, match="same number of steps"):
        follow(inputs[0][:, :8])
