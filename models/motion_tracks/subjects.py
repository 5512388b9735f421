"""Whose points are followed: people's hands, or robots' grippers where no hand is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.motion_tracks.landmark_error import TOLERANCE, chance_near
from rotoscope.models.motion_tracks.points import DEFAULT_POINTS, HAND_POINTS, gripper_points
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.geometry import pinhole, se3
from rotoscope.pipeline.tracks import (
    SIDES,
    Camera,
    CameraMotion,
    GripperTrack,
    HandTrack,
    Side,
    Track,
)

_PALM_M = 0.089
"""Palm of a mean hand: what a gripper's tolerance is a share of."""


@dataclass(frozen=True, eq=False)
class Subject:
    """Points of one hand or gripper, as the camera saw them."""

    side: Side
    points_px: Float[np.ndarray, "time point 2"]
    """Where they are seen [px]; NaN where unknown."""
    depth_m: Float[np.ndarray, " time"]
    """Mean distance along the axis of each frame's own camera [m]."""
    is_seen: Bool[np.ndarray, " time"]
    """Frames in which they were observed."""
    held: Bool[np.ndarray, " time"] | None
    """Something is held; `None` where nothing says so."""
    chance: Float[np.ndarray, " time"]
    """Chance that the points are within `landmark_error.TOLERANCE`; 0 where unknown."""


def subjects_of(
    tracks: Mapping[str, Track],
    camera: Camera,
    motion: CameraMotion | None,
    points: Sequence[str],
) -> list[Subject]:
    """Every hand; and the gripper of each side that has no hand.

    Raises:
        TrackError: A hand was not lifted; or points are wanted that a gripper does not have.
    """
    found = []
    for side in SIDES:
        hand, gripper = tracks.get(f"hands.{side}"), tracks.get(f"gripper.{side}")
        follows = gripper if isinstance(gripper, GripperTrack) else None
        if isinstance(hand, HandTrack):
            found.append(_of_hand(hand, follows, camera, motion, points))
        elif follows is not None:
            found.append(_of_gripper(follows, camera, points))
    return found


def _of_hand(
    hand: HandTrack,
    gripper: GripperTrack | None,
    camera: Camera,
    motion: CameraMotion | None,
    points: Sequence[str],
) -> Subject:
    joints_m = _in_own_camera(hand, motion)
    return Subject(
        side=hand.side,
        points_px=hand.landmarks_px[:, [HAND_POINTS[name] for name in points]],
        depth_m=joints_m[..., 2].mean(axis=1),
        is_seen=hand.valid,
        held=None if gripper is None else gripper.grasping,
        chance=chance_near(joints_m, hand.reprojection_px, camera),
    )


def _of_gripper(gripper: GripperTrack, camera: Camera, points: Sequence[str]) -> Subject:
    if not set(points) <= set(DEFAULT_POINTS):
        raise TrackError(
            f"a gripper has no {sorted(set(points) - set(DEFAULT_POINTS))}, only {DEFAULT_POINTS}; "
            "leave label.motion_track.points as it is for robots' video"
        )
    points_m = gripper_points(gripper.T_camera_ee, gripper.aperture_m)
    chosen = points_m[:, [DEFAULT_POINTS.index(name) for name in points]]
    across_m = gripper.sigma_position_m[:, :2].mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        chance = 1.0 - np.exp(-0.5 * (TOLERANCE * _PALM_M / across_m) ** 2)
    return Subject(
        side=gripper.side,
        points_px=pinhole.project(chosen, camera.K, camera.distortion, camera.fisheye),
        depth_m=points_m[..., 2].mean(axis=1),
        is_seen=gripper.valid,
        held=gripper.grasping,
        chance=np.nan_to_num(chance),
    )


def _in_own_camera(hand: HandTrack, motion: CameraMotion | None) -> Float[np.ndarray, "time 21 3"]:
    """A lifted hand in the frame of the camera that saw it [m], whatever the camera did."""
    if hand.joints_m is None:
        raise TrackError(
            f"hands.{hand.side} has no metric joints; put the stage 'lift' before "
            "'label.motion_track' in the recipe"
        )
    if motion is None or motion.kind not in ("turning", "moving"):
        return hand.joints_m
    joints_m: np.ndarray = se3.apply(se3.inverse(motion.T_reference_camera), hand.joints_m)
    return joints_m
