"""6-D poses from depth and segments, with the true pose of things that MuJoCo draws.

`python -m benchmarks object_pose`. Constants were chosen on `_pose_scenes.CHOSE` and
`_joint_scenes.CHOSE`; the scenes here chose nothing, each kind stands for itself. Segments are the
true visible ones with an outline that is off by a pixel or two; the focal length is given. Without
a mesh a pose counts against that of the first frame. ADD: mean distance of the thing's points.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from benchmarks._joint_scenes import REPORT as JOINTS
from benchmarks._joint_scenes import JointScene, joint_clip
from benchmarks._object_hands import clip_of
from benchmarks._pose_scenes import HEIGHT, REPORT, WIDTH, K, PoseScene, parts_of, pose_clip
from benchmarks._pose_shapes import write_mesh
from benchmarks.figure import Bar, Figure
from rotoscope.models.object_pose.stage import ObjectPose
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.stage import Tracks
from rotoscope.pipeline.tracks import Camera, ObjectPoseTrack, ObjectTrack, QualityTrack

WITH_MESH = ("drill", "bracket", "pitcher", "bear")
"""Shapes that look the same from one side alone."""
CAMERA = Camera(K=K, width=WIDTH, height=HEIGHT, source="recipe", sigma_focal_rel=0.003)


def run() -> list[Figure]:
    """Free things by kind, some with their mesh, then joints; rendering takes minutes, once."""
    figures: list[Figure] = []
    for kind, scenes in REPORT.items():
        for scene in scenes:
            figures += pose_figures(f"object_pose.{kind}.{scene.name}", scene)
    for scene in (s for scenes in REPORT.values() for s in scenes):
        if scene.shape in WITH_MESH:
            figures += mesh_figures(f"object_pose.mesh.{scene.name}", scene)
    for kind, episodes in JOINTS.items():
        for episode in episodes:
            figures += joint_figures(f"object_pose.joint.{kind}", episode)
    return figures


def object_of(masks: Bool[np.ndarray, "time height width"]) -> ObjectTrack:
    """The given segments as the stage `objects` would say them."""
    num, height, width = masks.shape
    return ObjectTrack(
        number=1,
        mask_bits=np.packbits(masks.reshape(num, -1), axis=1),
        mask_width=width,
        mask_height=height,
        valid=masks.any(axis=(1, 2)),
        center_px=np.full((num, 2), np.nan),
        sigma_px=np.full(num, np.nan),
        held=np.zeros((num, 2), bool),
        center_m=np.full((num, 3), np.nan),
        sigma_m=np.full((num, 3), np.nan),
    )


def followed(path: Path, masks: np.ndarray, camera: Camera = CAMERA) -> tuple[Tracks, float]:
    """What the stage says, and CPU time [ms a frame]."""
    stage, clip = ObjectPose(ObjectPose.Config()), clip_of(path)
    stage.setup()
    start_s = time.process_time()
    made = stage.run(clip, {"objects.1": object_of(masks), "camera": camera})
    return made, (time.process_time() - start_s) / clip.num_frames * 1e3


def errors(
    track: ObjectPoseTrack, true: Float[np.ndarray, "time 4 4"], points_m: np.ndarray
) -> tuple[Float[np.ndarray, " time"], Float[np.ndarray, " time"], Float[np.ndarray, "time 3"]]:
    """ADD [m], angle [rad] and the origin's error along the axes [m] of the valid frames."""
    first = int(np.argmax(track.valid))
    own = se3.inverse(track.T_camera_object[first]) @ true[first]
    told = track.T_camera_object[track.valid] @ own
    truth = true[track.valid]
    a, b = se3.apply(told, points_m[None]), se3.apply(truth, points_m[None])
    add = np.linalg.norm(a - b, axis=2).mean(axis=1)
    # The origin of the thing's own frame, carried along by the truth.
    there = truth @ se3.inverse(own)
    off = track.T_camera_object[track.valid][:, :3, 3] - there[:, :3, 3]
    return add, se3.angle_between(told[:, :3, :3], truth[:, :3, :3]), off


