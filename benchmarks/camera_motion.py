"""What a camera does, against rendered rooms and recordings whose cameras are known."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs
from jaxtyping import Float

from benchmarks._camera_scenes import HELD_OUT, PLAIN, CameraScene, camera_poses, render
from benchmarks._camera_warps import CLIPS, MOTIONS, Warp, render_warp
from benchmarks.figure import Bar, Figure
from benchmarks.paths import shared_data
from rotoscope.models.camera.background import find_background
from rotoscope.models.camera.decide import decide
from rotoscope.models.camera.points_stage import ScenePoints, ScenePointsConfig
from rotoscope.models.camera.scale import StatedScale
from rotoscope.models.hands.lift_stage import Lift, LiftConfig
from rotoscope.models.hands.stage import Hands, HandsConfig
from rotoscope.pipeline.assets import asset_path
from rotoscope.pipeline.files.atomic import atomic_path
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.stage import Tracks
from rotoscope.pipeline.stages.camera import CameraConfig, CameraStage
from rotoscope.pipeline.tracks import CameraMotion, HandTrack, PointTracks, require_camera
from rotoscope.pipeline.types import Clip, Video
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames

VERSION = 1
"""Part of the cache's key; raise it when the same scene is rendered otherwise."""
HAND_M = np.array([0.05, 0.1, 0.5])
"""A hand that stays here is what motion is counted at that errors of the camera add."""


@dataclass(frozen=True, eq=False)
class _Result:
    name: str
    motion: CameraMotion
    true: Float[np.ndarray, "time 4 4"]
    """T_reference_camera; the identity for still clips."""
    points_ms: float
    decide_ms: float
    hands: Tracks

    @property
    def known(self) -> np.ndarray:
        return self.motion.valid

    @property
    def rotation_rad(self) -> np.ndarray:
        est = self.motion.T_reference_camera[self.known, :3, :3]
        return se3.angle_between(est, self.true[self.known, :3, :3])

    @property
    def away_m(self) -> np.ndarray:
        est = self.motion.T_reference_camera[self.known, :3, 3]
        return np.asarray(est - self.true[self.known, :3, 3])

    @property
    def path_error(self) -> float:
        """Root mean square error over the path's length."""
        length_m = np.linalg.norm(np.diff(self.true[:, :3, 3], axis=0), axis=1).sum()
        return float(np.sqrt((self.away_m**2).sum(axis=1).mean()) / length_m)

    def added_m(self, place_m: np.ndarray = HAND_M) -> np.ndarray:
        """Motion that the camera's error adds to what stays at a place of the reference frame."""
        seen = se3.apply(se3.inverse(self.true), place_m[None])
        there = se3.apply(self.motion.T_reference_camera, seen)[self.known, 0]
        return np.asarray(np.linalg.norm(there - place_m, axis=1))


def run() -> list[Figure]:
    """Rendered scenes that chose nothing by kind, then recordings where they are there."""
    results = [_rendered(scene) for scene in HELD_OUT]
    by_kind: dict[str, list[_Result]] = {}
    for scene, result in zip(HELD_OUT, results, strict=True):
        by_kind.setdefault(scene.kind, []).append(result)
    plain = [_rendered(scene) for scene in PLAIN]
    right = [s.kind == r.motion.kind for s, r in zip(HELD_OUT, results, strict=True)]
    return [
        Figure("camera_motion.kind_right", float(np.mean(right)), "1"),
        *_still_figures("camera_motion.still", by_kind["still"]),
        *_turning_figures("camera_motion.turning", by_kind["turning"]),
        *_moving_figures("camera_motion.moving", by_kind["moving"]),
        Figure(
            "camera_motion.plain_unknown",
            float(np.mean([r.motion.kind == "unknown" for r in plain])),
            "1",
            Bar("==", 1),
        ),
        *_warps(),
        *_recordings(),
    ]


def _still_figures(name: str, results: list[_Result]) -> list[Figure]:
    share = float(np.mean([r.motion.kind == "still" for r in results]))
    return [Figure(f"{name}_called_still", share, "1", Bar("==", 1))]


