"""One Rerun recording per episode: frames, hand, body, gripper, things, tracks on one timeline.

Everything in space stands in one frame, that of the camera at the episode's start (of the world
where there is no camera), so that a camera that moves is seen to move.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.datasets.phases import GRASP, Phase, phases_of
from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows, open_dataset, read_images
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.report.draw import BONES, gripper_lines
from rotoscope.pipeline.report.features import check_features, frame_size
from rotoscope.pipeline.report.figure import BODY_BONES
from rotoscope.pipeline.report.marks import HAND, THING, marks_of
from rotoscope.pipeline.report.objects import FRAME, STRIPS, poses, thing_way
from rotoscope.pipeline.report.pictures import (
    body_in_camera,
    body_of,
    gripper_of,
    overlay_of,
)
from rotoscope.pipeline.report.timeline import column
from rotoscope.pipeline.tracks import runs

FLAGS = ("label.valid", "label.confidence", *(name for name, _, _ in STRIPS))
"""Columns of one number that are curves over time."""
CONTACTS = ("label.contact", "track.body.contact")
"""Columns that say which foot stands; the first that is there counts."""
JOINTS, CAMERA = "track.hand.joints", "track.camera.pose"
_AXIS_M = 0.05


def write_recordings(dataset_path: Path, folder: Path) -> Iterator[Path]:
    """Writes `episode_000000.rrd` and so on, yielding each path.

    Raises:
        UsageError: The optional package `rerun-sdk` is not installed.
        DatasetError: The folder holds no LeRobot v3 dataset.
    """
    try:
        import rerun  # noqa: F401
    except ImportError as error:
        raise UsageError(
            "recordings need the optional package rerun-sdk: pip install 'rotoscope[rerun]'"
        ) from error
    dataset = open_dataset(dataset_path)
    check_features(dataset)
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(len(dataset.table)):
        path = folder / f"episode_{index:06d}.rrd"
        write_recording(dataset, dataset.episode(index), path)
        yield path


def write_recording(dataset: Dataset, episode: EpisodeRows, path: Path) -> None:
    """Writes one episode: see the module for what stands where."""
    import rerun as rr

    recording = rr.RecordingStream("rotoscope", recording_id=str(episode.meta.get("episode_id")))
    recording.save(str(path))
    has_video = dataset.video_key is not None
    axes = rr.ViewCoordinates.RDF if has_video else rr.ViewCoordinates.FLU
    recording.log("/", axes, static=True)
    _standing(recording, dataset, episode)
    rows = range(episode.num_rows)
    images = read_images(episode, rows, dataset.fps) if has_video else itertools.repeat(None)
    way_m = _thing_in_scene(dataset, episode)
    T_scene_camera = _camera(episode)
    starts: dict[int, Phase] = {}
    if GRASP in episode.columns:
        starts = {phase.start: phase for phase in phases_of(episode, dataset.fps)}
    for row, image in zip(rows, images, strict=has_video):
        recording.set_time("time", duration=row / dataset.fps)
        if image is not None:
            recording.log("camera/image", rr.Image(image).compress(jpeg_quality=80))
            _over_the_frame(recording, dataset, episode, row)
        if T_scene_camera is not None and np.isfinite(T_scene_camera[row]).all():
            pose = T_scene_camera[row]
            recording.log("camera", rr.Transform3D(translation=pose[:3, 3], mat3x3=pose[:3, :3]))
        _bodies(recording, dataset, episode, row)
        if way_m is not None:
            known = [way_m[row]] if np.isfinite(way_m[row]).all() else []
            recording.log("thing/place", rr.Points3D(known, radii=0.012, colors=[THING]))
        if row in starts:
            recording.log("phase", rr.TextLog(f"{starts[row].name}: {starts[row].text}"))
        _numbers(recording, dataset, episode, row)
    recording.flush()


def _standing(recording: Any, dataset: Dataset, episode: EpisodeRows) -> None:
    """What holds for the whole episode: the camera's lens, the robot's base, ways as a whole."""
    import rerun as rr

    scene = episode.meta.get("scene", {})
    if dataset.video_key is not None:
        height, width = frame_size(dataset)
        overlay = overlay_of(dataset, episode, 0)
        if scene.get("K"):
            lens = rr.Pinhole(
                image_from_camera=overlay.K, width=width, height=height, image_plane_distance=0.2
            )
            recording.log("camera/image", lens, static=True)
        context = rr.AnnotationContext([(1, "thing", THING)])
        recording.log("camera/image/segment", context, static=True)
    if scene.get("T_camera_base"):
        base = np.array(scene["T_camera_base"])
        pose = rr.Transform3D(translation=base[:3, 3], mat3x3=base[:3, :3])
        recording.log("base", pose, rr.TransformAxes3D(2 * _AXIS_M), static=True)
    if JOINTS in episode.columns:
        wrist_m = column(episode, JOINTS)[:, :3]
        recording.log("hand/way", _path(wrist_m, HAND), static=True)
    way_m = _thing_in_scene(dataset, episode)
    if way_m is not None:
        recording.log("thing/way", _path(way_m, THING), static=True)


def _path(points_m: Float[np.ndarray, "time 3"], color: tuple[int, int, int]) -> Any:
    import rerun as rr

    known = runs(np.isfinite(points_m).all(axis=1))
    return rr.LineStrips3D([points_m[a:b] for a, b in known], radii=0.0015, colors=[color])


def _over_the_frame(recording: Any, dataset: Dataset, episode: EpisodeRows, row: int) -> None:
    """Motion tracks, where the points are now, the thing's segment and where it was."""
    import rerun as rr
    from PIL import Image, ImageDraw

    marks = marks_of(dataset, episode, row)
    ahead = [line for line in marks.lines if line.is_future]
    gone = [line for line in marks.lines if not line.is_future]
    for name, lines in (("motion_tracks", ahead), ("trail", gone)):
        if lines or name == "motion_tracks":
            strips = [line.points_px[np.isfinite(line.points_px).all(axis=1)] for line in lines]
            colors = [line.color for line in lines]
            recording.log(f"camera/image/{name}", rr.LineStrips2D(strips, colors=colors, radii=1.5))
    now = [line.points_px[0] for line in ahead]
    recording.log("camera/image/points", rr.Points2D(now, colors=[x.color for x in ahead], radii=3))
    height, width = frame_size(dataset)
    segment = Image.new("L", (width, height))
    if marks.outline_px is not None:
        edge = [tuple(point) for point in marks.outline_px.tolist()]
        ImageDraw.Draw(segment).polygon(edge, fill=1)
    if marks.outline_px is not None or row == 0:
        picture = rr.SegmentationImage(np.asarray(segment), opacity=0.4)
        recording.log("camera/image/segment", picture)
    else:
        recording.log("camera/image/segment", rr.Clear(recursive=False))


