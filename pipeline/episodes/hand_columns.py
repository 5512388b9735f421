"""Columns about the hand that the robot follows, and about the gripper made from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from rotoscope.pipeline.episodes.episode import Feature
from rotoscope.pipeline.episodes.window import Window
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import (
    BOTH,
    HAND_JOINTS,
    NUM_HAND_JOINTS,
    SIDES,
    GripperTrack,
    HandTrack,
)

HAND_JOINT_NAMES = tuple(f"{joint}.{axis}" for joint in HAND_JOINTS for axis in "xyz")


def hand_features(window: Window) -> dict[str, Feature]:
    """`track.hand.*`: joints, wrist, whether it was seen, sigma; none without a lifted hand.

    `track.hand.<side>.*` where the rows are about both hands.
    """
    return _of_each(window, _hand_columns, "track.hand.")


def _of_each(
    window: Window, columns: Callable[[Window], dict[str, Feature]], start: str
) -> dict[str, Feature]:
    """Columns of the hand that the rows are about, or of each where they are about both."""
    if window.subject != BOTH:
        return columns(window)
    return {
        name.replace(start, f"{start}{side}.", 1): feature
        for side in SIDES
        for name, feature in columns(replace(window, subject=side)).items()
    }


def _hand_columns(window: Window) -> dict[str, Feature]:
    part = _hand(window)
    if part is None or part.joints_m is None or part.T_camera_wrist is None:
        return {}
    resampler = window.resampler
    joints = resampler.linear(part.joints_m.reshape(-1, 3 * NUM_HAND_JOINTS))
    R = resampler.rotation(part.T_camera_wrist[:, :3, :3])
    position = resampler.linear(part.T_camera_wrist[:, :3, 3])
    wrist = np.concatenate([position, se3.unwrap_quat(se3.quat_from_matrix(R))], axis=1)
    out = {
        "track.hand.joints": Feature(
            joints, HAND_JOINT_NAMES, "m", "21 hand joints in the camera frame."
        ),
        "track.hand.wrist": Feature(
            wrist,
            ("x", "y", "z", "qw", "qx", "qy", "qz"),
            "m, quaternion wxyz",
            "Wrist pose in the camera frame.",
        ),
        "track.hand.seen": Feature(
            resampler.both(part.valid)[:, None],
            ("seen",),
            "1",
            "The hand was observed, not filled in by the smoother.",
        ),
    }
    if part.sigma_position_m is not None and part.sigma_rotation_rad is not None:
        sigma = np.concatenate([part.sigma_position_m, part.sigma_rotation_rad[:, None]], 1)
        out["track.hand.sigma"] = Feature(
            resampler.linear(sigma),
            ("x", "y", "z", "rotation"),
            "m, rad",
            "1-sigma of the wrist pose along camera axes.",
        )
    return out


def gripper_features(window: Window) -> dict[str, Feature]:
    """`track.grasp`, `track.aperture` and its sigma, where a hand was read as a gripper.

    `track.<side>.grasp` and so on where the rows are about both hands.
    """
    return _of_each(window, _gripper_columns, "track.")


def _gripper_columns(window: Window) -> dict[str, Feature]:
    gripper = window.tracks.get(f"gripper.{window.subject}")
    if not isinstance(gripper, GripperTrack):
        return {}
    part = window.cut(gripper)
    grasping = window.resampler.either(part.grasping)[:, None]
    aperture = window.resampler.linear(part.aperture_m)[:, None]
    out = {
        "track.grasp": Feature(grasping, ("grasping",), "1", "A grasp is held."),
        "track.aperture": Feature(
            aperture, ("aperture",), "m", "Distance between thumb tip and index tip."
        ),
    }
    if part.sigma_aperture_m is not None:
        sigma = window.resampler.linear(part.sigma_aperture_m)[:, None]
        out["track.aperture_sigma"] = Feature(sigma, ("aperture",), "m", "1-sigma of the aperture.")
    return out


def hand_quality(window: Window) -> dict[str, Any]:
    """Medians over the frames in which the hand was seen, of each hand where it is about both."""
    if window.subject == BOTH:
        return {
            f"{side}_{name}": value
            for side in SIDES
            for name, value in hand_quality(replace(window, subject=side)).items()
        }
    part = _hand(window)
    quality: dict[str, Any] = {}
    if part is None or not part.valid.any():
        return quality
    if part.sigma_position_m is not None:
        sigma = np.linalg.norm(part.sigma_position_m[part.valid], axis=1)
        quality["wrist_sigma_mm_median"] = round(float(1e3 * np.median(sigma)), 4)
    if part.reprojection_px is not None:
        median_px = np.median(part.reprojection_px[part.valid])
        quality["reprojection_px_median"] = round(float(median_px), 4)
    return quality


def _hand(window: Window) -> HandTrack | None:
    hand = window.tracks.get(f"hands.{window.subject}")
    return window.cut(hand) if isinstance(hand, HandTrack) else None
