import dataclasses

import numpy as np
import pytest
from body_shapes import HEIGHT, LENGTHS_M, STATURE_M, WIDTH, K, body_m, landmarks_of, project
from pydantic import ValidationError

from rotoscope.models.bodies.joints import joints_of
from rotoscope.models.bodies.lift_stage import LiftBody, LiftBodyConfig
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.testing import a_video
from rotoscope.pipeline.tracks import BODY_JOINTS, BodyTrack, Camera
from rotoscope.pipeline.types import Clip

NUM = 40
VIDEO = a_video(NUM, width=WIDTH, height=HEIGHT)
CAMERA = Camera(K=K, width=WIDTH, height=HEIGHT, source="recipe", sigma_focal_rel=0.01)


def squatting(at=(0.2, 0.1, 4.0)):
    """True joints in the camera frame [m] of a person who squats and turns a little."""
    phase = np.linspace(0, 2 * np.pi, NUM)
    return np.array(
        [body_m(0.5 - 0.4 * np.cos(p), 0.3 * np.sin(p), at=(*at[:2], at[2])) for p in phase]
    )


def seen(true_m, *, noise_px=0.0, seed=0, **changes):
    """The track that the stage `body` makes of it, its world landmarks a tenth too small."""
    rng = np.random.default_rng(seed)
    landmarks = landmarks_of(true_m)
    pixels = project(landmarks)
    local = 0.9 * (landmarks - true_m[:, :1])
    fields = {
        "subject": "person0",
        "score": np.ones(len(true_m)),
        "valid": np.ones(len(true_m), bool),
        "landmarks_px": pixels + rng.normal(0, noise_px, pixels.shape) if noise_px else pixels,
        "landmarks_m": _as_seen_in_a_crop(local, true_m[:, 0]),
        "visibility": np.ones((len(true_m), len(BODY_JOINTS))),
    }
    return BodyTrack(**(fields | changes))


def _as_seen_in_a_crop(local_m, pelvis_m):
    """Turned so that the ray to the pelvis is the axis of the camera."""
    out = []
    for points, pelvis in zip(local_m, pelvis_m, strict=True):
        ray = pelvis / np.linalg.norm(pelvis)
        axis = np.cross([0.0, 0.0, 1.0], ray)
        v = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
        turn = np.eye(3) + v + v @ v / (1.0 + ray[2])
        out.append(points @ turn)
    return np.array(out)


def lifted(track, *, camera=CAMERA, **config):
    clip = Clip(VIDEO, 0, np.arange(len(track.valid)) / 30)
    tracks = {"body.person0": track, "camera": camera}
    return LiftBody(LiftBodyConfig(**config)).run(clip, tracks)["body.person0"]


@pytest.mark.parametrize("at", [(0.0, 0.0, 3.0), (0.9, 0.3, 3.5), (-1.2, -0.5, 8.0)])
def test_a_person_of_known_stature_stands_where_they_are(at):
    true_m = squatting(at)
    out = lifted(seen(true_m), height_m=STATURE_M)
    assert out.valid.all()
    np.testing.assert_allclose(out.joints_m, true_m, atol=0.01)


def test_distance_is_proportional_to_stature():
    true_m = squatting()
    small, large = (lifted(seen(true_m), height_m=h).joints_m for h in (1.5, 1.8))
    np.testing.assert_allclose(large, small * 1.2, rtol=1e-3)


def test_bones_have_one_length_and_middles_are_middles_although_landmarks_are_noisy():
    out = lifted(seen(squatting(), noise_px=4.0), height_m=STATURE_M)
    joints = {name: out.joints_m[:, i] for i, name in enumerate(BODY_JOINTS)}
    for a, b in (("left_hip", "left_knee"), ("right_elbow", "right_wrist"), ("neck", "head")):
        assert np.ptp(np.linalg.norm(joints[a] - joints[b], axis=1)) < 1e-9
    left = np.linalg.norm(joints["left_knee"] - joints["left_ankle"], axis=1)
    right = np.linalg.norm(joints["right_knee"] - joints["right_ankle"], axis=1)
    np.testing.assert_allclose(left, right)
    np.testing.assert_allclose(joints["pelvis"], (joints["left_hip"] + joints["right_hip"]) / 2)


def test_wrong_proportions_of_the_landmark_model_are_found_out():
    true_m = squatting()
    longer = LENGTHS_M.copy()
    wrong = seen(true_m).landmarks_m.copy()
    trunk = [11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, *range(11)]
    wrong[:, trunk] += 0.05 * (wrong[:, 11:13].mean(axis=1) / 0.45)[:, None]  # a spine 5 cm longer
    out = lifted(seen(true_m, landmarks_m=wrong), height_m=STATURE_M)
    spine = np.linalg.norm(out.joints_m[:, 1] - out.joints_m[:, 0], axis=1).mean()
    shank = np.linalg.norm(out.joints_m[:, 8] - out.joints_m[:, 9], axis=1).mean()
    started_with = (0.9 * longer[0] + 0.05) / (0.9 * 0.42)
    assert abs(spine / shank - longer[0] / 0.42) < 0.6 * abs(started_with - longer[0] / 0.42)


