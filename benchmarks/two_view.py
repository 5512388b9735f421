"""Hands and points from two cameras of one scene, against exact truth.

Rendered hands (`rotoscope.models.rendered_hands`) are drawn from two cameras that look at them from
0 and 50 degrees (and 90), the second video's clock 0.1 s ahead; `rotoscope triangulate` gets both
videos, and the calibration or none. `--development` are the scenes that the constants of
`rotoscope.views` and `rotoscope.models.views.place` were looked at on; the others report. Points
are those of tumbling things on a patterned floor that MuJoCo draws (`_two_view_points`); errors are
of points .7 to 1.3 m away.

`python -m benchmarks.two_view [--development] [hands] [points]`
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks import _two_view_points as point_scenes
from benchmarks.figure import Bar, Figure
from rotoscope import views
from rotoscope.models.perception.multi_view import View
from rotoscope.models.rendered_hands import Body, Scene, raycast
from rotoscope.models.rendered_hands.clip import _background
from rotoscope.models.rendered_hands.puppet import Puppet
from rotoscope.models.rendered_hands.scenes import HEIGHT, RATE_HZ, WIDTH
from rotoscope.pipeline.geometry import hand_frame, se3
from rotoscope.pipeline.testing import a_video_file

LATE_FRAMES = 3
"""Frames by which the second video begins later."""
CENTER_M = np.array([0.0, 0.0, 0.6])
_BASE = Scene("", center_m=(0.0, 0.0, 0.6), num_frames=40, closing_period_s=1.2)
DEVELOPMENT = (
    (replace(_BASE, name="v_palm", yaw_deg=-25, seed=71), 50.0),
    (replace(_BASE, name="v_back", yaw_deg=150, roll_deg=-20, seed=72), 50.0),
    (replace(_BASE, name="v_fist", yaw_deg=160, grip="fist", seed=73), 50.0),
)
HELD_OUT = (
    (replace(_BASE, name="w_palm", yaw_deg=-15, roll_deg=30, seed=81), 50.0),
    (replace(_BASE, name="w_back", yaw_deg=165, pitch_deg=-20, seed=82), 50.0),
    (replace(_BASE, name="w_fist", yaw_deg=-30, grip="fist", seed=83), 50.0),
    (replace(_BASE, name="w_left", yaw_deg=20, sides=("left",), seed=84), 50.0),
    (
        replace(_BASE, name="w_old", yaw_deg=140, body=Body(gender=1.0, age=0.95), seed=85),
        50.0,
    ),
    (replace(_BASE, name="w_wide", yaw_deg=-40, seed=86), 90.0),
)


@dataclass(frozen=True, eq=False)
class _Rig:
    first: Path
    second: Path
    calibration: Path
    joints_m: np.ndarray
    """Truth in the first camera, by frame of the first video."""


def run() -> list[Figure]:
    """Scenes that chose nothing."""
    return [*measure(HELD_OUT), *points(point_scenes.HELD_OUT)]


def points(scenes: tuple[tuple[int, float], ...]) -> list[Figure]:
    """Errors of points by scene."""
    out = []
    for seed, angle_deg in scenes:
        with tempfile.TemporaryDirectory() as folder:
            rig = point_scenes.film(seed, angle_deg, Path(folder))
            found = views.triangulate(
                rig.videos,
                calibration=rig.calibration,
                what="points",
                offsets_s=[0.0, -point_scenes.LATE_S],
                work=Path(folder) / "work",
            )
            placed = found.subjects["points"]
            away_mm = 1e3 * rig.away_m(placed.points_m)
        T = found.views[0].T_camera_world
        with np.errstate(invalid="ignore"):
            near = np.abs(placed.points_m @ T[2, :3] + T[2, 3] - 1.0) < 0.3
        share = away_mm[near] / (1e3 * np.linalg.norm(placed.sigma_m, axis=2)[near])
        name = f"two_view.points.{seed}.{angle_deg:g}_deg"
        out += [
            Figure(f"{name}.points", int(near.any(axis=0).sum()), f"of {near.shape[1]} placed"),
            Figure(f"{name}.mm", float(np.median(away_mm[near])), "mm", Bar("<=", 3)),
            Figure(f"{name}.p90_mm", float(np.quantile(away_mm[near], 0.9)), "mm"),
            Figure(f"{name}.beyond_10_mm", float((away_mm[near] > 10).mean()), "of rows"),
            Figure(f"{name}.inside_2_sigma", float((share <= 2).mean()), "of rows"),
        ]
    return out


def measure(scenes: tuple[tuple[Scene, float], ...]) -> list[Figure]:
    """Errors by scene, with the calibration and without."""
    out = []
    for scene, angle_deg in scenes:
        with tempfile.TemporaryDirectory() as folder:
            rig = _rig(scene, angle_deg, Path(folder))
            for kind in ("calibrated", "estimated"):
                out += _figures(f"two_view.{scene.name}.{kind}", scene, rig, kind, Path(folder))
    return out


def _figures(name: str, scene: Scene, rig: _Rig, kind: str, folder: Path) -> list[Figure]:
    palm_m = np.linalg.norm(rig.joints_m[0, 9] - rig.joints_m[0, 0])
    found = views.triangulate(
        [rig.first, rig.second],
        calibration=rig.calibration if kind == "calibrated" else None,
        palm_length_m=float(palm_m),
        within_s=0.3,
        work=folder / f"work-{kind}",
        overrides=[f"camera.fx={scene.focal_px}"],
    )
    side = scene.sides[0]
    placed = found.subjects[side]
    points_m, truth = placed.points_m, rig.joints_m
    error_m = points_m - truth
    away_mm = 1e3 * np.linalg.norm(error_m, axis=2)
    known = np.isfinite(away_mm).all(axis=1)
    root = (points_m - points_m[:, :1]) - (truth - truth[:, :1])
    inside = (np.abs(error_m) <= 2 * placed.sigma_m)[known]
    R = hand_frame.wrist_rotation(points_m[known], side)
    angle = np.degrees(se3.angle_between(R, hand_frame.wrist_rotation(truth[known], side)))
    return [
        Figure(f"{name}.rows", int(known.sum()), f"of {len(known)}"),
        Figure(f"{name}.joints_mm", float(np.median(away_mm[known])), "mm", Bar("<=", 3)),
        Figure(f"{name}.wrist_mm", float(np.median(away_mm[known, 0])), "mm"),
        Figure(
            f"{name}.root_relative_mm",
            float(1e3 * np.median(np.linalg.norm(root[known], axis=2))),
            "mm",
        ),
        Figure(f"{name}.rotation_deg", float(np.median(angle)), "deg"),
        Figure(f"{name}.inside_2_sigma", float(inside.mean()), "1", Bar(">=", 0.9)),
        Figure(
            f"{name}.clock_ms",
            1e3 * abs(found.offsets_s[1] + LATE_FRAMES / RATE_HZ),
            "ms",
        ),
    ]


def _rig(scene: Scene, angle_deg: float, folder: Path) -> _Rig:
    """Both videos, the calibration file, and the truth; videos are kept in the user's cache."""
    R = se3.exp_so3(np.radians([0.0, angle_deg, 0.0]))
    T = se3.make(R, CENTER_M - R @ CENTER_M)
    puppet = Puppet(scene, scene.sides[0])
    key = hashlib.sha256(f"1 {scene!r} {angle_deg}".encode()).hexdigest()[:12]
    paths = [folder / "first.mp4", folder / "second.mp4"]
    for path, pose, start in zip(paths, (np.eye(4), T), (0, LATE_FRAMES), strict=True):
        kept = _cache() / f"{key}-{path.name}"
        if not kept.exists():
            _draw(kept, scene, puppet, View(scene.K, pose), start)
        path.symlink_to(kept)
    joints = np.stack([puppet.joints(i) for i in range(scene.num_frames)])
    calibration = folder / "calib.toml"
    calibration.write_text(
        "".join(
            f"[{path.stem}]\nname = '{path.stem}'\nsize = [{WIDTH}, {HEIGHT}]\n"
            f"matrix = {scene.K.tolist()}\nrotation = {pose[:3, :3].tolist()}\n"
            f"translation = {pose[:3, 3].tolist()}\n\n"
            for path, pose in zip(paths, (np.eye(4), T), strict=True)
        )
    )
    return _Rig(paths[0], paths[1], calibration, joints)


