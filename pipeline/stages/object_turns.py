"""How the thing of each frame is turned, where a depth sensor measured it, for labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import ObjectPoseTrack, ObjectTrack, runs

Column = tuple[np.ndarray, tuple[str, ...], str, str]
_POSE = ("x", "y", "z", "wx", "wy", "wz")
REST_FRAMES = 6
"""Frames before first contact whose pose says how the thing rests."""


@dataclass(frozen=True, eq=False)
class Turns:
    """Rotations of the thing of each frame."""

    R_base_frame: Float[np.ndarray, "time 3 3"]
    """Axes of the frame that actions are in: those of the base, or of the mesh as it rests."""
    R_frame_object: Float[np.ndarray, "time 3 3"]
    """How it is turned against that frame; NaN where unknown."""
    sigma_rad: Float[np.ndarray, "time 3"]
    """1-sigma about the axes of that frame."""


def placed_by_pose(thing: ObjectTrack, pose: ObjectPoseTrack | None) -> ObjectTrack:
    """The thing where the sensor measured it, and where its hand says else."""
    if pose is None or not pose.valid.any():
        return thing
    known = pose.valid[:, None]
    if pose.origin == "mesh":
        # The mesh's origin is another point than the middle: the two make no path together.
        center_m = np.where(known, pose.T_camera_object[:, :3, 3], np.nan)
        return thing.replace(
            center_m=center_m, sigma_m=np.where(known, pose.sigma_position_m, np.nan)
        )
    return thing.replace(
        center_m=np.where(known, pose.T_camera_object[:, :3, 3], thing.center_m),
        sigma_m=np.where(known, pose.sigma_position_m, thing.sigma_m),
    )


def turns_of(
    things: Sequence[ObjectTrack],
    poses: Mapping[int, ObjectPoseTrack],
    number: Int[np.ndarray, " time"],
    contact: Int[np.ndarray, " time"],
    T_base_camera: Float[np.ndarray, "4 4"],
) -> Turns:
    """How the thing of each frame is turned against how it rested before it was first taken.

    Args:
        things: All things.
        poses: Their poses, by number.
        number: Index of the thing of each frame, -1 for none.
        contact: Frame in which that is first taken.
        T_base_camera: The frame of the hands in the robot's base.
    """
    num = len(number)
    base = np.tile(np.eye(3), (num, 1, 1))
    turned, sigma = np.full((num, 3, 3), np.nan), np.full((num, 3), np.nan)
    for index in np.unique(number[number >= 0]):
        pose, mine = poses.get(things[index].number), number == index
        rest = None if pose is None else _rest(pose, int(contact[mine][0]))
        if pose is None or rest is None:
            continue
        R_base_rest = T_base_camera[:3, :3] @ rest
        # Without a mesh its own axes are those of the camera by chance: it rests unturned.
        axes = R_base_rest if pose.origin == "mesh" else np.eye(3)
        base[mine] = axes
        known = mine & pose.rotation_valid
        R = T_base_camera[:3, :3] @ pose.T_camera_object[known, :3, :3]
        turned[known] = axes.T @ R @ (np.eye(3) if pose.origin == "mesh" else R_base_rest.T @ axes)
        to_frame = axes.T @ T_base_camera[:3, :3]
        sigma[known] = np.sqrt(pose.sigma_rotation_rad[known] ** 2 @ (to_frame**2).T)
    return Turns(base, turned, sigma)


def pose_columns(
    turns: Turns | None,
    frame: Float[np.ndarray, "time 4 4"],
    path_m: Float[np.ndarray, "time 3"],
    sigma_m: Float[np.ndarray, "time 3"],
    held: Bool[np.ndarray, " time"],
) -> dict[str, Column]:
    """`object_pose` and `object_goal`: where the thing is in the frame that actions are in."""
    num = len(held)
    pose = np.full((num, 12), np.nan)
    if turns is not None:
        back = np.swapaxes(frame[:, :3, :3], 1, 2)
        pose[:, :3] = np.einsum("tij,tj->ti", back, path_m - frame[:, :3, 3])
        known = np.isfinite(turns.R_frame_object).all(axis=(1, 2))
        pose[known, 3:6] = se3.log_so3(turns.R_frame_object[known])
        pose[:, 6:9] = np.sqrt(np.einsum("tij,tj->ti", back**2, sigma_m**2))
        pose[:, 9:] = turns.sigma_rad
    sigmas = tuple(f"sigma_{name}" for name in _POSE)
    return {
        "object_pose": (
            pose,
            (*_POSE, *sigmas),
            "m, rad",
            "Pose of the thing in the frame that the action is in, by a depth sensor, and its "
            "1-sigma along and about that frame's axes.",
        ),
        "object_goal": (
            _goals(pose[:, :6], held),
            _POSE,
            "m, rad",
            "The same where the hand lets the thing go: where it is carried to.",
        ),
    }


def _rest(pose: ObjectPoseTrack, contact: int) -> Float[np.ndarray, "3 3"] | None:
    """How it is turned while it rests: the last valid frames up to first contact."""
    known = np.flatnonzero(pose.rotation_valid[: contact + 1])[-REST_FRAMES:]
    if not len(known):
        return None
    R = pose.T_camera_object[known, :3, :3]
    # The rotation nearest to the mean of matrices (chordal mean).
    u, _, vt = np.linalg.svd(R.mean(axis=0))
    return np.asarray(u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt)


def _goals(
    pose: Float[np.ndarray, "time 6"], held: Bool[np.ndarray, " time"]
) -> Float[np.ndarray, "time 6"]:
    """Of every frame up to the end of a hold the pose that it ends in."""
    out = np.full((len(pose), 6), np.nan)
    before = 0
    for start, end in runs(held):
        known = [t for t in range(end - 1, start - 1, -1) if np.isfinite(pose[t]).all()][:3]
        if known and known[0] >= end - 5:
            out[before:end] = pose[known[0]]
        before = end
    return out
