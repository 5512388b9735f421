"""Where up and the ground are, in motion files and in front of cameras."""

import dataclasses

import numpy as np
import pytest

from benchmarks._walks import noisy, walk
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.testing import a_clip
from rotoscope.pipeline.tracks import BODY_JOINTS, BodyTrack, FeatureTrack, QualityTrack
from rotoscope.retarget.common.level_frame import level_camera
from rotoscope.retarget.ground.gravity_direction import find_up
from rotoscope.retarget.ground.stage import Ground, GroundConfig, fit_ground, ground_of

UP = np.array([0.0, 0.0, 1.0])


def body_of(joints_m, **changes):
    num_frames = len(joints_m)
    known = np.isfinite(joints_m).any(axis=(1, 2))
    track = BodyTrack(
        subject="person0",
        score=np.ones(num_frames),
        valid=known,
        joints_m=joints_m,
    )
    return track.replace(**changes)


def filmed(joints_m, *, pitch_rad, height_m=1.3, distance_m=4.0):
    """The joints in the frame of a level camera that looks down by `pitch_rad`."""
    R = level_camera(pitch_rad)  # axes of the level world in the camera
    return (joints_m - np.array([-distance_m, 0.0, height_m])) @ R.T


def seen_by_camera(joints_m, **changes):
    landmarks = np.zeros((len(joints_m), 33, 2))
    return body_of(joints_m, landmarks_px=landmarks, **changes)


def angle_deg(a, b):
    return np.degrees(np.arccos(np.clip(a @ b, -1, 1)))


def clip_of(time_s):
    return a_clip(time_s)


def test_world_has_ground_at_zero_and_looks_where_the_person_faces():
    truth = walk(heading_rad=2.0)
    joints = truth.joints_m + np.array([1.0, -2.0, 0.37])
    found = fit_ground(joints, truth.time_s, UP)
    world = body_of(joints, T_world_source=found.T_world_source).joints_world_m
    toe = world[:, BODY_JOINTS.index("left_toe")]
    pelvis = world[:, BODY_JOINTS.index("pelvis")]
    assert toe[0, 2] == pytest.approx(0.02, abs=1e-6)
    np.testing.assert_allclose(pelvis[0, :2], 0.0, atol=1e-9)
    # The person walks the way it faces: along x.
    assert pelvis[-1, 0] > 5.0
    assert abs(pelvis[-1, 1]) < 0.2
    assert toe[0, 1] > 0.05  # left is y


@pytest.mark.parametrize("sigma_m", [0.005, 0.02])
def test_noise_moves_the_ground_by_less_than_itself(sigma_m):
    truth = walk()
    joints = noisy(truth.joints_m, np.random.default_rng(2), sigma_m=sigma_m)
    found = fit_ground(joints, truth.time_s, UP)
    assert abs(found.T_world_source[2, 3]) < 0.6 * sigma_m


@pytest.mark.parametrize("pitch_rad", [-0.15, 0.0, 0.2, 0.35])
def test_camera_tilt_is_found_from_how_a_person_stands_and_walks(pitch_rad):
    truth = walk(heading_rad=0.8)
    joints = filmed(truth.joints_m, pitch_rad=pitch_rad)
    joints = noisy(joints, np.random.default_rng(3), sigma_m=0.01)
    up, sigma_rad = find_up(joints, truth.time_s)
    error = np.radians(angle_deg(up, level_camera(pitch_rad)[:, 2]))
    assert np.degrees(error) < 3.0
    assert error < 3 * sigma_rad + 0.01


def test_stated_pitch_is_taken_as_it_is():
    truth = walk()
    track = seen_by_camera(filmed(truth.joints_m, pitch_rad=0.3))
    found = ground_of(track, truth.time_s, GroundConfig(camera_pitch_rad=0.3))
    np.testing.assert_allclose(found.T_world_source[2, :3], level_camera(0.3)[:, 2], atol=1e-12)
    assert found.sigma_up_rad == 0.0
    # The camera stands 1.3 m over the ground, and the ground is where the feet rest.
    assert found.T_world_source[2, 3] == pytest.approx(1.3, abs=1e-6)


def test_one_foot_on_a_box_does_not_tilt_the_world():
    still = np.repeat(walk().joints_m[:1], 60, axis=0)
    for point in ("ankle", "heel", "toe", "knee"):
        still[:, BODY_JOINTS.index(f"left_{point}"), 2] += 0.35
    up, _ = find_up(filmed(still, pitch_rad=0.1), np.arange(60) / 30)
    assert angle_deg(up, level_camera(0.1)[:, 2]) < 8.0


