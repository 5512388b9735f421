"""People in video: landmarks by Google's own regression test, place and joints of rendered ones.

Google's test of BlazePose on a video of squats (tfjs-models, `mediapipe_test.ts`) compares every
coordinate of every landmark in every frame with `expectArraysClose`: each may differ by at most
31 px in the image and 0.24 m in the world. So a frame is within the tolerance here if its worst
coordinate is. CPU time is the process's, decoding not included.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
from jaxtyping import Float

from benchmarks._rendered_person import (
    FOCAL_PX,
    HEIGHT,
    NUM_FRAMES,
    RATE_HZ,
    WALKS,
    WIDTH,
    RenderedPerson,
)
from benchmarks.figure import Bar, Figure
from benchmarks.paths import require_shared_data
from rotoscope.models.bodies.joints import joints_of
from rotoscope.models.bodies.lift_stage import LiftBody, LiftBodyConfig
from rotoscope.models.bodies.stage import Body, BodyConfig
from rotoscope.pipeline.stages.camera import CameraConfig, CameraStage
from rotoscope.pipeline.stages.smooth import Smooth, SmoothConfig
from rotoscope.pipeline.testing import a_video
from rotoscope.pipeline.tracks import BODY_JOINTS, SIDES, BodyTrack, Track
from rotoscope.pipeline.types import Clip, Video
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames
from rotoscope.retarget.common.confidence import LIMBS_RAD, limbs_chance
from rotoscope.retarget.humanoid.limbs_sigma import limbs_sigma
from rotoscope.retarget.humanoid.problem import LIMBS

TOLERANCE_PX = 31.0
"""`EPSILON_VIDEO` of Google's test."""
TOLERANCE_M = 0.24
"""`EPSILON_VIDEO_WORLD` of Google's test."""
_SLOW_VIDEO = SmoothConfig(max_gap_s=0.5)
"""The squats have 5 frames a second."""


def run() -> list[Figure]:
    """All figures of the stages `body` and `lift_body`."""
    return [*_squats(), *(figure for name in WALKS for figure in _walk(name))]


def read_reference(
    folder: Path,
) -> tuple[Float[np.ndarray, "time 33 2"], Float[np.ndarray, "time 33 3"]]:
    """Google's landmarks of the squats, in the image [px] and in the world [m]."""
    seen, world = (
        np.array(json.loads((folder / name).read_text()))
        for name in ("pose_squats.full.json", "pose_squats_3d.full.json")
    )
    return seen[..., :2], world


def knee_angle_rad(
    joints_m: Float[np.ndarray, "time body_joint 3"], side: str
) -> Float[np.ndarray, " time"]:
    """Angle between thigh and shank [rad]; a straight knee has pi."""
    hip, knee, ankle = (
        joints_m[:, BODY_JOINTS.index(f"{side}_{joint}")] for joint in ("hip", "knee", "ankle")
    )
    thigh, shank = hip - knee, ankle - knee
    across = np.linalg.norm(np.cross(thigh, shank), axis=1)
    return np.arctan2(across, (thigh * shank).sum(axis=1))


def _squats() -> list[Figure]:
    folder = require_shared_data() / "tfjs_pose_regression"
    video = probe(folder / "pose_squats.mp4")
    frames = list(read_frames(video))
    for frame in frames:
        frame.rgb  # noqa: B018 - made before the clock runs
    time_s = np.array([frame.time_s for frame in frames])
    stage = Body(BodyConfig())
    stage.setup()
    stage.begin(video)
    mark = time.process_time()
    for frame in frames:
        stage.observe(frame)
    tracks = stage.finish(time_s)
    body_s = time.process_time() - mark
    stage.close()
    clip = Clip(video, 0, time_s)
    camera = CameraStage(CameraConfig()).run(clip, {})
    mark = time.process_time()
    lifted = LiftBody(LiftBodyConfig()).run(clip, {**tracks, **camera})
    lift_s = time.process_time() - mark
    smooth = Smooth(_SLOW_VIDEO).run(clip, lifted)
    return [
        *_against_google(_body(tracks), folder),
        *_knees(_body(smooth), folder),
        *_feet(_body(smooth)),
        Figure("body.squats.cpu_per_frame", 1e3 * body_s / len(frames), "ms"),
        Figure("body.squats.lift_cpu_per_frame", 1e3 * lift_s / len(frames), "ms"),
    ]


def _against_google(body: BodyTrack, folder: Path) -> list[Figure]:
    assert body.landmarks_px is not None
    assert body.landmarks_m is not None
    seen, world = read_reference(folder)
    worst_px = np.abs(body.landmarks_px - seen).max(axis=(1, 2))
    worst_m = np.abs(body.landmarks_m - world).max(axis=(1, 2))
    far_px = np.linalg.norm(body.landmarks_px - seen, axis=2).max(axis=1)
    far_m = np.linalg.norm(body.landmarks_m - world, axis=2).max(axis=1)
    bar = Bar(">=", 0.95)
    # A frame without a person is NaN, which is within no tolerance.
    return [
        Figure("body.squats.within_2d", float((worst_px <= TOLERANCE_PX).mean()), "1", bar),
        Figure("body.squats.within_3d", float((worst_m <= TOLERANCE_M).mean()), "1", bar),
        Figure("body.squats.within_2d_distance", float((far_px <= TOLERANCE_PX).mean()), "1"),
        Figure("body.squats.within_3d_distance", float((far_m <= TOLERANCE_M).mean()), "1"),
        Figure("body.squats.worst_2d", float(worst_px.max()), "px"),
        Figure("body.squats.worst_3d", float(worst_m.max()), "m"),
        Figure("body.squats.mean_2d", float(np.abs(body.landmarks_px - seen).mean()), "px"),
    ]