def _bodies(recording: Any, dataset: Dataset, episode: EpisodeRows, row: int) -> None:
    """Hand, body, gripper and the frame of the thing."""
    import rerun as rr

    whole = body_of(episode)
    if whole is not None:
        body = body_in_camera(episode, row) if dataset.video_key is not None else whole[row]
        assert body is not None
        bones = [body[list(pair)] for pair in BODY_BONES]
        known = [bone for bone in bones if np.isfinite(bone).all()]
        recording.log("body", rr.LineStrips3D(known, radii=0.01))
    if JOINTS in episode.columns:
        joints_m = np.asarray(episode.columns[JOINTS][row], float).reshape(21, 3)
        bones = [joints_m[list(pair)] for pair in BONES] if np.isfinite(joints_m).all() else []
        recording.log("hand", rr.LineStrips3D(bones, radii=0.003))
        points = joints_m[np.isfinite(joints_m).all(axis=1)]
        recording.log("hand/points", rr.Points3D(points, radii=0.005, colors=[HAND]))
    T_scene_ee, opening_m = gripper_of(dataset, episode, row)
    if T_scene_ee is not None:
        is_known = np.isfinite(T_scene_ee).all() and np.isfinite(opening_m)
        lines = list(gripper_lines(T_scene_ee, opening_m)) if is_known else []
        recording.log("gripper", rr.LineStrips3D(lines, radii=0.004))
    base = episode.meta.get("scene", {}).get("T_camera_base")
    if FRAME in episode.columns and base:
        pose = np.array(base) @ poses(column(episode, FRAME)[row : row + 1])[0]
        if np.isfinite(pose).all():
            moved = rr.Transform3D(translation=pose[:3, 3], mat3x3=pose[:3, :3])
            recording.log("thing/frame", moved, rr.TransformAxes3D(_AXIS_M))


def _numbers(recording: Any, dataset: Dataset, episode: EpisodeRows, row: int) -> None:
    """Actions and flags as curves."""
    import rerun as rr

    names = dataset.names("action")
    values = np.ravel(episode.columns["action"][row]) if names else np.zeros(0)
    for name, value in zip(names, values, strict=True):
        recording.log(f"action/{name}", rr.Scalars(float(value)))
    for name in FLAGS:
        if name in episode.columns:
            value = float(np.ravel(episode.columns[name][row])[0])
            recording.log(name.replace(".", "/"), rr.Scalars(value))
    feet = next((name for name in CONTACTS if name in episode.columns), None)
    if feet is not None:
        stands = np.ravel(episode.columns[feet][row])
        for side, value in zip(dataset.names(feet), stands, strict=True):
            recording.log(f"contact/{side}", rr.Scalars(float(value)))


def _camera(episode: EpisodeRows) -> Float[np.ndarray, "time 4 4"] | None:
    """Where the camera is; `None` where it stands still."""
    return poses(column(episode, CAMERA)) if CAMERA in episode.columns else None


def _thing_in_scene(dataset: Dataset, episode: EpisodeRows) -> Float[np.ndarray, "time 3"] | None:
    """Where the thing is, in the frame that everything stands in [m]."""
    way_m, base = thing_way(dataset, episode), episode.meta.get("scene", {}).get("T_camera_base")
    if way_m is None or not base:
        return None
    return np.asarray(se3.apply(np.array(base), way_m))