def _turning_figures(name: str, results: list[_Result]) -> list[Figure]:
    found = [r for r in results if r.motion.kind == "turning"]
    errors = np.concatenate([r.rotation_rad[1:] for r in found])
    sigma = np.concatenate([r.motion.sigma_rotation_rad[r.known][1:] for r in found])
    added_mm = [1e3 * float(np.max(r.added_m())) for r in found]
    cpu_ms = [r.points_ms + r.decide_ms for r in found]
    return [
        Figure(f"{name}_found", len(found) / len(results), "1", Bar(">=", 0.8)),
        Figure(f"{name}_rotation_median", float(np.degrees(np.median(errors))), "deg"),
        Figure(f"{name}_rotation_max", float(np.degrees(errors.max())), "deg", Bar("<=", 0.1)),
        Figure(f"{name}_inside_2_sigma", float((errors < 2 * sigma).mean()), "1", Bar(">=", 0.9)),
        Figure(f"{name}_motion_added_max", max(added_mm), "mm", Bar("<=", 3)),
        Figure(f"{name}_known", _known_share(found), "1", Bar(">=", 0.8)),
        Figure(f"{name}_cpu_median", float(np.median(cpu_ms)), "ms", Bar("<=", 8)),
    ]


def _moving_figures(name: str, results: list[_Result]) -> list[Figure]:
    found = [r for r in results if r.motion.kind == "moving"]
    errors = np.concatenate([r.rotation_rad[1:] for r in found])
    sigma = np.concatenate([r.motion.sigma_rotation_rad[r.known][1:] for r in found])
    away_m = np.concatenate([r.away_m[1:] for r in found])
    sigma_m = np.concatenate([_position_sigma(r)[1:] for r in found])
    shares = [r.path_error for r in found]
    cpu_ms = [r.points_ms + r.decide_ms for r in found]
    return [
        Figure(f"{name}_found", len(found) / len(results), "1", Bar(">=", 0.67)),
        Figure(f"{name}_path_median", 100 * float(np.median(shares)), "%"),
        Figure(f"{name}_path_worst", 100 * max(shares), "%", Bar("<=", 2)),
        Figure(f"{name}_rotation_median", float(np.degrees(np.median(errors))), "deg"),
        Figure(f"{name}_rotation_max", float(np.degrees(errors.max())), "deg", Bar("<=", 1)),
        Figure(f"{name}_rotation_2_sigma", float((errors < 2 * sigma).mean()), "1", Bar(">=", 0.9)),
        Figure(
            f"{name}_position_2_sigma",
            float((np.abs(away_m) < 2 * sigma_m).mean()),
            "1",
            Bar(">=", 0.9),
        ),
        Figure(f"{name}_cpu_median", float(np.median(cpu_ms)), "ms", Bar("<=", 20)),
        Figure(f"{name}_cpu_worst", max(cpu_ms), "ms"),
    ]


def _known_share(results: list[_Result]) -> float:
    return float(np.mean([r.known.mean() for r in results]))


def _position_sigma(result: _Result) -> np.ndarray:
    motion = result.motion
    along_m = motion.sigma_scale_rel * motion.T_reference_camera[result.known, :3, 3]
    return np.asarray(np.hypot(motion.sigma_position_m[result.known][:, None], along_m))


def _warps() -> list[Figure]:
    """Real pictures that were turned exactly: clips that chose nothing."""
    data = shared_data()
    if data is None:
        return []
    results = {motion: [_warped(Warp(clip, motion), data) for clip in CLIPS] for motion in MOTIONS}
    turning = [result for motion in MOTIONS[1:] for result in results[motion]]
    return [
        *_still_figures("camera_motion.warp_still", results["still"]),
        *_turning_figures("camera_motion.warp_turning", turning),
        *(
            Figure(
                f"camera_motion.{r.name.rpartition('-')[0]}_{r.motion.kind}", _known_share([r]), "1"
            )
            for motion in MOTIONS
            for r in results[motion]
        ),
    ]


def _recordings() -> list[Figure]:
    """Rendered grasps with exact cameras, and clips that stand still.

    They were looked at while the stage was made, and the least parallax was lowered for one.
    """
    data = shared_data()
    if data is None:
        return []
    figures = []
    for name in ("pan", "walk", "ego"):
        result = _recorded(data / "rendered_grasp" / f"{name}.mp4")
        if result.motion.kind not in ("turning", "moving"):
            figures.append(Figure(f"camera_motion.{name}_found", 0.0, "1", Bar("==", 1)))
            continue
        if result.motion.kind == "moving":
            error = 100 * result.path_error
            figures.append(Figure(f"camera_motion.{name}_path", error, "%", Bar("<=", 2)))
        turn = float(np.degrees(result.rotation_rad.max()))
        bar = Bar("<=", 0.1 if result.motion.kind == "turning" else 1)
        figures.append(Figure(f"camera_motion.{name}_rotation_max", turn, "deg", bar))
        added_mm = 1e3 * float(np.median(_added_to_hands(result)))
        figures.append(Figure(f"camera_motion.{name}_added_to_hand_median", added_mm, "mm"))
    still = [data / "rendered_grasp" / f"{n}.mp4" for n in "efgh"]
    still += [data / "dex_retargeting" / "human_hand_video.mp4"]
    still += [data / "sam2_gallery" / f"{n}.mp4" for n in ("02_cups", "03_blocks")]
    still += [asset_path("box.mp4")]
    called = [_recorded(path).motion.kind == "still" for path in still]
    name = "camera_motion.recordings_called_still"
    return [*figures, Figure(name, float(np.mean(called)), "1", Bar("==", 1))]


