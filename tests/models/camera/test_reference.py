"""Hands and bodies in the frame of the reference camera."""

import numpy as np
import pytest
from human_hands import hand_joints, seen
from moving_cameras import turning

from rotoscope.models.camera.reference import body_in_reference, hand_in_reference
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import BODY_JOINTS, BodyTrack, CameraMotion, HandTrack


def motion_of(T: np.ndarray, **changes: object) -> CameraMotion:
    num = len(T)
    motion = CameraMotion(
        kind="turning",
        T_reference_camera=T,
        valid=np.ones(num, bool),
        sigma_rotation_rad=np.zeros(num),
        sigma_position_m=np.zeros(num),
        scale_source="none",
        sigma_scale_rel=0.0,
        residual_px=0.3,
        why="",
    )
    return motion.replace(**changes)


def still_hand(num_frames: int) -> HandTrack:
    """A hand that stays where it is."""
    hand = seen(hand_joints(np.full(num_frames, 0.4)))
    pose = np.tile(hand.T_camera_wrist[:1], (num_frames, 1, 1))
    return hand.replace(
        T_camera_wrist=pose, joints_m=np.tile(hand.joints_m[:1], (num_frames, 1, 1))
    )


def as_seen_by(T_world_camera: np.ndarray, hand: HandTrack) -> HandTrack:
    T = se3.inverse(T_world_camera)
    return hand.replace(
        T_camera_wrist=T @ hand.T_camera_wrist, joints_m=se3.apply(T, hand.joints_m)
    )


def test_hand_that_stays_stays_where_the_camera_turns() -> None:
    T, hand = turning(), still_hand(60)
    there = hand_in_reference(as_seen_by(T, hand), motion_of(T), 0.01)
    assert np.allclose(there.joints_m, hand.joints_m)
    assert np.allclose(there.T_camera_wrist, hand.T_camera_wrist)
    assert there.valid.all()


def test_frames_whose_camera_is_not_known_are_not_valid_and_hold_nothing() -> None:
    T = turning()
    valid = np.arange(60) < 40
    motion = motion_of(np.where(valid[:, None, None], T, np.nan), valid=valid)
    there = hand_in_reference(as_seen_by(T, still_hand(60)), motion, 0.01)
    assert (there.valid == valid).all()
    assert np.isnan(there.joints_m[~valid]).all()
    assert np.isnan(there.sigma_position_m[~valid]).all()


def test_path_of_unknown_scale_places_no_hand() -> None:
    motion = motion_of(turning(), kind="moving", scale_source="unknown")
    assert not hand_in_reference(still_hand(60), motion, 0.01).valid.any()


def test_errors_of_the_camera_are_added_to_those_of_the_hand() -> None:
    """Against a sample: camera and hand drawn from their stated sigmas."""
    rng = np.random.default_rng(0)
    num = 4000
    hand = still_hand(num)
    hand = hand.replace(sigma_position_m=np.tile([0.004, 0.006, 0.03], (num, 1)))
    turn = se3.exp_so3(np.array([0.2, 0.9, -0.1]))
    T = se3.make(np.tile(turn, (num, 1, 1)), np.tile([0.3, -0.1, 0.2], (num, 1)))
    motion = motion_of(
        T,
        kind="moving",
        scale_source="stated",
        sigma_rotation_rad=np.full(num, 0.05),
        sigma_position_m=np.full(num, 0.01),
        sigma_scale_rel=0.1,
    )
    there = hand_in_reference(hand, motion, 0.0)
    wrist = hand.T_camera_wrist[0, :3, 3]
    small = se3.exp_so3(rng.normal(0, 0.05 / np.sqrt(3), (num, 3)))
    seen_m = wrist + rng.normal(0, 1, (num, 3)) * hand.sigma_position_m
    moved_m = np.einsum("tij,jk,tk->ti", small, turn, seen_m)
    moved_m += np.array([0.3, -0.1, 0.2]) * (1 + 0.1 * rng.normal(size=(num, 1)))
    moved_m += rng.normal(0, 0.01, (num, 3))
    assert np.allclose(there.sigma_position_m[0], moved_m.std(axis=0), rtol=0.06)
    assert there.sigma_rotation_rad[0] == pytest.approx(np.hypot(0.05, 0.05))


def test_error_of_the_focal_length_widens_the_rotation_by_its_share_of_the_turn() -> None:
    turn = se3.make(se3.exp_so3(np.array([[0.0, 0.4, 0.0], [0.0, 0.0, 0.0]])), np.zeros((2, 3)))
    hand = still_hand(2).replace(sigma_rotation_rad=np.zeros(2))
    there = hand_in_reference(hand, motion_of(turn), 0.15)
    assert np.allclose(there.sigma_rotation_rad, [0.06, 0.0], atol=1e-9)


def test_body_that_stays_stays_where_the_camera_turns() -> None:
    T = turning(20)
    rng = np.random.default_rng(0)
    joints_m = np.tile(rng.normal([0, 0, 3], 0.4, (1, len(BODY_JOINTS), 3)), (20, 1, 1))
    body = BodyTrack(
        subject="person0",
        score=np.ones(20),
        valid=np.ones(20, bool),
        joints_m=se3.apply(se3.inverse(T), joints_m),
        sigma_m=np.full((20, 3), 0.01),
        sigma_joint_m=np.full((20, len(BODY_JOINTS)), 0.01),
    )
    valid = np.arange(20) < 15
    there = body_in_reference(
        body, motion_of(T, valid=valid, sigma_rotation_rad=np.full(20, 0.02)), 0
    )
    assert np.allclose(there.joints_m[valid], joints_m[valid])
    assert (there.valid == valid).all()
    assert (there.sigma_m[valid] > 0.01).any(axis=1).all()
    assert there.sigma_joint_m[0, 0] == pytest.approx(0.01)  # the pelvis is what they hang on
    assert (there.sigma_joint_m[0, 1:] > 0.01).all()
