import numpy as np
import pytest

from benchmarks._synthetic_hands import RELAXED, Script, grasp, play
from benchmarks.gripper import _width_figures
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.testing import a_clip, a_hand_track
from rotoscope.retarget.gripper.hand_shape import aperture
from rotoscope.retarget.gripper.stage import RetargetGripper


def make_clip(num, rate_hz=30.0):
    return a_clip(num, rate_hz=rate_hz)


def make_hand(joints, side="right", **changes):
    return a_hand_track(joints, side=side, **changes)


def joints_of_a_grasp():
    story = Script([0.0], [RELAXED], [RELAXED], [np.array([0.0, 0.0, 0.6])], [])
    move = np.array([0.3, 0.0, 0.0])
    grasp(story, width_m=0.05, kind="power", reach_m=move, carry_m=-move)
    return play(story, np.arange(0.0, story.time_s[-1], 1 / 30))


def follow(hand, **config):
    stage = RetargetGripper(RetargetGripper.Config(**config))
    tracks = stage.run(make_clip(hand.num_frames), {f"hands.{hand.side}": hand})
    return tracks[f"gripper.{hand.side}"]


def test_opening_is_the_aperture_in_meters_of_the_gripper():
    joints = joints_of_a_grasp()
    gripper = follow(make_hand(joints), max_opening_m=0.08)
    np.testing.assert_allclose(gripper.opening * 0.08, np.clip(aperture(joints), 0, 0.08))
    np.testing.assert_allclose(gripper.aperture_m, aperture(joints))


def test_grasp_is_marked_and_the_width_stays_measured():
    gripper = follow(make_hand(joints_of_a_grasp()))
    assert 30 < gripper.grasping.sum() < 60
    held = gripper.opening[gripper.grasping] * 0.08
    assert np.median(held) == pytest.approx(0.05, abs=0.003)


def test_close_closes_the_gripper_only_while_holding():
    hand = make_hand(joints_of_a_grasp())
    measured, closing = follow(hand, during_grasp="measured"), follow(hand, during_grasp="close")
    assert (closing.opening[closing.grasping] == 0).all()
    free = ~closing.grasping
    np.testing.assert_array_equal(closing.opening[free], measured.opening[free])


def test_held_thing_keeps_its_width_however_the_measured_one_wanders():
    hand = make_hand(joints_of_a_grasp())
    measured, held = follow(hand, during_grasp="measured"), follow(hand)
    inside = held.grasping & held.valid
    assert inside.sum() > 10
    assert np.ptp(held.opening[inside]) == 0
    assert held.opening[inside][0] == pytest.approx(np.median(measured.opening[inside]))
    free = ~held.grasping
    np.testing.assert_array_equal(held.opening[free], measured.opening[free])
    np.testing.assert_array_equal(held.aperture_m, measured.aperture_m)


def test_every_hand_gets_its_gripper_and_other_tracks_are_left_alone():
    joints = joints_of_a_grasp()
    hands = {f"hands.{side}": make_hand(joints, side) for side in ("left", "right")}
    stage = RetargetGripper(RetargetGripper.Config())
    tracks = stage.run(make_clip(len(joints)), {**hands, "handsome": make_hand(joints)})
    assert sorted(tracks) == ["gripper.left", "gripper.right"]
    assert tracks["gripper.left"].side == "left"


def test_no_hands_give_no_grippers():
    assert RetargetGripper(RetargetGripper.Config()).run(make_clip(10), {}) == {}


def test_hand_without_metric_joints_names_the_missing_stage():
    hand = make_hand(joints_of_a_grasp(), joints_m=None)
    with pytest.raises(TrackError, match="put the stage 'lift' before"):
        follow(hand)


def test_missing_frames_are_nan_and_not_valid():
    joints = joints_of_a_grasp()
    joints[10:14] = np.nan
    gripper = follow(make_hand(joints))
    gone = np.zeros(len(joints), dtype=bool)
    gone[10:14] = True
    np.testing.assert_array_equal(gripper.known, ~gone)
    for name in ("T_camera_ee", "aperture_m", "opening", "sigma_position_m", "sigma_rotation_rad"):
        array = getattr(gripper, name)
        assert np.isnan(array[gone]).all(), name
        assert np.isfinite(array[~gone]).all(), name


def test_filled_frames_have_values_but_are_not_valid():
    joints = joints_of_a_grasp()
    valid = np.ones(len(joints), dtype=bool)
    valid[20:25] = False
    gripper = follow(make_hand(joints, valid=valid, filled=~valid))
    assert gripper.filled[20:25].all()
    assert not gripper.valid[20:25].any()
    assert np.isfinite(gripper.T_camera_ee).all()


def test_unfilled_frames_are_ignored_even_where_they_hold_numbers():
    joints = joints_of_a_grasp()
    valid = np.ones(len(joints), dtype=bool)
    valid[20:25] = False
    gripper = follow(make_hand(joints, valid=valid))
    assert np.isnan(gripper.opening[20:25]).all()
    assert not gripper.filled.any()


@pytest.mark.parametrize("num", [1, 2, 40])
def test_hand_that_is_never_seen_gives_an_empty_track(num):
    gripper = follow(make_hand(np.full((num, 21, 3), np.nan)))
    assert gripper.num_frames == num
    assert not gripper.known.any()
    assert not gripper.grasping.any()
    assert np.isnan(gripper.opening).all()


def test_single_frame_has_a_pose_and_no_grasp():
    gripper = follow(make_hand(joints_of_a_grasp()[:1]))
    assert gripper.valid.all()
    assert not gripper.grasping.any()
    assert np.isfinite(gripper.T_camera_ee).all()


def test_uncertainty_of_the_hand_is_carried_over():
    joints = joints_of_a_grasp()
    sure = follow(make_hand(joints))
    unsure = follow(make_hand(joints, sigma_rotation_rad=np.full(len(joints), 0.3)))
    assert (unsure.sigma_position_m > sure.sigma_position_m).all()
    assert (unsure.sigma_rotation_rad > sure.sigma_rotation_rad).all()
    assert (sure.sigma_position_m > 0.01).all()


def test_unknown_uncertainty_stays_unknown():
    hand = make_hand(joints_of_a_grasp(), sigma_position_m=None, sigma_rotation_rad=None)
    gripper = follow(hand)
    assert gripper.valid.all()
    assert np.isnan(gripper.sigma_position_m).all()
    assert np.isnan(gripper.sigma_rotation_rad).all()


def test_same_input_gives_the_same_output():
    hand = make_hand(joints_of_a_grasp())
    first, second = follow(hand), follow(hand)
    for name in ("T_camera_ee", "opening", "grasping", "sigma_rotation_rad"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


@pytest.mark.realdata
def test_width_follows_a_recorded_hand(shared_data):
    path = shared_data / "dex_retargeting" / "human_joint_right.pkl"
    figures = _width_figures(np.array(np.load(path, allow_pickle=True)))
    missed = [f.line() for f in figures if f.passed is False and f.name != "gripper.cpu"]
    assert missed == []