def pose_figures(name: str, scene: PoseScene) -> list[Figure]:
    """Of one scene."""
    clip = pose_clip(scene)
    made, cost_ms = followed(clip.path, clip.masks)
    track = made["object_poses.1"]
    assert isinstance(track, ObjectPoseTrack)
    add, angle, off = errors(track, clip.T_camera_object, clip.points_m)
    turned = track.rotation_valid[track.valid]
    figures = [
        Figure(f"{name}.valid", float(track.valid.mean()), "1"),
        Figure(f"{name}.rotation_valid", float(track.rotation_valid.mean()), "1"),
        Figure(
            f"{name}.center_median", _median(1e3 * np.linalg.norm(off, axis=1)), "mm", Bar("<=", 10)
        ),
        Figure(f"{name}.center_in_2_sigma", _inside(off, track.sigma_position_m[track.valid]), "1"),
        Figure(f"{name}.cpu", cost_ms, "ms/frame"),
    ]
    if turned.sum() > 10:
        figures += [
            Figure(f"{name}.add_median", _median(1e3 * add[turned]), "mm", Bar("<=", 10)),
            Figure(f"{name}.add_worst_tenth", float(np.quantile(1e3 * add[turned], 0.9)), "mm"),
            Figure(f"{name}.turn_median", _median(np.degrees(angle[turned])), "deg", Bar("<=", 5)),
            Figure(
                f"{name}.turn_worst_tenth",
                float(np.quantile(np.degrees(angle[turned]), 0.9)),
                "deg",
            ),
            Figure(
                f"{name}.turn_in_2_sigma",
                float(
                    (angle < 2 * np.linalg.norm(track.sigma_rotation_rad[track.valid], axis=1))[
                        turned
                    ].mean()
                ),
                "1",
            ),
        ]
    return figures


def mesh_figures(name: str, scene: PoseScene) -> list[Figure]:
    """With the thing's mesh beside the video: the pose itself counts, not against a first frame."""
    clip = pose_clip(scene)
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "clip.mp4"
        video.symlink_to(clip.path)
        (Path(folder) / "clip.depth").symlink_to(clip.path.with_suffix(".depth"))
        write_mesh(parts_of(scene), video.with_name("clip.mesh.ply"))
        made, cost_ms = followed(video, clip.masks)
    track = made["object_poses.1"]
    assert isinstance(track, ObjectPoseTrack)
    told, truth = track.T_camera_object[track.valid], clip.T_camera_object[track.valid]
    a, b = se3.apply(told, clip.points_m[None]), se3.apply(truth, clip.points_m[None])
    add = 1e3 * np.linalg.norm(a - b, axis=2).mean(axis=1)
    angle = np.degrees(se3.angle_between(told[:, :3, :3], truth[:, :3, :3]))
    return [
        Figure(f"{name}.valid", float(track.valid.mean()), "1"),
        Figure(f"{name}.add_median", _median(add), "mm", Bar("<=", 10)),
        Figure(f"{name}.turn_median", _median(angle), "deg", Bar("<=", 5)),
        Figure(f"{name}.cpu", cost_ms, "ms/frame"),
    ]


def joint_figures(name: str, scene: JointScene) -> list[Figure]:
    """Kind, axis and range of a part that a robot moves."""
    clip = joint_clip(scene)
    made, _ = followed(clip.path, clip.masks)
    quality, track = made["quality.object_pose"], made["object_poses.1"]
    assert isinstance(quality, QualityTrack)
    assert isinstance(track, ObjectPoseTrack)
    facts = quality.facts
    is_right = facts["object_1_joint"] == clip.kind
    figures = [
        Figure(f"{name}.valid", float(track.valid.mean()), "1"),
        Figure(f"{name}.kind_right", float(is_right), "1", Bar("==", 1)),
    ]
    if not is_right:
        return figures
    cosine = abs(float(np.array(facts["object_1_joint_axis"]) @ clip.axis))
    off_deg = float(np.degrees(np.arccos(min(1.0, cosine))))
    unit = "rad" if clip.kind == "revolute" else "m"
    low, high = facts[f"object_1_joint_range_{unit}"]
    seen = clip.position[track.rotation_valid]
    figures += [
        Figure(f"{name}.axis", off_deg, "deg", Bar("<=", 5)),
        Figure(f"{name}.range_off", abs(high - low - float(np.ptp(seen))), unit),
    ]
    if clip.kind == "revolute":
        away = np.array(facts["object_1_joint_point_m"]) - clip.point_m
        off_m = float(np.linalg.norm(np.cross(away, clip.axis)))
        figures.append(Figure(f"{name}.line_off", 1e3 * off_m, "mm"))
    return figures


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if len(values) else float("nan")


def _inside(off: np.ndarray, sigma: np.ndarray) -> float:
    return float((np.abs(off) < 2 * sigma).mean()) if len(off) else float("nan")
