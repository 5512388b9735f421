from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from rotoscope.models.hands import flexion_prior
from rotoscope.models.hands import model as hand_model
from rotoscope.models.hands.lift_sigma import (
    ACROSS_PALM,
    ALONG_PALM,
    ROTATION_DOUBT,
    SMALL_ROTATION_RAD_PX,
)
from rotoscope.models.hands.lift_stage import PALM_PRIOR_M, SHRINKAGE_PX, Lift, LiftConfig
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.geometry import hand_frame, pinhole, se3
from rotoscope.pipeline.testing import a_video
from rotoscope.pipeline.tracks import Camera, HandTrack, Side
from rotoscope.pipeline.types import Clip

NUM = 40
PALM_M = 0.092
K = np.array([[600.0, 0.0, 320.0], [0.0, 600.0, 240.0], [0.0, 0.0, 1.0]])
CAMERA = Camera(K=K, width=640, height=480, source="recipe", sigma_focal_rel=0.01)
VIDEO = a_video(NUM)
BACK_TO_CAMERA = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
"""Wrist axes of a right hand over a table, seen from above, fingers up in the image."""


def true_joints(side: Side = "right", num: int = NUM) -> np.ndarray:
    """Hands seen from the back at half a meter, turned and bent in many ways."""
    rng = np.random.default_rng(0)
    bend = flexion_prior.HINGE_SIGMA * rng.uniform(-0.5, 0.5, (num, 5, 5))
    points = PALM_M * hand_model.pose(flexion_prior.HINGE_MEAN + bend).points
    R = se3.exp_so3(rng.uniform(-0.5, 0.5, (num, 3))) @ BACK_TO_CAMERA
    t = rng.uniform([-0.12, -0.03, 0.4], [0.12, 0.1, 0.6], (num, 3))
    joints = se3.apply(se3.make(R, t), points)
    return joints * [-1.0, 1.0, 1.0] if side == "left" else joints


def track_of(joints: np.ndarray, side: Side = "right", noise_px: float = 0.0) -> HandTrack:
    """What a landmark model would say about these hands that draws them together a little."""
    pixels = pinhole.project(joints, K)
    wrist_px, num = pixels[:, :1], len(joints)
    palm_px = K[0, 0] * PALM_M / joints[:, 0, 2]
    pixels = wrist_px + (pixels - wrist_px) / (1.0 + SHRINKAGE_PX / palm_px)[:, None, None]
    return HandTrack(
        side=side,
        landmarks_px=pixels + np.random.default_rng(1).normal(0.0, noise_px, pixels.shape),
        hand_m=joints - joints.mean(axis=1, keepdims=True),
        score=np.ones(num),
        handedness=np.full(num, float(side == "right")),
        valid=np.ones(num, dtype=bool),
    )


def lift(track: HandTrack, camera: Camera = CAMERA, **config) -> HandTrack:
    # A second apart: each frame is another hand, and none speaks of its neighbors.
    clip = Clip(VIDEO, 0, np.arange(float(len(track.valid))))
    name = f"hands.{track.side}"
    config = {"max_bridge_s": 0.0, "check_hidden": False} | config  # there is no video to read
    lifted = Lift(LiftConfig(**config)).run(clip, {name: track, "camera": camera})[name]
    assert isinstance(lifted, HandTrack)
    return lifted


@pytest.mark.parametrize("side", ["right", "left"])
def test_the_wrist_of_a_hand_of_known_size_is_found(side):
    joints = true_joints(side)
    lifted = lift(track_of(joints, side), palm_length_m=PALM_M)
    assert lifted.valid.all()
    true_pose = hand_frame.wrist_pose(joints, side)
    off_m = np.linalg.norm(lifted.T_camera_wrist[:, :3, 3] - true_pose[:, :3, 3], axis=1)
    off_rad = se3.angle_between(lifted.T_camera_wrist[:, :3, :3], true_pose[:, :3, :3])
    # Not exact: habits of fingers and the slide of the knuckles pull a little.
    assert np.median(off_m) < 0.012
    assert np.median(off_rad) < np.radians(5.0)


