import numpy as np
import pytest

from rotoscope.pipeline.stages.smooth import Smooth, SmoothConfig
from rotoscope.pipeline.testing import a_video
from rotoscope.pipeline.tracks import BODY_JOINTS, BodyTrack
from rotoscope.pipeline.types import Clip

VIDEO = a_video()
NUM = 150
SIGMA_M = np.array([0.02, 0.02, 0.05])
BONES = [
    ("pelvis", "neck"), ("neck", "head"), ("left_hip", "left_knee"), ("left_knee", "left_ankle"),
    ("right_knee", "right_ankle"), ("left_shoulder", "left_elbow"), ("left_hip", "right_hip"),
]  # fmt: skip


def at(joints, name):
    return joints[:, BODY_JOINTS.index(name)]


def squatting():
    """True joints of a person who squats: ankles stand still, knees bend [m]."""
    time_s = np.arange(NUM) / 30
    bend = 0.6 - 0.55 * np.cos(2 * np.pi * time_s / 2.5)
    out = np.zeros((NUM, len(BODY_JOINTS), 3))

    def put(name, value):
        out[:, BODY_JOINTS.index(name)] = value

    for side, sign in (("left", 1.0), ("right", -1.0)):
        ankle = np.array([0.12 * sign, 0.9, 3.0])
        zero = np.zeros(NUM)
        knee = ankle + 0.42 * np.stack([zero, -np.cos(bend), -np.sin(bend)], axis=1)
        hip = knee + 0.42 * np.stack([zero, -np.cos(bend), np.sin(bend)], axis=1)
        put(f"{side}_ankle", ankle)
        put(f"{side}_heel", ankle + np.array([0.0, 0.05, 0.05]))
        put(f"{side}_toe", ankle + np.array([0.0, 0.05, -0.14]))
        put(f"{side}_knee", knee)
        put(f"{side}_hip", hip)
        shoulder = hip + np.array([0.06 * sign, -0.5, -0.05])
        put(f"{side}_shoulder", shoulder)
        elbow = shoulder + 0.28 * np.stack([zero, np.cos(bend), -np.sin(bend)], axis=1)
        put(f"{side}_elbow", elbow)
        put(f"{side}_wrist", elbow + np.array([0.0, 0.0, -0.25]))
        put(f"{side}_hand", elbow + np.array([0.0, 0.0, -0.33]))
    for middle, name in (("pelvis", "hip"), ("neck", "shoulder")):
        put(middle, (at(out, f"left_{name}") + at(out, f"right_{name}")) / 2)
    put("head", at(out, "neck") + np.array([0.0, -0.2, 0.0]))
    return out


def noisy(seed=0, **changes):
    """What `lift_body` makes of it: the whole body is moved, and each joint."""
    rng = np.random.default_rng(seed)
    joints = squatting() + rng.normal(0, 0.012, (NUM, len(BODY_JOINTS), 3))
    joints += rng.normal(0, SIGMA_M / 2, (NUM, 1, 3))
    for middle, name in ((0, "hip"), (1, "shoulder")):
        joints[:, middle] = (at(joints, f"left_{name}") + at(joints, f"right_{name}")) / 2
    fields = {
        "subject": "person0",
        "score": np.ones(NUM),
        "valid": np.ones(NUM, bool),
        "joints_m": joints,
        "sigma_m": np.tile(SIGMA_M, (NUM, 1)),
        "sigma_joint_m": np.full((NUM, len(BODY_JOINTS)), 0.03),
    }
    return BodyTrack(**(fields | changes))


def blank(body, frames):
    valid, joints, sigma = body.valid.copy(), body.joints_m.copy(), body.sigma_m.copy()
    valid[frames], joints[frames], sigma[frames] = False, np.nan, np.nan
    return body.replace(valid=valid, joints_m=joints, sigma_m=sigma)


def smoothed(body, **config):
    clip = Clip(VIDEO, 0, 2.0 + np.arange(NUM) / 30)
    return Smooth(SmoothConfig(**config)).run(clip, {"body.person0": body})["body.person0"]


def rms(error):
    return np.sqrt((error**2).sum(axis=-1).mean())


def test_joints_come_closer_to_the_truth():
    true_m, body = squatting(), noisy()
    out = smoothed(body)
    assert rms(out.joints_m - true_m) < 0.55 * rms(body.joints_m - true_m)
    assert out.valid.all()
    assert not out.filled.any()


def test_bones_keep_their_lengths():
    out = smoothed(noisy(1, joints_m=squatting()))
    for a, b in BONES:
        lengths_m = np.linalg.norm(at(out.joints_m, a) - at(out.joints_m, b), axis=1)
        true_m = np.linalg.norm(at(squatting(), a)[0] - at(squatting(), b)[0])
        np.testing.assert_allclose(lengths_m, true_m, atol=0.002)
    middle = (at(out.joints_m, "left_hip") + at(out.joints_m, "right_hip")) / 2
    np.testing.assert_allclose(at(out.joints_m, "pelvis"), middle, atol=1e-9)


