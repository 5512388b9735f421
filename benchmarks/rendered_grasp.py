"""One captured grasp of a box, rendered from seven cameras, through the recipe `hand-gripper`.

The true intrinsics are given; the hand's size is not, and then it is (the distance of wrist and
middle root in the capture's own joints, which are not where MediaPipe's landmarks are). The path of
a moving camera gets its scale as the farthest distance from its start. Rows are those of the
dataset that are valid. One hand and one grasp: it shows, and chose nothing. The path
of the end effector is compared in the world after one rigid motion for each clip.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

import rotoscope
from benchmarks._grasp_scores import figures, score
from benchmarks.figure import Bar, Figure
from benchmarks.paths import require_shared_data
from rotoscope.models.perception.pnp import rotation_between
from rotoscope.pipeline.geometry import hand_frame, se3
from rotoscope.pipeline.stage import Tracks
from rotoscope.pipeline.tracks import ActionTrack, CameraMotion, GripperTrack, HandTrack

CLIPS = ("e", "f", "g", "h", "pan", "walk", "ego")
LEAST_PATH_ROWS = 20
"""Fewer valid rows make no path."""
_LEAST_WAY_M = 1e-3
BAR = Bar("<=", 1.15)
"""Of the path's error with the estimated camera over that with the true one."""


def run() -> list[Figure]:
    """All clips, with the hand's size unknown and given; a few minutes."""
    folder = require_shared_data() / "rendered_grasp"
    with tempfile.TemporaryDirectory() as scratch:
        return [
            figure
            for clip in CLIPS
            for is_size_given in (False, True)
            for figure in _measured(folder / f"{clip}.mp4", Path(scratch), is_size_given)
        ]


def _measured(video: Path, scratch: Path, is_size_given: bool) -> list[Figure]:
    with np.load(video.with_name(f"{video.stem}_gt.npz")) as arrays:
        truth = {name: arrays[name] for name in ("K", "T_cam_world", "joints_cam", "joints_world")}
    K, joints = truth["K"], truth["joints_cam"]
    overrides = [f"camera.fx={K[0, 0]}", f"camera.fy={K[1, 1]}"]
    overrides += [f"camera.cx={K[0, 2]}", f"camera.cy={K[1, 2]}"]
    farthest_m = _farthest_m(truth["T_cam_world"])
    if farthest_m > _LEAST_WAY_M:
        overrides.append(f"camera_motion.farthest_m={farthest_m}")
    if is_size_given:
        palm = joints[0, hand_frame.MIDDLE_MCP] - joints[0, hand_frame.WRIST]
        overrides.append(f"lift.palm_length_m={np.linalg.norm(palm)}")
    name = f"rendered_grasp.{video.stem}" + (".size_given" if is_size_given else "")
    made = rotoscope.label(
        video, out=scratch / name, overrides=overrides, store=scratch / "store"
    ).tracks()
    tracks = {n: t for stage in made.values() for n, t in stage.items()}
    rows = _valid_rows(tracks, len(joints))
    found = Figure(f"{name}.valid", int(rows.sum()), f"of {len(joints)}")
    if not rows.any():
        return [found]
    # The stage that is last for a name gave it; hands lie in the frame of the reference camera.
    hand, gripper = tracks["hands.right"], tracks["gripper.right"]
    assert isinstance(hand, HandTrack)
    assert isinstance(gripper, GripperTrack)
    true_joints = _in_reference(tracks, truth["T_cam_world"], joints)
    path = _path_figures(name, gripper, truth["joints_world"], rows)
    if (
        path
        and not is_size_given
        and not np.allclose(truth["T_cam_world"], truth["T_cam_world"][0])
    ):
        path += _against_the_true_camera(video, scratch, overrides, truth, path[0].value)
    return [found, *figures(name, score(hand, gripper, true_joints, rows)), *path]


def _against_the_true_camera(
    video: Path, scratch: Path, overrides: list[str], truth: dict[str, np.ndarray], rms_mm: float
) -> list[Figure]:
    """How much longer the path's error is than with the camera's true poses beside the video."""
    folder = scratch / f"{video.stem}.known"
    folder.mkdir()
    copy = Path(shutil.copy(video, folder))
    np.savez(folder / f"{video.stem}.camera.npz", T_world_camera=se3.inverse(truth["T_cam_world"]))
    made = rotoscope.label(
        copy, out=folder / "out", overrides=overrides, store=scratch / "store"
    ).tracks()
    tracks = {n: t for stage in made.values() for n, t in stage.items()}
    rows = _valid_rows(tracks, len(truth["joints_cam"]))
    gripper = tracks.get("gripper.right")
    name = f"rendered_grasp.{video.stem}"
    if not isinstance(gripper, GripperTrack):
        return []
    (known,) = _path_figures(f"{name}.true_camera", gripper, truth["joints_world"], rows)
    return [known, Figure(f"{name}.path_over_true_camera", rms_mm / known.value, "x", BAR)]


def _farthest_m(T_camera_world: np.ndarray) -> float:
    """How far the camera gets from where it starts; one pose stands for a still one."""
    poses = se3.inverse(T_camera_world.reshape(-1, 4, 4))
    return float(np.linalg.norm(poses[:, :3, 3] - poses[0, :3, 3], axis=1).max())


def _valid_rows(tracks: Tracks, num: int) -> Bool[np.ndarray, " time"]:
    """Frames whose action is valid, of the right hand."""
    actions = tracks.get("actions.retarget.arm.right")
    if not isinstance(actions, ActionTrack):
        return np.zeros(num, bool)
    hand = tracks["hands.right"]
    assert isinstance(hand, HandTrack)
    valid: np.ndarray = actions.valid & hand.valid
    return valid


def _in_reference(
    tracks: Tracks, T_camera_world: np.ndarray, joints_m: Float[np.ndarray, "time 21 3"]
) -> Float[np.ndarray, "time 21 3"]:
    """The true joints in the frame that the tracks are in."""
    motion = tracks.get("camera_motion")
    if not isinstance(motion, CameraMotion) or motion.kind not in ("turning", "moving"):
        return joints_m
    poses = np.broadcast_to(T_camera_world, (len(joints_m), 4, 4))
    return se3.apply(poses[:1] @ se3.inverse(poses), joints_m)


def _path_figures(
    name: str,
    gripper: GripperTrack,
    world_m: Float[np.ndarray, "time 21 3"],
    rows: Bool[np.ndarray, " time"],
) -> list[Figure]:
    """Root mean square distance to the true path after one rigid motion."""
    if rows.sum() < LEAST_PATH_ROWS:
        return []
    tips = (hand_frame.THUMB_TIP, hand_frame.INDEX_TIP)
    true, path = world_m[rows][:, tips].mean(axis=1), gripper.T_camera_ee[rows, :3, 3]
    R = rotation_between(path, true[None])[0]
    off = (path - path.mean(axis=0)) @ R.T - (true - true.mean(axis=0))
    rms_m = float(np.sqrt((off**2).sum(axis=1).mean()))
    return [Figure(f"{name}.path_rms", 1e3 * rms_m, "mm")]