def test_the_truth_lies_within_the_stated_sigma():
    joints = true_joints()
    lifted = lift(track_of(joints, noise_px=2.5), palm_length_m=PALM_M)
    off = np.abs(lifted.T_camera_wrist[:, :3, 3] - joints[:, 0])
    assert (off <= 2.0 * lifted.sigma_position_m).all(axis=1).mean() >= 0.9


def test_noise_makes_the_stated_sigma_and_the_reprojection_larger():
    joints = true_joints()
    clean = lift(track_of(joints), palm_length_m=PALM_M)
    noisy = lift(track_of(joints, noise_px=5.0), palm_length_m=PALM_M, max_residual=0.07)
    both = clean.valid & noisy.valid
    assert both.mean() > 0.8
    assert np.median(noisy.reprojection_px[both]) > 2.0 * np.median(clean.reprojection_px[both])
    assert noisy.sigma_rotation_rad[both].mean() > clean.sigma_rotation_rad[both].mean()


def test_a_hand_half_as_large_again_is_half_as_far_again():
    track = track_of(true_joints())
    near = lift(track, palm_length_m=0.08)
    far = lift(track, palm_length_m=0.12)
    assert far.joints_m == pytest.approx(1.5 * near.joints_m, abs=1e-7)
    assert far.T_camera_wrist[:, :3, :3] == pytest.approx(near.T_camera_wrist[:, :3, :3], abs=1e-7)


def test_a_left_hand_is_a_mirrored_right_hand():
    right = lift(track_of(true_joints("right"), "right"), palm_length_m=PALM_M)
    left = lift(track_of(true_joints("left"), "left"), palm_length_m=PALM_M)
    assert left.joints_m == pytest.approx(right.joints_m * [-1.0, 1.0, 1.0], abs=1e-9)
    assert left.sigma_position_m == pytest.approx(right.sigma_position_m, rel=1e-9)
    mirrored = right.T_camera_wrist[:, :3, 2] * [-1.0, 1.0, 1.0]
    assert left.T_camera_wrist[:, :3, 2] == pytest.approx(mirrored, abs=1e-9)


def test_an_uncertain_focal_length_shows_in_depth_alone():
    track = track_of(true_joints())
    sure = lift(track, palm_length_m=PALM_M)
    unsure = lift(track, replace(CAMERA, sigma_focal_rel=0.15), palm_length_m=PALM_M)
    assert unsure.sigma_position_m[:, :2] == pytest.approx(sure.sigma_position_m[:, :2])
    added = unsure.sigma_position_m[:, 2] ** 2 - sure.sigma_position_m[:, 2] ** 2
    depth = sure.T_camera_wrist[:, 2, 3]
    assert np.sqrt(added) == pytest.approx(np.sqrt(0.15**2 - 0.01**2) * depth, rel=1e-6)


def test_the_wrist_is_least_sure_along_the_palm():
    # Half of the hands with the palm along the image's x, half along its y; far away, so that the
    # line of sight is z.
    points = PALM_M * hand_model.pose(np.zeros((2, 5, 5))).points
    quarter = se3.exp_so3(np.array([[0.0, 0.0, 0.0], [0.0, 0.0, np.pi / 2]])) @ BACK_TO_CAMERA
    joints = se3.apply(se3.make(quarter, np.array([[0.0, 0.0, 0.9]] * 2)), points)
    sigma = lift(track_of(joints), palm_length_m=PALM_M).sigma_position_m[:, :2]
    along, across = np.array([sigma[0, 1], sigma[1, 0]]), np.array([sigma[0, 0], sigma[1, 1]])
    added = along**2 - across**2
    assert np.sqrt(added) == pytest.approx(
        PALM_M * np.sqrt(ALONG_PALM**2 - ACROSS_PALM**2), rel=0.1
    )


