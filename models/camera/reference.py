"""Hands and bodies in the frame of the reference camera, with the camera's own sigma."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import BodyTrack, CameraMotion, HandTrack


def hand_in_reference(hand: HandTrack, motion: CameraMotion, sigma_focal_rel: float) -> HandTrack:
    """A lifted hand whose camera frame is that of the reference camera.

    Frames in which the camera is not known become invalid. Image landmarks, and the joints about
    the hand's own center that came with them, stay as the frame's own camera saw them.
    """
    pose = hand.T_camera_wrist
    assert pose is not None
    is_known = motion.is_placed
    T = np.where(is_known[:, None, None], motion.T_reference_camera, np.nan)
    turn_rad = np.where(is_known, motion.sigma_turn_rad(sigma_focal_rel), np.nan)
    sigma_m, sigma_rad = hand.sigma_position_m, hand.sigma_rotation_rad
    if sigma_m is not None:
        sigma_m = _position_sigma(sigma_m, pose[:, :3, 3], motion, T)
    return hand.replace(
        valid=hand.valid & is_known,
        T_camera_wrist=T @ pose,
        joints_m=None if hand.joints_m is None else se3.apply(T, hand.joints_m),
        sigma_position_m=sigma_m,
        sigma_rotation_rad=None if sigma_rad is None else np.hypot(sigma_rad, turn_rad),
    )


def body_in_reference(body: BodyTrack, motion: CameraMotion, sigma_focal_rel: float) -> BodyTrack:
    """A lifted body whose source frame is that of the reference camera; see `hand_in_reference`."""
    assert body.joints_m is not None
    is_known = motion.is_placed
    T = np.where(is_known[:, None, None], motion.T_reference_camera, np.nan)
    sigma_m, sigma_joint_m = body.sigma_m, body.sigma_joint_m
    turn_rad = np.where(is_known, motion.sigma_turn_rad(sigma_focal_rel), np.nan)
    if sigma_joint_m is not None:
        from_pelvis_m = np.linalg.norm(body.joints_m - body.joints_m[:, :1], axis=2)
        sigma_joint_m = np.hypot(sigma_joint_m, from_pelvis_m * turn_rad[:, None] / np.sqrt(3))
    if sigma_m is not None:
        sigma_m = _position_sigma(sigma_m, body.joints_m[:, 0], motion, T)
    return body.replace(
        valid=body.valid & is_known,
        joints_m=se3.apply(T, body.joints_m),
        sigma_m=sigma_m,
        sigma_joint_m=sigma_joint_m,
    )


def _position_sigma(
    sigma_m: Float[np.ndarray, "time 3"],
    position_m: Float[np.ndarray, "time 3"],
    motion: CameraMotion,
    T_reference_camera: Float[np.ndarray, "time 4 4"],
) -> Float[np.ndarray, "time 3"]:
    """1-sigma along the reference camera's axes of what was seen by a camera that has its own.

    An error of the focal length adds nothing: it moves background and hand alike, so that a hand's
    direction in the reference frame stays what it was and its depth is already part of `sigma_m`.
    """
    R = T_reference_camera[:, :3, :3]
    own = np.einsum("tij,tj->ti", R**2, sigma_m**2)
    # Of the three axes that an angle's variance is the sum over, two move a point sideways.
    moved_m = np.einsum("tij,tj->ti", R, position_m)
    across = np.linalg.norm(moved_m, axis=1, keepdims=True) ** 2 - moved_m**2
    lever = across * motion.sigma_rotation_rad[:, None] ** 2 / 3.0
    along_path = motion.sigma_scale_rel * T_reference_camera[:, :3, 3]
    return np.sqrt(own + lever + motion.sigma_position_m[:, None] ** 2 + along_path**2)
