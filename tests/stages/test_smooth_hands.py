import numpy as np
import pytest

from benchmarks import _reaches as reaches
from rotoscope.pipeline.geometry import hand_frame, se3
from rotoscope.pipeline.stages.smooth import Smooth, SmoothConfig
from rotoscope.pipeline.testing import a_video
from rotoscope.pipeline.tracks import HandTrack
from rotoscope.pipeline.types import Clip

VIDEO = a_video()
NUM = 240
SIGMA_M = np.array([0.006, 0.006, 0.020])
SIGMA_RAD = 0.08


def moving_hand(seed=0, side="right"):
    """True joints in the camera frame [m] of a hand that reaches, turns and closes."""
    rng = np.random.default_rng(seed)
    fingers = np.array([(i % 4 + 1) * 0.03 if i else 0.0 for i in range(21)])
    spread = np.array([(i - 1) // 4 * 0.02 - 0.04 if i else 0.0 for i in range(21)])
    rest = np.stack([np.zeros(21), spread, fingers], axis=1)
    curl = 0.03 * np.sin(np.arange(NUM) / 12)[:, None] * (fingers / 0.12) ** 2
    local = np.repeat(rest[None], NUM, axis=0)
    local[:, :, 0] += curl
    local = hand_frame.in_wrist_frame(local, side)
    pose = se3.make(reaches.wrist_turns(rng)[:NUM], reaches.wrist_track(rng)[0][:NUM])
    return pose, se3.apply(pose, local)


def noisy_hand(seed=0, side="right", **changes):
    """What lift makes of it: pose and joints with the noise of a monocular view."""
    rng = np.random.default_rng(seed + 100)
    true_pose, true_joints = moving_hand(seed, side)
    local = se3.apply(se3.inverse(true_pose), true_joints)
    local[:, 1:] += rng.normal(0, 0.003, (NUM, 20, 3))
    local = hand_frame.in_wrist_frame(local, side)
    turned = true_pose[:, :3, :3] @ se3.exp_so3(rng.normal(0, SIGMA_RAD / 3**0.5, (NUM, 3)))
    pose = se3.make(turned, true_pose[:, :3, 3] + rng.normal(0, SIGMA_M, (NUM, 3)))
    fields = {
        "side": side,
        "landmarks_px": rng.uniform(0, 100, (NUM, 21, 2)),
        "hand_m": np.zeros((NUM, 21, 3)),
        "score": np.ones(NUM),
        "handedness": np.ones(NUM),
        "valid": np.ones(NUM, bool),
        "T_camera_wrist": pose,
        "joints_m": se3.apply(pose, local),
        "sigma_position_m": np.tile(SIGMA_M, (NUM, 1)),
        "sigma_rotation_rad": np.full(NUM, SIGMA_RAD),
    }
    return HandTrack(**(fields | changes))


def blank(hand, frames):
    """The hand with some frames not seen."""
    valid, pose, joints = hand.valid.copy(), hand.T_camera_wrist.copy(), hand.joints_m.copy()
    sigma_m, sigma_rad = hand.sigma_position_m.copy(), hand.sigma_rotation_rad.copy()
    valid[frames] = False
    for array in (pose, joints, sigma_m, sigma_rad):
        array[frames] = np.nan
    return hand.replace(
        valid=valid, T_camera_wrist=pose, joints_m=joints,
        sigma_position_m=sigma_m, sigma_rotation_rad=sigma_rad,
    )  # fmt: skip


def smoothed(hand, **config):
    clip = Clip(VIDEO, 0, 3.0 + np.arange(len(hand.valid)) / 30)
    return Smooth(SmoothConfig(**config)).run(clip, {"hands.right": hand})["hands.right"]


def rms(error):
    return np.sqrt((error**2).sum(axis=-1).mean())


def test_pose_and_joints_come_closer_to_the_truth():
    true_pose, true_joints = moving_hand()
    hand = noisy_hand()
    out = smoothed(hand)
    before = rms(hand.joints_m - true_joints)
    assert rms(out.T_camera_wrist[:, :3, 3] - true_pose[:, :3, 3]) < 0.45 * rms(SIGMA_M)
    assert rms(out.joints_m - true_joints) < 0.5 * before
    turned = se3.angle_between(out.T_camera_wrist[:, :3, :3], true_pose[:, :3, :3])
    assert np.sqrt((turned**2).mean()) < 0.5 * SIGMA_RAD
    assert out.valid.all()
    assert not out.filled.any()


@pytest.mark.parametrize("side", ["left", "right"])
def test_joints_still_define_the_wrist_frame(side):
    hand = noisy_hand(1, side)
    np.testing.assert_allclose(
        hand_frame.wrist_pose(hand.joints_m, side), hand.T_camera_wrist, atol=1e-6
    )
    out = smoothed(hand)
    np.testing.assert_allclose(
        hand_frame.wrist_pose(out.joints_m, side), out.T_camera_wrist, atol=1e-6
    )


def test_short_gap_is_filled_and_marked_and_long_gap_stays_unknown():
    hand = blank(noisy_hand(2), np.r_[40:45, 100:130])
    out = smoothed(hand, max_gap_s=0.25)
    assert out.filled[40:45].all()
    assert not out.valid[40:45].any()
    assert np.isfinite(out.joints_m[40:45]).all()
    assert np.isfinite(out.sigma_position_m[40:45]).all()
    for array in (out.T_camera_wrist, out.joints_m, out.sigma_position_m, out.sigma_rotation_rad):
        assert np.isnan(array[100:130]).all()
    assert not out.filled[100:130].any()
    np.testing.assert_array_equal(out.known, np.isfinite(out.joints_m[:, 0, 0]))


@pytest.mark.parametrize("what", ["position", "rotation", "shape"])
def test_a_gross_outlier_becomes_filled(what):
    hand = noisy_hand(3)
    pose, joints = hand.T_camera_wrist.copy(), hand.joints_m.copy()
    local = se3.apply(se3.inverse(pose), joints)
    if what == "position":
        pose[80, :3, 3] += 0.3
    elif what == "rotation":
        pose[80, :3, :3] = pose[80, :3, :3] @ np.diag([1.0, -1.0, -1.0])
    else:
        local[80, 1:] += np.random.default_rng(0).normal(0, 0.05, (20, 3))
    out = smoothed(hand.replace(T_camera_wrist=pose, joints_m=se3.apply(pose, local)))
    np.testing.assert_array_equal(np.flatnonzero(out.filled), [80])
    np.testing.assert_array_equal(out.valid, ~out.filled)
    assert rms(out.joints_m[80] - moving_hand(3)[1][80]) < 0.04


def steady(hand, what, off):
    """The hand with a tenth of its noise, and one sample of a kind off its track."""
    true_pose, true_joints = moving_hand(3)
    local_true = se3.apply(se3.inverse(true_pose), true_joints)
    local = local_true + 0.1 * (
        se3.apply(se3.inverse(hand.T_camera_wrist), hand.joints_m) - local_true
    )
    turn = se3.log_so3(np.swapaxes(true_pose[:, :3, :3], 1, 2) @ hand.T_camera_wrist[:, :3, :3])
    position = true_pose[:, :3, 3] + 0.1 * (hand.T_camera_wrist[:, :3, 3] - true_pose[:, :3, 3])
    if what == "position":
        position[80] += off * SIGMA_M
    elif what == "rotation":
        turn[80] = 10 * off * SIGMA_RAD * np.array([1.0, 0.0, 0.0])
    else:
        local[80, 1:] += off * 0.007 * np.sign(np.random.default_rng(0).normal(size=(20, 3)))
    pose = se3.make(true_pose[:, :3, :3] @ se3.exp_so3(0.1 * turn), position)
    return hand.replace(T_camera_wrist=pose, joints_m=se3.apply(pose, local))


@pytest.mark.parametrize("what", ["position", "rotation", "shape"])
@pytest.mark.parametrize(("off", "is_seen"), [(0.85, True), (1.6, False)])
def test_what_sticks_out_of_its_neighbors_counts_as_seen_within_its_stated_sigma(
    what, off, is_seen
):
    out = smoothed(steady(noisy_hand(3), what, off))
    assert out.valid[80] == is_seen
    assert out.filled[80] != is_seen
    off_m = out.T_camera_wrist[80, :3, 3] - moving_hand(3)[0][80, :3, 3]
    # Seen or not, it has no say: the motion is that of its neighbors.
    assert np.abs(off_m / SIGMA_M).max() < 0.3


def shaky(times, where=slice(100, 160)):
    """A hand whose rotation shakes, for a while, by this many times its stated sigma."""
    hand = noisy_hand(9)
    true = moving_hand(9)[0]
    pose = true.copy()
    shake = np.random.default_rng(1).normal(0, SIGMA_RAD / 3**0.5, (NUM, 3))
    shake *= np.where(np.isin(np.arange(NUM), np.arange(NUM)[where]), times, 0.3)[:, None]
    pose[:, :3, :3] = true[:, :3, :3] @ se3.exp_so3(shake)
    local = se3.apply(se3.inverse(true), moving_hand(9)[1])
    return hand.replace(T_camera_wrist=pose, joints_m=se3.apply(pose, local))


def test_sigma_grows_where_samples_scatter_by_more_than_they_state():
    calm, wild = smoothed(shaky(0.3)), smoothed(shaky(1.4))
    assert wild.valid.mean() > 0.9
    inside, outside = slice(110, 150), np.r_[0:90, 170:NUM]
    grown = wild.sigma_rotation_rad / calm.sigma_rotation_rad
    assert np.quantile(grown[inside][wild.valid[inside]], 0.9) > 1.2
    np.testing.assert_allclose(grown[outside], 1.0, atol=0.1)


def test_samples_that_contradict_each_other_do_not_count_as_seen():
    out = smoothed(shaky(4.0))
    assert out.valid[110:150].mean() < 0.05
    assert out.valid[:90].all()
    assert out.valid[170:].all()


def test_one_sample_far_off_does_not_make_its_neighbors_doubtful():
    out = smoothed(steady(noisy_hand(3), "rotation", 8.0))
    np.testing.assert_array_equal(np.flatnonzero(~out.valid), [80])
    around = out.sigma_rotation_rad[70:90] / np.median(out.sigma_rotation_rad)
    np.testing.assert_allclose(around, 1.0, atol=0.1)


def test_without_stated_sigma_a_sample_off_its_track_was_not_seen():
    hand = steady(noisy_hand(3), "position", 0.85)
    out = smoothed(hand.replace(sigma_position_m=None, sigma_rotation_rad=None))
    assert not out.valid[80]


def test_sigma_keeps_the_systematic_part():
    hand = noisy_hand(4)
    all_common = smoothed(hand, systematic_fraction=1.0)
    none_common = smoothed(hand, systematic_fraction=0.0)
    assert (all_common.sigma_position_m > hand.sigma_position_m).all()
    assert (none_common.sigma_position_m < hand.sigma_position_m).all()
    assert (all_common.sigma_rotation_rad > SIGMA_RAD).all()
    assert (none_common.sigma_rotation_rad < SIGMA_RAD).all()
    np.testing.assert_array_equal(all_common.T_camera_wrist, none_common.T_camera_wrist)


def test_truth_lies_within_two_sigma_when_all_noise_is_random():
    hand, (true_pose, _) = noisy_hand(5), moving_hand(5)
    out = smoothed(hand, systematic_fraction=0.0)
    off_m = np.abs(out.T_camera_wrist[:, :3, 3] - true_pose[:, :3, 3])
    assert (off_m < 2 * out.sigma_position_m).mean() > 0.88
    off_rad = se3.angle_between(out.T_camera_wrist[:, :3, :3], true_pose[:, :3, :3])
    assert (off_rad < 2 * out.sigma_rotation_rad).mean() > 0.9


def test_image_landmarks_and_what_lift_did_not_make_are_left_alone():
    hand = noisy_hand(6)
    out = smoothed(hand)
    for name in ("landmarks_px", "hand_m", "score", "handedness"):
        assert getattr(out, name) is getattr(hand, name)
    flat = hand.replace(T_camera_wrist=None, joints_m=None)
    clip = Clip(VIDEO, 0, np.arange(NUM) / 30)
    assert Smooth(SmoothConfig()).run(clip, {"hands.right": flat}) == {}


@pytest.mark.parametrize("num_frames", [1, 2, 3])
def test_a_clip_of_few_frames_is_returned_as_it_is(num_frames):
    hand = noisy_hand(7).slice(0, num_frames)
    out = smoothed(hand)
    np.testing.assert_allclose(out.joints_m, hand.joints_m, atol=1e-4)
    assert out.valid.all()
    assert np.isfinite(out.sigma_position_m).all()


def test_one_or_no_valid_frame_in_a_clip():
    one = smoothed(blank(noisy_hand(8), np.r_[0:100, 101:NUM]))
    np.testing.assert_array_equal(np.flatnonzero(one.known), [100])
    np.testing.assert_allclose(one.joints_m[100], noisy_hand(8).joints_m[100], atol=1e-6)
    none = smoothed(blank(noisy_hand(8), np.arange(NUM)))
    assert not none.known.any()
    assert np.isnan(none.joints_m).all()


def test_same_input_gives_the_same_bytes():
    hand = blank(noisy_hand(9), np.r_[10:14])
    one, two = smoothed(hand), smoothed(hand)
    assert one.joints_m.tobytes() == two.joints_m.tobytes()
    assert one.sigma_position_m.tobytes() == two.sigma_position_m.tobytes()