def test_a_hand_of_fewer_pixels_is_less_sure_and_has_been_drawn_together_more():
    # The same rays through a camera of half the resolution: the fit is the same, but for pixels.
    track = track_of(true_joints())
    half = replace(CAMERA, K=CAMERA.K * [[0.5], [0.5], [1.0]], width=320, height=240)
    fine = lift(track, palm_length_m=PALM_M)
    coarse = lift(track.replace(landmarks_px=track.landmarks_px / 2), half, palm_length_m=PALM_M)
    nearer = fine.T_camera_wrist[:, 2, 3] / coarse.T_camera_wrist[:, 2, 3]
    seen_m = fine.T_camera_wrist[:, 2, 3]
    seen_m = seen_m + SHRINKAGE_PX * seen_m**2 / (600.0 * PALM_M)  # before it was moved, roughly
    fine_px = 600.0 * PALM_M / seen_m
    expected = (1.0 + SHRINKAGE_PX / (fine_px / 2)) / (1.0 + SHRINKAGE_PX / fine_px)
    assert nearer == pytest.approx(expected, rel=2e-3)
    added = coarse.sigma_rotation_rad**2 - fine.sigma_rotation_rad**2
    assert np.sqrt(added) == pytest.approx(SMALL_ROTATION_RAD_PX * np.sqrt(3.0) / fine_px, rel=5e-3)


def turned_by(track: HandTrack, frame: int, angle_rad: float) -> HandTrack:
    """The track with the landmark model's own hand of one frame turned about the line of sight."""
    hand = track.hand_m.copy()
    hand[frame] = hand[frame] @ se3.exp_so3(np.array([0.0, 0.0, angle_rad])).T
    return track.replace(hand_m=hand)


def test_a_palm_that_the_landmark_model_turns_over_is_not_valid():
    lifted = lift(turned_by(track_of(true_joints()), 5, np.radians(100.0)), palm_length_m=PALM_M)
    assert np.flatnonzero(~lifted.valid).tolist() == [5]
    assert np.isnan(lifted.T_camera_wrist[5]).all()


def test_a_palm_that_the_landmark_model_doubts_is_less_sure():
    track, angle_rad = track_of(true_joints()), np.radians(35.0)
    sure, doubted = (
        lift(t, palm_length_m=PALM_M).sigma_rotation_rad[5]
        for t in (track, turned_by(track, 5, angle_rad))
    )
    assert np.sqrt(doubted**2 - sure**2) == pytest.approx(ROTATION_DOUBT * angle_rad, rel=0.15)


def test_an_unknown_hand_gets_the_prior_size_and_says_so():
    track = track_of(true_joints())
    unknown, known = lift(track), lift(track, palm_length_m=PALM_PRIOR_M)
    assert unknown.joints_m == pytest.approx(known.joints_m)
    assert (unknown.sigma_position_m[:, 2] > known.sigma_position_m[:, 2]).all()


def test_lens_distortion_is_taken_out():
    distortion = (-0.2, 0.05, 0.001, -0.001)
    track = track_of(true_joints())
    rays = pinhole.rays(track.landmarks_px, K)
    bent = track.replace(landmarks_px=pinhole.pixels(rays, K, distortion))
    camera = replace(CAMERA, distortion=distortion)
    straight = lift(track, palm_length_m=PALM_M)
    assert lift(bent, camera, palm_length_m=PALM_M).joints_m == pytest.approx(
        straight.joints_m, abs=1e-5
    )


def test_frames_do_not_know_of_each_other():
    track = track_of(true_joints(), noise_px=2.0)
    whole = lift(track, palm_length_m=PALM_M)
    part = lift(track.slice(10, 14), palm_length_m=PALM_M)
    assert part.joints_m == pytest.approx(whole.joints_m[10:14], abs=1e-12)