def test_stated_sigma_holds_stature_and_focal_length():
    track = seen(squatting((0.0, 0.0, 5.0)))
    unknown, known = lifted(track), lifted(track, height_m=STATURE_M, height_sigma_m=0.0)
    assert unknown.sigma_m[:, 2].mean() > np.hypot(known.sigma_m[:, 2].mean(), 0.9 * 5 * 0.1 / 1.7)
    blurred = lifted(
        track, camera=CAMERA.replace(sigma_focal_rel=0.15), height_m=STATURE_M, height_sigma_m=0.0
    )
    assert blurred.sigma_m[:, 2].mean() > 5.0 * 0.15 > 2 * known.sigma_m[:, 2].mean()
    np.testing.assert_allclose(blurred.sigma_m[:, 0], known.sigma_m[:, 0], rtol=1e-6)


def test_truth_lies_within_two_sigma_of_noisy_landmarks():
    true_m = squatting()
    out = lifted(seen(true_m, noise_px=4.0), height_m=STATURE_M)
    off = np.abs(out.joints_m - true_m)
    assert (off[:, 0] <= 2 * out.sigma_m).mean() > 0.9
    posture = np.linalg.norm((out.joints_m - true_m) - (out.joints_m - true_m)[:, :1], axis=2)
    assert (posture[:, 1:] <= 2 * np.sqrt(3) * out.sigma_joint_m[:, 1:]).mean() > 0.9


def test_joints_that_were_not_seen_are_missing_and_do_not_pull():
    true_m = squatting()
    track = seen(true_m)
    legs = [i for i, n in enumerate(BODY_JOINTS) if n.endswith(("knee", "ankle", "heel", "toe"))]
    visibility = track.visibility.copy()
    visibility[10:20, legs] = 0.05
    pixels = track.landmarks_px.copy()
    pixels[10:20, 25:33] += 300.0  # what the model makes up below the image
    out = lifted(track.replace(visibility=visibility, landmarks_px=pixels), height_m=STATURE_M)
    assert out.valid.all()
    assert np.isnan(out.joints_m[10:20][:, legs]).all()
    assert np.isnan(out.sigma_joint_m[10:20][:, legs]).all()
    others = np.delete(np.arange(len(BODY_JOINTS)), legs)
    np.testing.assert_allclose(out.joints_m[:, others], true_m[:, others], atol=0.02)
    assert np.isfinite(out.joints_m[20:]).all()


def test_frames_that_do_not_fit_are_not_valid():
    track = seen(squatting())
    pixels = track.landmarks_px.copy()
    rng = np.random.default_rng(0)
    pixels[7] = rng.uniform((0, 0), (WIDTH, HEIGHT), (33, 2))
    out = lifted(track.replace(landmarks_px=pixels))
    np.testing.assert_array_equal(np.flatnonzero(~out.valid), [7])
    assert np.isnan(out.joints_m[7]).all()
    assert np.isnan(out.sigma_m[7]).all()


def test_people_too_far_away_are_not_believed():
    out = lifted(seen(squatting((0.0, 0.0, 9.0))), height_m=STATURE_M, max_distance_m=8.0)
    assert not out.valid.any()


def test_frames_without_the_person_stay_missing():
    track = seen(squatting())
    gone = track.replace(valid=np.zeros(NUM, bool))
    out = lifted(gone)
    assert not out.valid.any()
    assert np.isnan(out.joints_m).all()
    assert out.joints_m.shape == (NUM, len(BODY_JOINTS), 3)


def test_motion_capture_passes_by():
    track = BodyTrack(
        subject="person0", score=np.ones(NUM), valid=np.ones(NUM, bool), joints_m=squatting()
    )
    clip = Clip(VIDEO, 0, np.arange(NUM) / 30)
    assert LiftBody(LiftBodyConfig()).run(clip, {"body.person0": track, "camera": CAMERA}) == {}


def test_without_a_camera_it_says_which_stage_is_missing():
    clip = Clip(VIDEO, 0, np.arange(NUM) / 30)
    with pytest.raises(TrackError, match=r"needs the track 'camera'.*put the stage `camera`"):
        LiftBody(LiftBodyConfig()).run(clip, {"body.person0": seen(squatting())})


def test_without_world_landmarks_it_says_which_stage_is_missing():
    track = dataclasses.replace(seen(squatting()), landmarks_m=None)
    with pytest.raises(TrackError, match="put the stage `body` before"):
        lifted(track)


def test_distances_that_cannot_be_are_refused():
    with pytest.raises(ValidationError, match="min_distance_m=5 must be less than"):
        LiftBodyConfig(min_distance_m=5.0, max_distance_m=2.0)


def test_joints_of_the_synthetic_body_are_its_landmarks():
    body = body_m()
    np.testing.assert_allclose(joints_of(landmarks_of(body)), body, atol=1e-12)
