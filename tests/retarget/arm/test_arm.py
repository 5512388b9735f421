"""The stage: one action track per followed hand, every frame with a value or a reason."""

import numpy as np
import pytest
from pydantic import ValidationError

from benchmarks._arm_clips import APPROACHES, axes, working_hand
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.testing import a_clip
from rotoscope.pipeline.tracks import REASONS, ActionTrack, GripperTrack, Track
from rotoscope.pipeline.types import Clip
from rotoscope.retarget.arm.stage import RetargetArm, RetargetArmConfig
from rotoscope.retarget.common.hand_choice import choose_hands
from rotoscope.retarget.optimize.violations import velocity_violations

NUM_FRAMES = 200


@pytest.fixture(scope="module")
def hand():
    approach = axes(*APPROACHES["down"])
    return working_hand("down", 4, approach, num_frames=NUM_FRAMES)


def clip_at(time_s: np.ndarray) -> Clip:
    return a_clip(time_s)


def run(gripper: GripperTrack, time_s: np.ndarray, **config) -> dict[str, Track]:
    stage = RetargetArm(RetargetArmConfig(**config))
    return stage.run(clip_at(time_s), {f"gripper.{gripper.side}": gripper})


def label(gripper: GripperTrack, time_s: np.ndarray, **config) -> ActionTrack:
    track = run(gripper, time_s, **config)[f"actions.retarget.arm.{gripper.side}"]
    assert isinstance(track, ActionTrack)
    return track


def frames_with(track: ActionTrack, reason: str) -> np.ndarray:
    return np.flatnonzero(track.reason == REASONS.index(reason))


def unseen(gripper: GripperTrack, frames: slice) -> GripperTrack:
    T, opening, valid = gripper.T_camera_ee.copy(), gripper.opening.copy(), gripper.valid.copy()
    T[frames], opening[frames], valid[frames] = np.nan, np.nan, False
    return gripper.replace(T_camera_ee=T, opening=opening, valid=valid)


def test_working_hand_becomes_valid_actions(panda, hand):
    track = label(hand.gripper, hand.time_s)
    assert track.labeler == "retarget.arm"
    assert track.subject == "right"
    assert track.valid.mean() > 0.95
    assert (track.confidence[track.valid] > 0.3).all()
    assert not track.contract.violations(track.values).any()
    assert not track.contract.rate_violations(track.values).any()
    assert track.contract.rate_hz == pytest.approx(30.0)


def test_reached_end_effector_is_what_the_joints_give(panda, hand):
    track = label(hand.gripper, hand.time_s)
    pose = panda.pose(track.values[:, :7])
    np.testing.assert_allclose(track.ee_values[:, :3], pose.p_m, atol=1e-12)
    np.testing.assert_array_equal(track.ee_values[:, 6], track.values[:, 7])
    in_camera = track.T_camera_base @ pose.matrix
    away = np.linalg.norm(in_camera[:, :3, 3] - hand.gripper.T_camera_ee[:, :3, 3], axis=1)
    np.testing.assert_allclose(away, track.target_error_m, atol=1e-9)


def test_long_gap_stays_unknown_and_short_gap_is_bridged_but_invalid(panda, hand):
    gripper = unseen(unseen(hand.gripper, slice(40, 43)), slice(100, 150))
    track = label(gripper, hand.time_s)
    assert np.isnan(track.values[100:150]).all()
    assert frames_with(track, "not_seen").tolist() == list(range(100, 150))
    assert np.isfinite(track.values[40:43]).all()
    assert frames_with(track, "gap_filled").tolist() == [40, 41, 42]
    assert not track.valid[40:43].any()
    assert (track.confidence[[40, 41, 42, 120]] == 0.0).all()
    limits = np.array([d.max_rate for d in track.contract.dimensions])
    assert not velocity_violations(track.values, hand.time_s, limits).any()


def test_filled_frames_have_values_but_are_not_valid(panda, hand):
    filled = np.zeros(NUM_FRAMES, bool)
    filled[60:70] = True
    gripper = hand.gripper.replace(filled=filled, valid=~filled)
    track = label(gripper, hand.time_s)
    assert frames_with(track, "gap_filled").tolist() == list(range(60, 70))
    assert np.isfinite(track.values[60:70]).all()
    assert (track.confidence[60:70] == 0).all()
    assert not track.group_valid[60:70].any()


def test_poses_out_of_reach_are_unreachable(panda, hand):
    T = hand.gripper.T_camera_ee.copy()
    T[90:110, :3, 3] += np.array([0.0, 0.0, 2.0])
    track = label(hand.gripper.replace(T_camera_ee=T), hand.time_s)
    assert set(range(90, 110)) <= set(frames_with(track, "unreachable").tolist())
    assert not track.valid[90:110].any()
    assert (track.target_error_m[90:110] > 0.5).all()


def test_jump_of_the_hand_is_a_velocity_limit(panda, hand):
    still = hand.gripper.T_camera_ee.copy()
    still[:] = still[0]
    still[100:, 0, 3] += 0.3
    track = label(hand.gripper.replace(T_camera_ee=still), hand.time_s)
    lagging = frames_with(track, "velocity_limit")
    assert len(lagging) > 3
    assert set(lagging) <= set(range(70, 130))
    assert len(frames_with(track, "unreachable")) <= 3


def jittering(hand, sigma_rad):
    """The hand with a jitter of its rotation that no joint is fast enough for."""
    T = hand.gripper.T_camera_ee.copy()
    jitter = np.random.default_rng(0).normal(0.0, np.deg2rad(5.0), (NUM_FRAMES, 3))
    T[:, :3, :3] = T[:, :3, :3] @ se3.exp_so3(jitter)
    return hand.gripper.replace(
        T_camera_ee=T, sigma_rotation_rad=np.full(NUM_FRAMES, np.deg2rad(sigma_rad))
    )


