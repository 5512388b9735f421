"""What the product's hands stages say of a clip with objects; kept in the user's cache."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import platformdirs

from benchmarks._object_scenes import FOCAL_PX, ObjectClip
from rotoscope.models.camera.motion_stage import CameraMotionStage
from rotoscope.models.camera.points_stage import ScenePoints
from rotoscope.models.hands.lift_stage import Lift, LiftConfig
from rotoscope.models.hands.stage import Hands
from rotoscope.pipeline.stage import Stage, Tracks
from rotoscope.pipeline.stages.camera import CameraConfig, CameraStage
from rotoscope.pipeline.stages.smooth import Smooth
from rotoscope.pipeline.types import Clip
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames


def seen_hands(made: ObjectClip) -> Tracks:
    """Tracks of the stages up to `smooth`, with the true focal length and palm length."""
    path = made.path.with_suffix(".hands.pickle")
    if not path.exists():
        path.write_bytes(pickle.dumps(perceive(made.path, FOCAL_PX, made.palm_m)))
    found: Tracks = pickle.loads(path.read_bytes())  # our own file, beside the rendered clip
    return found


def kept_hands(path: Path, focal_px: float) -> Tracks:
    """The same of any video, the palm's length unknown; kept by the video's name."""
    kept = platformdirs.user_cache_path("rotoscope") / "rendered_objects" / f"{path.stem}.pickle"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(pickle.dumps(perceive(path, focal_px, None)))
    found: Tracks = pickle.loads(kept.read_bytes())  # our own file
    return found


def clip_of(path: Path) -> Clip:
    """All of a video."""
    video = probe(path)
    return Clip(video, 0, np.array([frame.time_s for frame in read_frames(video)]))


def perceive(path: Path, focal_px: float | None, palm_m: float | None) -> Tracks:
    """Tracks of the stages up to `smooth`."""
    video = probe(path)
    hands, points = Hands(Hands.Config(num_hands=2)), ScenePoints(ScenePoints.Config())
    times = []
    for stage in (hands, points):
        stage.setup()
        stage.begin(video)
    for frame in read_frames(video):
        hands.observe(frame)
        points.observe(frame)
        times.append(frame.time_s)
    clip = Clip(video, 0, np.array(times))
    tracks = dict(hands.finish(clip.time_s)) | points.finish(clip.time_s)
    hands.close()
    stages: list[Stage] = [
        CameraStage(CameraConfig(fx=focal_px)),
        Lift(LiftConfig(palm_length_m=palm_m)),
        CameraMotionStage(CameraMotionStage.Config()),
        Smooth(Smooth.Config()),
    ]
    for stage in stages:
        stage.setup()
        tracks |= stage.run(clip, tracks)  # type: ignore[attr-defined]
    return tracks
