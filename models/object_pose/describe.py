"""Tracks and facts of the poses that were found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.object_pose.joints import Joint, joint
from rotoscope.models.object_pose.second_look import SecondLook
from rotoscope.models.object_pose.table import Table
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.stage import Tracks
from rotoscope.pipeline.tracks import (
    POSE_REASONS,
    Camera,
    CameraMotion,
    ObjectPoseTrack,
    ObjectTrack,
    Track,
)

ROTATION_KNOWN_RAD = np.radians(6.0)
"""1-sigma about every axis up to which a rotation is valid."""
POSITION_KNOWN_M = 0.02
DRIFT_M, DRIFT_RAD = 0.0018, np.radians(0.4)
"""Errors of the model that all frames share, 1-sigma along an axis: on the scenes that chose
(`benchmarks/_pose_scenes.py`) what the frames' own noise does not explain."""
STANDS_M = 0.012
"""Height of its lowest point over the table up to which a thing stands on it [m]."""


def described(
    thing: ObjectTrack,
    found: SecondLook | None,
    has_depth: Bool[np.ndarray, " time"],
    camera: Camera,
    tracks: Mapping[str, Track],
    poses: Float[np.ndarray, "time 4 4"],
) -> ObjectPoseTrack:
    """The track of one thing, in the frame of the hands."""
    num = len(thing.valid)
    T = np.full((num, 4, 4), np.nan)
    sigma_m, sigma_rad = np.full((num, 3), np.nan), np.full((num, 3), np.nan)
    fits = np.zeros(num, bool)
    if found is not None:
        origin = se3.make(np.eye(3), found.origin_m)
        A = np.concatenate([-se3.hat(found.origin_m), np.eye(3)], axis=1)
        for t, one in found.found.items():
            back = se3.inverse(one.T_model_camera)
            T[t], R = back @ origin, back[:3, :3]
            P = one.covariance + found.shared(one.T_model_camera)
            sigma_m[t] = np.sqrt(np.diag(R @ A @ P @ A.T @ R.T))
            sigma_rad[t] = np.sqrt(np.diag(R @ P[:3, :3] @ R.T))
            fits[t] = True
        # An error of the focal length moves what is seen aside.
        aside = camera.sigma_focal_rel * np.abs(T[:, :3, 3]) * [1.0, 1.0, 0.0]
        sigma_m = np.sqrt(sigma_m**2 + aside**2 + DRIFT_M**2)
        sigma_rad = np.hypot(sigma_rad, DRIFT_RAD)
        T, sigma_m, sigma_rad = _in_hands_frame(T, sigma_m, sigma_rad, camera, tracks, poses)
    placed = np.isfinite(T).all(axis=(1, 2))
    sure = placed & (sigma_m.max(axis=1) <= POSITION_KNOWN_M)
    reason = np.select(
        [sure, fits & ~placed, fits, ~thing.valid, ~has_depth],
        [
            POSE_REASONS.index(r)
            for r in ("valid", "camera_moved", "uncertain", "not_seen", "no_depth")
        ],
        POSE_REASONS.index("does_not_fit"),
    )
    T[~sure], sigma_m[~sure], sigma_rad[~sure] = np.nan, np.nan, np.nan
    return ObjectPoseTrack(
        number=thing.number,
        origin="first_view" if found is None or found.mesh is None else "mesh",
        T_camera_object=T,
        valid=sure,
        rotation_valid=sure & (np.nan_to_num(sigma_rad, nan=9.0).max(axis=1) <= ROTATION_KNOWN_RAD),
        sigma_position_m=sigma_m,
        sigma_rotation_rad=sigma_rad,
        reason=reason.astype(np.uint8),
    )


def _in_hands_frame(
    T: np.ndarray,
    sigma_m: np.ndarray,
    sigma_rad: np.ndarray,
    camera: Camera,
    tracks: Mapping[str, Track],
    poses: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    motion = tracks.get("camera_motion")
    if not isinstance(motion, CameraMotion):
        return T, sigma_m, sigma_rad
    R2 = poses[:, :3, :3] ** 2
    turn = motion.sigma_turn_rad(camera.sigma_focal_rel)[:, None]
    away = np.linalg.norm(T[:, :3, 3], axis=1, keepdims=True)
    own = np.nan_to_num(motion.sigma_position_m)[:, None]
    turn = np.nan_to_num(turn)
    return (
        poses @ T,
        np.sqrt(np.einsum("tij,tj->ti", R2, sigma_m**2) + own**2 + (turn * away) ** 2),
        np.sqrt(np.einsum("tij,tj->ti", R2, sigma_rad**2) + turn**2),
    )


def joint_of(track: ObjectPoseTrack, found: SecondLook | None) -> Joint:
    """The joint by which a thing hangs on the scene."""
    known = track.rotation_valid
    sigma_rad = track.sigma_rotation_rad[known].max(axis=1, initial=0.0)
    return joint(track.T_camera_object[known], sigma_rad, found.size_m if found else 0.05)


def facts_of(
    made: Tracks,
    found: Mapping[int, SecondLook],
    plane: Table | None,
    poses: Float[np.ndarray, "time 4 4"],
) -> dict[str, Any]:
    """What is said of a clip: frames told, joints, the table."""
    facts: dict[str, Any] = {}
    tracks = [t for t in made.values() if isinstance(t, ObjectPoseTrack)]
    if plane is not None and np.isfinite(poses[0]).all():
        facts["table_normal"] = _rounded(poses[0][:3, :3] @ plane.normal)
        facts["table_distance_m"] = round(plane.distance_m, 4)
        facts["table_share"] = round(plane.share, 3)
    for track in tracks:
        name, one = f"object_{track.number}", found.get(track.number)
        facts[f"{name}_pose_frames"] = int(track.valid.sum())
        facts[f"{name}_rotation_frames"] = int(track.rotation_valid.sum())
        facts[f"{name}_pose_origin"] = track.origin
        if one is not None and one.mesh is not None:
            facts[f"{name}_mesh_share"] = round(one.mesh.share, 3)
            facts[f"{name}_mesh_poses_alike"] = one.mesh.alike
        if one is not None and plane is not None and one.found:
            first = se3.inverse(one.found[min(one.found)].T_model_camera)
            low = float(np.quantile(plane.height_m(se3.apply(first, one.model.points_m)), 0.02))
            if abs(low) < STANDS_M:
                facts[f"{name}_stands_on_table"] = True
        facts |= {f"{name}_{k}": v for k, v in _joint_facts(joint_of(track, one)).items()}
    return facts


def _joint_facts(one: Joint) -> dict[str, Any]:
    facts: dict[str, Any] = {"joint": one.kind, "joint_why": one.why}
    if one.kind not in ("revolute", "prismatic"):
        return facts
    unit = "rad" if one.kind == "revolute" else "m"
    facts["joint_axis"] = _rounded(one.axis)
    facts["joint_axis_sigma_rad"] = round(one.sigma_axis_rad, 4)
    if one.kind == "revolute":
        facts["joint_point_m"] = _rounded(one.point_m)
        facts["joint_point_sigma_m"] = round(one.sigma_point_m, 4)
    facts[f"joint_range_{unit}"] = _rounded(np.array([one.low, one.high]))
    facts[f"joint_range_sigma_{unit}"] = round(one.sigma_range, 4)
    return facts


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(v), 4) for v in values]