def broken(kind: str) -> HandTrack:
    """A track whose frame 3 cannot be lifted."""
    track = track_of(true_joints())
    pixels, hand = track.landmarks_px.copy(), track.hand_m.copy()
    if kind == "landmark not a number":
        pixels[3, 8, 1] = np.nan
    elif kind == "hand not a number":
        hand[3] = np.nan
    elif kind == "all landmarks in one point":
        pixels[3] = 100.0
    elif kind == "all joints in one point":
        hand[3] = 0.0
        pixels[3] = np.random.default_rng(0).uniform(0.0, 480.0, (21, 2))
    elif kind == "not a hand":
        pixels[3] = np.random.default_rng(0).uniform(100.0, 300.0, (21, 2))
    elif kind == "too far away":
        pixels[3] = 320.0 + (pixels[3] - pixels[3].mean(axis=0)) / 12.0
    elif kind == "in the face of the camera":
        pixels[3] = 320.0 + (pixels[3] - pixels[3].mean(axis=0)) * 20.0
    return track.replace(landmarks_px=pixels, hand_m=hand)


@pytest.mark.parametrize(
    "kind",
    [
        "landmark not a number",
        "hand not a number",
        "all landmarks in one point",
        "all joints in one point",
        "not a hand",
        "too far away",
        "in the face of the camera",
    ],
)
def test_a_frame_that_cannot_be_lifted_is_invalid_and_harms_no_other(kind):
    lifted = lift(broken(kind), palm_length_m=PALM_M)
    good = lift(track_of(true_joints()), palm_length_m=PALM_M)
    assert np.flatnonzero(~lifted.valid).tolist() == [3]
    assert np.isnan(lifted.T_camera_wrist[3]).all()
    assert np.isnan(lifted.joints_m[3]).all()
    assert np.isnan(lifted.sigma_position_m[3]).all()
    assert np.isnan(lifted.sigma_rotation_rad[3])
    assert np.isnan(lifted.reprojection_px[3])
    others = np.arange(NUM) != 3
    assert lifted.joints_m[others] == pytest.approx(good.joints_m[others], abs=1e-12)


def test_frames_without_a_hand_stay_without():
    track = track_of(true_joints())
    valid = np.arange(NUM) % 2 == 0
    lifted = lift(track.replace(valid=valid), palm_length_m=PALM_M)
    assert (lifted.valid == valid).all()
    assert np.isnan(lifted.joints_m[~valid]).all()


def test_a_hand_that_is_never_seen_is_lifted_to_nothing():
    track = track_of(true_joints())
    nothing = np.full((NUM, 21, 2), np.nan)
    empty = track.replace(valid=np.zeros(NUM, dtype=bool), landmarks_px=nothing)
    lifted = lift(empty)
    assert not lifted.valid.any()
    assert lifted.T_camera_wrist.shape == (NUM, 4, 4)
    assert np.isnan(lifted.T_camera_wrist).all()


def test_image_landmarks_are_left_alone():
    track = track_of(true_joints(), noise_px=1.0)
    assert (lift(track).landmarks_px == track.landmarks_px).all()


def test_lift_without_a_camera_says_what_is_missing():
    clip = Clip(VIDEO, 0, np.arange(NUM) / 30.0)
    with pytest.raises(TrackError, match="put the stage `camera` before `lift`"):
        Lift(LiftConfig()).run(clip, {"hands.right": track_of(true_joints())})


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"min_distance_m": 2.0, "max_distance_m": 1.0}, "min_distance_m=2 must be less than"),
        ({"palm_length_m": 9.2}, "less than or equal to 0.14"),
        ({"palm_length_m": 0.0}, "greater than or equal to 0.04"),
    ],
)
def test_settings_that_cannot_be_are_named(config, message):
    with pytest.raises(ValidationError, match=message):
        LiftConfig(**config)