def test_who_is_never_seen_standing_leaves_the_camera_about_level_and_unsure():
    truth = walk()
    joints = filmed(truth.joints_m, pitch_rad=0.0)
    for side in ("left", "right"):
        for point in ("knee", "ankle", "heel", "toe"):
            joints[:, BODY_JOINTS.index(f"{side}_{point}")] = np.nan
    up, sigma_rad = find_up(joints, truth.time_s)
    assert angle_deg(up, np.array([0.0, -1.0, 0.0])) < 5.0
    assert np.degrees(sigma_rad) > 8.0


def test_body_cut_at_the_waist_has_no_contacts_and_says_so():
    truth = walk()
    joints = filmed(truth.joints_m, pitch_rad=0.0)
    for side in ("left", "right"):
        for point in ("knee", "ankle", "heel", "toe"):
            joints[:, BODY_JOINTS.index(f"{side}_{point}")] = np.nan
    stage = Ground(GroundConfig())
    out = stage.run(clip_of(truth.time_s), {"body.person0": seen_by_camera(joints)})
    assert not out["body.person0"].contact.any()
    quality = next(t for t in out.values() if isinstance(t, QualityTrack))
    assert quality.facts["ground_is_found"] is False


def test_contacts_of_the_file_are_kept_unless_asked_otherwise():
    truth = walk()
    flags = np.zeros_like(truth.contact)
    flags[5:20, 0] = True
    track = body_of(truth.joints_m, contact=flags)
    kept = ground_of(track, truth.time_s).contacts
    np.testing.assert_array_equal(kept.contact, flags)
    assert [(s.side, s.start, s.end, s.support_height_m) for s in kept.spans] == [
        ("left", 5, 20, 0.0)
    ]
    found = ground_of(track, truth.time_s, GroundConfig(contacts="find")).contacts
    assert found.contact.sum() > 100


def test_stage_gives_world_contacts_supports_and_facts():
    truth = walk(rise_m=0.15)
    out = Ground(GroundConfig()).run(
        clip_of(truth.time_s), {"body.person0": body_of(truth.joints_m)}
    )
    body = out["body.person0"]
    assert body.T_world_source is not None
    assert body.contact.shape == (len(truth.time_s), 2)
    feature = next(t for t in out.values() if isinstance(t, FeatureTrack))
    assert feature.feature == "label.support"
    np.testing.assert_array_equal(np.isfinite(feature.values), body.contact)
    quality = next(t for t in out.values() if isinstance(t, QualityTrack))
    assert quality.facts["ground_is_found"] is True
    assert quality.facts["highest_support_m"] == pytest.approx(9 * 0.15, abs=1e-6)


def test_frames_that_are_not_known_are_not_used():
    truth = walk()
    joints = truth.joints_m.copy()
    joints[50:70] += 3.0
    known = np.ones(len(joints), bool)
    known[50:70] = False
    found = ground_of(body_of(joints, valid=known), truth.time_s)
    assert not found.contacts.contact[50:70].any()
    assert abs(found.T_world_source[2, 3]) < 1e-6


def test_person_who_is_never_seen_passes_unchanged():
    joints = np.full((10, len(BODY_JOINTS), 3), np.nan)
    track = body_of(joints)
    out = Ground(GroundConfig()).run(clip_of(np.arange(10) / 30), {"body.person0": track})
    assert out == {"body.person0": track}


def test_body_without_metric_joints_is_said():
    track = dataclasses.replace(body_of(walk().joints_m), joints_m=None)
    with pytest.raises(TrackError, match="put `lift_body` before `ground`"):
        ground_of(track, walk().time_s)
    with pytest.raises(TrackError, match="no frame has a pelvis"):
        fit_ground(np.full((3, len(BODY_JOINTS), 3), np.nan), np.arange(3) / 30, UP)


def test_result_is_a_rigid_motion():
    truth = walk(heading_rad=-1.0)
    T = fit_ground(truth.joints_m, truth.time_s, UP).T_world_source
    np.testing.assert_allclose(T @ se3.inverse(T), np.eye(4), atol=1e-12)
    assert np.linalg.det(T[:3, :3]) == pytest.approx(1.0)