def _knees(body: BodyTrack, folder: Path) -> list[Figure]:
    assert body.joints_m is not None
    reference = joints_of(read_reference(folder)[1])
    known = body.known
    correlations = [
        np.corrcoef(
            knee_angle_rad(body.joints_m[known], side), knee_angle_rad(reference[known], side)
        )[0, 1]
        for side in SIDES
    ]
    return [
        Figure("body.squats.knee_correlation", float(min(correlations)), "1", Bar(">=", 0.9)),
        Figure("body.squats.known_frames", float(known.mean()), "1"),
    ]


def _feet(body: BodyTrack) -> list[Figure]:
    """How much the ankles, which stand still, move about."""
    assert body.joints_m is not None
    ankles = [BODY_JOINTS.index(f"{side}_ankle") for side in SIDES]
    spread_m = np.nanstd(body.joints_m[:, ankles], axis=0).max(axis=0)
    return [
        Figure(f"body.squats.ankle_spread_{axis}", 1e3 * float(spread), "mm")
        for axis, spread in zip("xyz", spread_m, strict=True)
    ]


def _walk(name: str) -> list[Figure]:
    """Errors of one rendered person, with unknown and with known stature."""
    person = RenderedPerson(WALKS[name])
    time_s = np.arange(NUM_FRAMES) / RATE_HZ
    video = _video()
    clip = Clip(video, 0, time_s)
    stage = Body(BodyConfig())
    stage.setup()
    stage.begin(video)
    for frame in person.frames():
        stage.observe(frame)
    tracks = stage.finish(time_s)
    stage.close()
    tracks |= CameraStage(CameraConfig(fx=FOCAL_PX)).run(clip, {})
    true_m = np.array([person.joints_m(i) for i in range(NUM_FRAMES)])
    out = []
    for case, height_m in (("unknown", None), ("known", round(person.stature_m, 2))):
        lifted = LiftBody(LiftBodyConfig(height_m=height_m)).run(clip, tracks)
        body = _body(Smooth(SmoothConfig()).run(clip, lifted))
        out += _errors(f"body.{name}.{case}_stature", body, true_m)
    return out


def _errors(
    prefix: str, body: BodyTrack, true_m: Float[np.ndarray, "time body_joint 3"]
) -> list[Figure]:
    assert body.joints_m is not None
    assert body.sigma_m is not None
    known = body.known
    pelvis = BODY_JOINTS.index("pelvis")
    off_m = body.joints_m[known] - true_m[known]
    position_m = off_m[:, pelvis]
    posture_m = np.linalg.norm(off_m - position_m[:, None], axis=2)
    is_covered = (np.abs(position_m) <= 2.0 * body.sigma_m[known]).all(axis=1)
    distance_m = np.linalg.norm(true_m[known, pelvis], axis=1)
    error_m = np.linalg.norm(position_m, axis=1)
    return [
        Figure(f"{prefix}.known_frames", float(known.mean()), "1"),
        Figure(f"{prefix}.position", 1e3 * float(np.median(error_m)), "mm"),
        Figure(f"{prefix}.position_rel", 100 * float(np.median(error_m / distance_m)), "%"),
        Figure(f"{prefix}.within_2_sigma", float(is_covered.mean()), "1", Bar(">=", 0.9)),
        Figure(f"{prefix}.joints", 1e3 * float(np.nanmean(posture_m)), "mm"),
        *_limbs(prefix, body, true_m),
    ]


def _limbs(
    prefix: str, body: BodyTrack, true_m: Float[np.ndarray, "time body_joint 3"]
) -> list[Figure]:
    """Angles of limbs, and the chance that `label.confidence` of a humanoid states for them."""
    assert body.joints_m is not None
    ours, true = _directions(body.joints_m), _directions(true_m)
    angle_rad = np.arccos(np.clip((ours * true).sum(axis=2), -1.0, 1.0))
    rows = body.valid & np.isfinite(angle_rad).all(axis=1)
    rms_rad = np.sqrt((angle_rad[rows] ** 2).mean(axis=1))
    chance = limbs_chance(limbs_sigma(body, LIMBS)[rows], np.zeros(len(rms_rad)))
    return [
        Figure(f"{prefix}.limbs", float(np.degrees(np.median(rms_rad))), "deg"),
        Figure(f"{prefix}.limbs_stated", float(chance.mean()), "1"),
        Figure(f"{prefix}.limbs_observed", float((rms_rad < LIMBS_RAD).mean()), "1"),
    ]


def _directions(
    joints_m: Float[np.ndarray, "time body_joint 3"],
) -> Float[np.ndarray, "time limb 3"]:
    a, b = np.array([[BODY_JOINTS.index(end) for end in limb] for limb in LIMBS]).T
    along = joints_m[:, b] - joints_m[:, a]
    return np.asarray(along / np.linalg.norm(along, axis=2, keepdims=True))


def _body(tracks: dict[str, Track]) -> BodyTrack:
    body = tracks["body.person0"]
    assert isinstance(body, BodyTrack)
    return body


def _video() -> Video:
    """Facts of a rendered video, which is never written."""
    return a_video(NUM_FRAMES, rate_hz=RATE_HZ, width=WIDTH, height=HEIGHT)