def test_feet_that_stand_still_stay_still_while_the_body_moves():
    true_m = squatting()
    moved = noisy(joints_m=true_m + np.random.default_rng(2).normal(0, 0.003, true_m.shape))
    out = smoothed(moved)
    assert np.ptp(at(true_m, "pelvis")[:, 1]) > 0.2
    for side in ("left", "right"):
        ankle = at(out.joints_m, f"{side}_ankle")
        assert np.abs(ankle - at(true_m, f"{side}_ankle")).max() < 0.01


def test_short_gap_is_filled_and_marked_and_long_gap_stays_unknown():
    out = smoothed(blank(noisy(3), np.r_[40:45, 90:120]), max_gap_s=0.25)
    assert out.filled[40:45].all()
    assert not out.valid[40:45].any()
    assert np.isfinite(out.joints_m[40:45]).all()
    assert np.isfinite(out.sigma_m[40:45]).all()
    assert rms(out.joints_m[40:45] - squatting()[40:45]) < 0.05
    for array in (out.joints_m, out.sigma_m, out.sigma_joint_m):
        assert np.isnan(array[90:120]).all()
    assert not out.filled[90:120].any()


def test_a_joint_that_was_hidden_stays_missing_and_the_others_do_not_mind():
    body = noisy(4)
    joints = body.joints_m.copy()
    hand = BODY_JOINTS.index("left_hand")
    joints[50:80, hand] = np.nan
    out = smoothed(body.replace(joints_m=joints))
    assert out.valid.all()
    assert np.isnan(out.joints_m[50:80, hand]).all()
    others = np.delete(np.arange(len(BODY_JOINTS)), hand)
    assert np.isfinite(out.joints_m[:, others]).all()
    assert np.isfinite(out.joints_m[:50, hand]).all()
    assert rms(out.joints_m[:, others] - squatting()[:, others]) < 0.02


def test_a_joint_that_is_never_there_is_no_obstacle():
    body = noisy(5)
    joints = body.joints_m.copy()
    joints[:, BODY_JOINTS.index("head")] = np.nan
    out = smoothed(body.replace(joints_m=joints))
    assert out.valid.all()
    assert np.isnan(at(out.joints_m, "head")).all()
    assert np.isfinite(at(out.joints_m, "neck")).all()


def test_a_gross_outlier_becomes_filled():
    body = noisy(6)
    joints = body.joints_m.copy()
    joints[70] += np.random.default_rng(0).normal(0, 0.4, joints[70].shape)
    out = smoothed(body.replace(joints_m=joints))
    np.testing.assert_array_equal(np.flatnonzero(out.filled), [70])
    assert not out.valid[70]
    assert rms(out.joints_m[70] - squatting()[70]) < 0.05


@pytest.mark.parametrize(("share", "is_seen"), [(0.7, True), (2.0, False)])
def test_a_body_off_its_track_counts_as_seen_within_its_stated_sigma(share, is_seen):
    true, body = squatting(), noisy(6)
    joints = true + 0.1 * (body.joints_m - true)
    joints[70] += share * np.hypot(SIGMA_M, 0.03)
    out = smoothed(body.replace(joints_m=joints))
    assert out.valid[70] == is_seen
    assert out.filled[70] != is_seen
    assert rms(out.joints_m[70] - true[70]) < 0.02


def test_sigma_keeps_the_systematic_part():
    body = noisy(7)
    common, random = (
        smoothed(body, systematic_fraction=1.0),
        smoothed(body, systematic_fraction=0.0),
    )
    assert (common.sigma_m > body.sigma_m).all()
    assert (random.sigma_m[:, 2] < body.sigma_m[:, 2]).all()
    np.testing.assert_array_equal(common.joints_m, random.joints_m)


def test_motion_without_sigma_is_smoothed_too():
    out = smoothed(noisy(8, sigma_m=None, sigma_joint_m=None))
    assert out.sigma_m is None
    assert rms(out.joints_m - squatting()) < 0.55 * rms(noisy(8).joints_m - squatting())


def test_a_body_that_was_not_lifted_is_left_alone():
    clip = Clip(VIDEO, 0, np.arange(NUM) / 30)
    unlifted = noisy(joints_m=None)
    assert Smooth(SmoothConfig()).run(clip, {"body.person0": unlifted}) == {}


def test_a_person_who_was_never_seen_stays_unknown():
    body = blank(noisy(), np.arange(NUM))
    out = smoothed(body)
    assert not out.known.any()
    assert np.isnan(out.joints_m).all()


@pytest.mark.parametrize("kinds", [["body", "lift_body"], ["hands", "lift"]])
def test_a_recipe_may_smooth_bodies_or_hands(kinds):
    from rotoscope.pipeline.registry import stage_class
    from rotoscope.pipeline.stage import matches

    provided = [name for kind in kinds for name in stage_class(kind).provides]
    assert all(any(matches(name, need) for name in provided) for need in Smooth.requires)
    assert not any(matches("camera", need) for need in Smooth.requires)