def test_arm_too_slow_for_a_jitter_inside_its_sigma_is_slowed_not_dropped(panda, hand):
    made = run(jittering(hand, 12.0), hand.time_s)
    track = made["actions.retarget.arm.right"]
    beyond = track.target_error_rad > RetargetArmConfig().tolerance_rotation_rad
    assert beyond.mean() > 0.1
    assert track.valid[beyond].mean() > 0.9
    assert made["quality.retarget.arm.right"].facts["slowed_frames"] == int(
        (beyond & track.valid).sum()
    )
    limits = np.array([d.max_rate for d in track.contract.dimensions])
    assert not velocity_violations(track.values, hand.time_s, limits).any()


def test_the_same_jitter_beyond_its_sigma_is_a_velocity_limit(panda, hand):
    made = run(jittering(hand, 0.5), hand.time_s)
    track = made["actions.retarget.arm.right"]
    beyond = track.target_error_rad > RetargetArmConfig().tolerance_rotation_rad
    assert not track.valid[beyond].any()
    assert set(np.flatnonzero(beyond)) <= set(frames_with(track, "velocity_limit"))
    assert made["quality.retarget.arm.right"].facts["slowed_frames"] == 0


def test_position_is_valid_by_itself_where_only_the_rotation_is_too_fast(panda, hand):
    track = label(jittering(hand, 0.5), hand.time_s)
    assert track.groups == ("position", "rotation", "gripper")
    position, rotation, gripper = track.group_valid.T
    assert gripper.all()
    assert (position & ~rotation).mean() > 0.1
    np.testing.assert_array_equal(track.valid, position & rotation)
    alone = track.judged_for("ee_position")
    np.testing.assert_array_equal(alone.valid, position)
    np.testing.assert_array_equal(alone.reason == 0, position)
    assert alone.confidence[position].min() > track.confidence[position].min()


def test_gripper_that_cannot_follow_is_a_velocity_limit(panda, hand):
    opening = np.where(np.arange(NUM_FRAMES) < 100, 1.0, 0.0)
    track = label(hand.gripper.replace(opening=opening), hand.time_s)
    assert {98, 99, 100, 101} <= set(frames_with(track, "velocity_limit").tolist())
    percent_s = np.abs(np.diff(track.values[:, 7])) * 30.0
    assert percent_s.max() <= 125.0


def test_hand_never_seen_gives_no_value_and_no_base(panda, hand):
    track = label(unseen(hand.gripper, slice(None)), hand.time_s, side="right")
    assert np.isnan(track.values).all()
    assert not track.valid.any()
    assert track.T_camera_base is None


def test_sides_are_chosen_by_work(hand):
    still = hand.gripper.T_camera_ee.copy()
    still[:] = still[0]
    resting = hand.gripper.replace(side="left", T_camera_ee=still)
    both = [hand.gripper, resting]
    assert [g.side for g in choose_hands(both, "best")] == ["right"]
    assert [g.side for g in choose_hands(both, "each")] == ["left", "right"]
    assert [g.side for g in choose_hands(both, "left")] == ["left"]
    assert choose_hands([unseen(resting, slice(None))], "best") == []
    assert choose_hands([], "best") == []


def test_every_hand_can_have_its_own_arm(panda, hand):
    left = hand.gripper.replace(side="left")
    stage = RetargetArm(RetargetArmConfig(side="each"))
    tracks = {"gripper.left": left, "gripper.right": hand.gripper}
    assert sorted(stage.run(clip_at(hand.time_s), tracks)) == [
        "actions.retarget.arm.left",
        "actions.retarget.arm.right",
        "quality.retarget.arm.left",
        "quality.retarget.arm.right",
    ]


def test_same_input_gives_the_same_bytes(panda, hand):
    first, again = label(hand.gripper, hand.time_s), label(hand.gripper, hand.time_s)
    assert first.values.tobytes() == again.values.tobytes()


def test_later_start_gives_the_same_actions(panda, hand):
    now, later = label(hand.gripper, hand.time_s), label(hand.gripper, hand.time_s + 600.0)
    np.testing.assert_allclose(later.values, now.values, atol=1e-5)


def test_cache_token_follows_the_robot_files(panda, tiny):
    stage = RetargetArm(RetargetArmConfig(robot=str(tiny)))
    assert stage.cache_token() != RetargetArm(RetargetArmConfig()).cache_token()


def test_arm_with_fewer_joints_follows_what_it_can(tiny, hand):
    track = label(hand.gripper, hand.time_s, robot=str(tiny))
    assert track.contract.names == [
        "tiny_shoulder.pos",
        "tiny_elbow.pos",
        "tiny_slide.pos",
        "tiny_gripper.pos",
    ]
    assert [d.unit for d in track.contract.dimensions] == ["rad", "rad", "m", "percent"]
    assert not track.contract.violations(track.values).any()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"T_camera_base": np.diag([1.0, 1.0, 2.0, 1.0]).tolist()}, "must be a rigid motion"),
        ({"side": "all"}, "'best', 'left', 'right', 'each' or 'both'"),
        ({"tolerance_position_m": 0}, "greater than 0"),
        ({"camera_pitch_rad": 30}, "less than or equal to 1.57"),
    ],
)
def test_impossible_settings_are_refused(config, message):
    with pytest.raises(ValidationError, match=message):
        RetargetArmConfig(**config)