def _added_to_hands(result: _Result) -> np.ndarray:
    """How far the lifted hands are moved by the camera's error [m]."""
    found = []
    for hand in result.hands.values():
        assert isinstance(hand, HandTrack)
        assert hand.joints_m is not None
        rows = np.flatnonzero(hand.valid & result.known)
        wrist = hand.joints_m[rows, :1]
        est = se3.apply(result.motion.T_reference_camera[rows], wrist)
        found.append(np.linalg.norm(est - se3.apply(result.true[rows], wrist), axis=2)[:, 0])
    return np.concatenate(found)


def _rendered(scene: CameraScene) -> _Result:
    key = hashlib.sha256(f"{VERSION} {scene!r}".encode()).hexdigest()[:16]
    folder = platformdirs.user_cache_path("rotoscope") / "rendered_cameras"
    path = folder / f"{scene.name}-{key}.mp4"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            temporary.write_bytes(render(scene))
    return _measured(path, scene.K, camera_poses(scene), with_hands=False)


def _warped(warp: Warp, data: Path) -> _Result:
    made, K, poses = render_warp(warp, data)
    folder = platformdirs.user_cache_path("rotoscope") / "rendered_cameras"
    path = folder / f"{warp.name}-{hashlib.sha256(made).hexdigest()[:16]}.mp4"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            temporary.write_bytes(made)
    return _measured(path, K, poses, with_hands=True)


def _recorded(path: Path) -> _Result:
    truth = path.with_name(f"{path.stem}_gt.npz")
    if not truth.exists():
        return _measured(path, None, None, with_hands=True)
    with np.load(truth) as arrays:
        return _measured(path, arrays["K"], se3.inverse(arrays["T_cam_world"]), with_hands=True)


def _measured(
    path: Path, K: np.ndarray | None, poses: np.ndarray | None, *, with_hands: bool
) -> _Result:
    video = probe(path)
    points_stage, hands_stage = ScenePoints(ScenePointsConfig()), Hands(HandsConfig())
    stages = [points_stage, hands_stage] if with_hands else [points_stage]
    for stage in stages:
        stage.setup()
        stage.begin(video)
    times, points_s = [], 0.0
    for frame in read_frames(video, backend="auto"):
        times.append(frame.time_s)
        if with_hands:
            hands_stage.observe(frame)
        start = time.process_time()
        points_stage.observe(frame)
        points_s += time.process_time() - start
    time_s = np.array(times)
    tracks = {name: t for stage in stages for name, t in stage.finish(time_s).items()}
    hands_stage.close()
    clip = Clip(video, 0, time_s)
    tracks |= CameraStage(_intrinsics(video, K)).run(clip, {})
    if with_hands:
        tracks |= Lift(LiftConfig()).run(clip, tracks)
    poses = np.tile(np.eye(4), (len(time_s), 1, 1)) if poses is None else poses
    true = se3.inverse(poses[0]) @ poses
    farthest_m = float(np.linalg.norm(true[:, :3, 3], axis=1).max())
    stated = StatedScale(farthest_m, 0.02) if farthest_m > 1e-3 else None
    camera = require_camera(tracks, "camera_motion")
    start = time.process_time()
    points = tracks["scene_points"]
    assert isinstance(points, PointTracks)
    seen = find_background(points, camera, tracks)
    motion = decide(seen, camera, tracks, stated)
    decide_s = time.process_time() - start
    per_frame = 1e3 / len(time_s)
    hands = {n: t for n, t in tracks.items() if isinstance(t, HandTrack)}
    return _Result(path.stem, motion, true, points_s * per_frame, decide_s * per_frame, hands)


def _intrinsics(video: Video, K: np.ndarray | None) -> CameraConfig:
    if K is None:
        return CameraConfig()
    return CameraConfig(fx=K[0, 0], fy=K[1, 1], cx=K[0, 2], cy=K[1, 2])
