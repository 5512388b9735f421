"""What no body does is found, and what people do is left alone."""

import numpy as np
import pytest
from walkers import walker

from benchmarks._walks import noisy
from rotoscope.pipeline.testing import a_body_track, a_clip
from rotoscope.pipeline.tracks import BODY_JOINTS, BodyTrack
from rotoscope.retarget.ground.possible_motion import (
    floating,
    impossible_steps,
    impossible_travel,
)
from rotoscope.retarget.ground.stage import Ground, GroundConfig


def walked(rate_hz: float = 60.0, **options: float) -> tuple[np.ndarray, np.ndarray]:
    made = walker(rate_hz=rate_hz, **options)
    return made.joints_m, made.time_s


def jumped(rate_hz: float = 30.0, *, height_m: float = 0.4) -> tuple[np.ndarray, np.ndarray]:
    """Stands, jumps straight up and lands, three times."""
    standing = walker(rate_hz=rate_hz).joints_m[0]
    flight_s = 2 * np.sqrt(2 * height_m / 9.81)
    t = np.arange(0, 6, 1 / rate_hz)
    at = t % 2.0 - 0.7
    z = np.where((at > 0) & (at < flight_s), 0.5 * 9.81 * at * (flight_s - at), 0.0)
    return standing + np.stack([0 * z, 0 * z, z], axis=1)[:, None], t


@pytest.mark.parametrize(
    "motion",
    [
        walked(),
        walked(rate_hz=30.0, stride_m=2.6, stride_s=0.7),
        walked(rise_m=0.17),
        jumped(),
        jumped(120.0, height_m=1.0),
    ],
    ids=["walk", "run", "stairs", "jump", "best jump"],
)
def test_what_people_do_is_possible(motion):
    joints, time_s = motion
    assert impossible_steps(joints, time_s).facts == {}
    assert impossible_travel(joints, time_s).facts == {}


def test_noise_of_tracking_is_no_jump():
    joints, time_s = walked(30.0)
    for seed in range(3):
        shaken = noisy(joints, np.random.default_rng(seed), sigma_m=0.02)
        assert not impossible_steps(shaken, time_s).frames.any()


@pytest.mark.parametrize("rate_hz", [30.0, 120.0])
def test_first_frame_of_another_pose_is_dropped_alone(rate_hz):
    joints, time_s = walked(rate_hz)
    joints = joints.copy()
    joints[0] += [2.5, 0, 0]
    found = impossible_steps(joints, time_s)
    assert list(np.flatnonzero(found.frames)) == [0]
    arms_only = walked(rate_hz)[0].copy()
    for side, sign in (("left", 1), ("right", -1)):
        for name, reach in (("elbow", 0.3), ("wrist", 0.55), ("hand", 0.62)):
            shoulder = arms_only[0, BODY_JOINTS.index(f"{side}_shoulder")]
            arms_only[0, BODY_JOINTS.index(f"{side}_{name}")] = shoulder + np.array(
                [0, sign * reach, 0]
            )
    assert list(np.flatnonzero(impossible_steps(arms_only, time_s).frames)) == [0]


def test_spike_is_dropped_alone_and_a_second_take_is_cut_off():
    joints, time_s = walked()
    spiked = joints.copy()
    spiked[100] += [0.0, 0.8, 0.0]
    assert list(np.flatnonzero(impossible_steps(spiked, time_s).frames)) == [100]
    takes = joints.copy()
    takes[150:] += [0.0, 3.0, 0.0]
    assert list(np.flatnonzero(impossible_steps(takes, time_s).frames)) == [149, 150]


def test_path_in_centimeters_is_nobodys():
    joints, time_s = walked()
    pelvis = joints[:, [BODY_JOINTS.index("pelvis")]]
    found = impossible_steps(joints + 99 * (pelvis - pelvis[0]), time_s)
    walking = np.linalg.norm(np.diff(pelvis[:, 0], axis=0), axis=1) * 60 > 0.15
    assert found.frames[1:-1][walking[1:]].mean() > 0.95
    assert found.facts["fastest_m_s"] > 50


@pytest.mark.parametrize("factor", [4.0, 8.0])
def test_body_that_travels_faster_than_its_steps_glides(factor):
    joints, time_s = walked()
    pelvis = joints[:, [BODY_JOINTS.index("pelvis")]] * [1, 1, 0]
    moved = joints + (factor - 1) * (pelvis - pelvis[0])
    found = impossible_travel(moved, time_s)
    assert found.facts["gliding_frames"] > 0.5 * len(time_s)


@pytest.mark.parametrize("slower", [2.0, 4.0, 0.5])
def test_fall_tells_the_wrong_clock(slower):
    joints, time_s = jumped(60.0)
    found = impossible_travel(joints, slower * time_s)
    assert found.frames.all()
    assert found.facts["times_too_slow"] == pytest.approx(slower, rel=0.15)