def _draw(path: Path, scene: Scene, puppet: Puppet, view: View, start: int) -> None:
    background = _background(replace(scene, seed=scene.seed + start))
    grain = np.random.default_rng([scene.seed, start])

    def images() -> list[np.ndarray]:
        out = []
        for frame in range(start, scene.num_frames):
            vertices, faces, colors = puppet.mesh(frame)
            image = raycast.draw(
                background,
                K=view.K,
                vertices=se3.apply(view.T_camera_world, vertices),
                faces=faces,
                colors=colors,
            )
            noisy = image + grain.normal(0, 2.5, image.shape)
            out.append(np.clip(noisy, 0, 255).astype(np.uint8))
        return out

    path.parent.mkdir(parents=True, exist_ok=True)
    a_video_file(path, images(), size=(WIDTH, HEIGHT), rate_hz=round(RATE_HZ))


def _cache() -> Path:
    import platformdirs

    return platformdirs.user_cache_path("rotoscope") / "rendered_views"


if __name__ == "__main__":
    is_development = "--development" in sys.argv
    figures = []
    if "points" not in sys.argv:
        figures += measure(DEVELOPMENT if is_development else HELD_OUT)
    if "hands" not in sys.argv:
        figures += points(point_scenes.DEVELOPMENT if is_development else point_scenes.HELD_OUT)
    print("\n".join(figure.line() for figure in figures))