def test_flight_without_end_is_no_jump():
    joints, time_s = walked()
    joints = joints.copy()
    joints[100:220, :, 2] += 0.7 + 0.05 * np.sin(np.arange(120) / 5)[:, None]
    ramp = np.linspace(0, 1, 30)
    joints[70:100, :, 2] += 0.7 * (ramp**3 * (10 - 15 * ramp + 6 * ramp**2))[:, None]
    joints[220:250, :, 2] += 0.7 * (ramp**3 * (10 - 15 * ramp + 6 * ramp**2))[::-1, None]
    found = impossible_travel(joints, time_s)
    assert found.frames[100:220].all()
    assert not found.frames[:75].any()


def test_who_hangs_on_a_bar_does_not_fly():
    joints, time_s = walked()
    hanging = np.repeat(joints[:1], 180, axis=0)
    hanging[:, :, 2] += 0.6
    swing = 0.6 * np.sin(np.arange(180) / 12)
    low = hanging[:, :, 2] < 1.2
    hanging[:, :, 0] += np.where(low, swing[:, None], 0.0)
    assert impossible_travel(hanging, time_s[:180]).facts == {}


def test_ground_marks_what_cannot_be_and_stands_on_the_rest():
    joints, time_s = walked()
    clip = a_clip(len(time_s), rate_hz=60.0)
    good = a_body_track(joints)
    bad_joints = joints.copy()
    bad_joints[0] += [2.5, 0.0, -1.0]
    grounds = [
        Ground(GroundConfig(up="z")).run(clip, {"body.person0": track})
        for track in (good, good.replace(joints_m=bad_joints))
    ]
    bodies = [tracks["body.person0"] for tracks in grounds]
    assert all(isinstance(body, BodyTrack) for body in bodies)
    assert bodies[0].implausible is None
    assert list(np.flatnonzero(bodies[1].implausible)) == [0]
    assert not bodies[1].valid[0]
    np.testing.assert_array_equal(bodies[1].contact[1:], bodies[0].contact[1:])
    assert grounds[1]["quality.ground.person0"].facts["jump_frames"] == 1


@pytest.mark.parametrize("faster", [2.5, 4.0, 5.0])
def test_clock_that_runs_too_fast_drops_the_body_by_more_than_its_weight(faster):
    joints, time_s = walked()
    joints = joints.copy()
    # Walks of people bob by 4 cm; the made-up one hardly does.
    joints[:, :, 2] += 0.02 * np.sin(2 * np.pi * time_s / 0.55)[:, None]
    assert not impossible_travel(joints, time_s).frames.any()
    found = impossible_travel(joints, time_s / faster)
    assert found.frames.all() == (faster > 2.5)
    assert ("dropped_frames" in found.facts) == (faster > 2.5)


def test_noise_of_a_track_drops_nobody():
    joints, time_s = walked()
    noisy = joints + np.random.default_rng(3).normal(0, 0.03, joints.shape)
    assert "dropped_frames" not in impossible_travel(noisy, time_s).facts


@pytest.mark.parametrize("lift_m", [0.5, 1.0])
def test_body_that_goes_on_in_the_air_after_a_jump_floats(lift_m):
    joints, time_s = walked()
    joints = joints.copy()
    joints[150:, :, 2] += lift_m
    steps = impossible_steps(joints, time_s)
    assert steps.jumps == (150,)
    found = floating(joints, steps.jumps)
    assert found.frames[150:].all()
    assert not found.frames[:150].any()


def test_jump_along_the_ground_floats_nowhere():
    joints, time_s = walked()
    joints = joints.copy()
    joints[150:, :, 0] += 2.0
    assert not floating(joints, impossible_steps(joints, time_s).jumps).frames.any()
    assert not floating(joints, ()).frames.any()


def test_arms_of_a_t_pose_in_front_are_a_jump():
    joints, time_s = walked()
    joints = joints.copy()
    for side, sign in (("left", 1), ("right", -1)):
        shoulder = joints[:, BODY_JOINTS.index(f"{side}_shoulder")]
        for part, far_m in (("elbow", 0.28), ("wrist", 0.53), ("hand", 0.6)):
            joint = BODY_JOINTS.index(f"{side}_{part}")
            joints[:, joint] = shoulder - [0, 0, far_m]
            joints[0, joint] = shoulder[0] + [0, sign * far_m, 0]
    assert np.flatnonzero(impossible_steps(joints, time_s).frames).tolist() == [0]


@pytest.mark.parametrize(("stride_m", "stride_s"), [(1.8, 0.9), (2.4, 1.0), (2.6, 0.7)])
def test_feet_that_slide_under_a_body_that_stays_are_no_walk(stride_m, stride_s):
    joints, time_s = walked(stride_m=stride_m, stride_s=stride_s)
    pelvis = joints[:, BODY_JOINTS.index("pelvis")]
    treadmill = joints - (pelvis - pelvis[0])[:, None] * [1, 1, 0]
    found = impossible_travel(treadmill, time_s)
    assert found.frames.all()
    assert found.facts == {"gliding_frames": len(time_s)}


def test_hops_on_the_spot_and_steps_on_the_spot_are_no_treadmill():
    joints, time_s = jumped(60.0, height_m=0.05)
    assert impossible_travel(joints, time_s).facts == {}
    steps, time_s = walked(stride_m=0.05)
    assert impossible_travel(steps, time_s).facts == {}
