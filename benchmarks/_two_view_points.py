"""Tumbling things of MuJoCo filmed by two still cameras, with the true place of every point."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from benchmarks import _mujoco_points as scenes
from rotoscope.models.perception.multi_view import View
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.testing import a_video_file
from rotoscope.retarget.description.mujoco import import_mujoco

DEVELOPMENT = ((31, 15.0), (32, 30.0), (33, 45.0))
"""Seed of the scene, and the angle between both cameras [deg]."""
HELD_OUT = ((41, 15.0), (42, 20.0), (43, 30.0), (44, 40.0), (45, 50.0))
NUM_FRAMES, DISTANCE_M, LATE_FRAMES = 60, 1.0, 3
LATE_S = LATE_FRAMES / scenes.RATE_HZ


@dataclass(frozen=True, eq=False)
class PointRig:
    """Two videos of one scene, the second's clock `LATE_FRAMES` ahead."""

    videos: tuple[Path, Path]
    calibration: Path
    frames: list[Any]
    """Truth, by frame of the first video."""

    def away_m(self, points_m: Float[np.ndarray, "time point 3"]) -> np.ndarray:
        """Distance of each place from the true one [m], (time, point); NaN where unknown.

        A point's own place on its thing is where it was put first, brought to the surface that the
        first camera saw there.
        """
        out = np.full(points_m.shape[:2], np.nan)
        for number in range(points_m.shape[1]):
            rows = np.flatnonzero(np.isfinite(points_m[:, number, 0]))
            if not len(rows):
                continue
            start = self.frames[rows[0]]
            body, place_m = _on_surface(start, points_m[rows[0], number])
            if body < 0:
                out[rows, number] = np.inf
                continue
            local = start.turn[body].T @ (place_m - start.place[body])
            for row in rows:
                frame = self.frames[row]
                true_m = frame.place[body] + frame.turn[body] @ local
                out[row, number] = np.linalg.norm(points_m[row, number] - true_m)
        return out


def film(seed: int, angle_deg: float, folder: Path) -> PointRig:
    """Draws one scene from two sides, 1 m away."""
    os.environ.setdefault("MUJOCO_GL", "egl")
    mujoco = import_mujoco()
    rng = np.random.default_rng([seed, 22])
    model = mujoco.MjModel.from_xml_string(scenes._scene(rng))
    data = mujoco.MjData(model)
    renderer = mujoco.Renderer(model, scenes.HEIGHT, scenes.WIDTH)
    swing = rng.uniform(0.2, 0.5, (model.nmocap, 4)), rng.uniform(0, 6.28, (model.nmocap, 4))
    home = data.mocap_pos.copy()
    cameras = [_camera(mujoco, 90 - angle_deg / 2), _camera(mujoco, 90 + angle_deg / 2)]
    pictures: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    frames = []
    for k in range(NUM_FRAMES):
        wave = np.sin(2 * np.pi * swing[0] * k / scenes.RATE_HZ + swing[1])
        data.mocap_pos[:] = home + wave[:, :3] * [0.1, 0.1, 0.05]
        turn = 0.4 * wave[:, 3]
        data.mocap_quat[:] = np.stack([np.cos(turn / 2), 0 * turn, 0 * turn, np.sin(turn / 2)], 1)
        mujoco.mj_forward(model, data)
        for camera, kept in zip(cameras, pictures, strict=True):
            renderer.update_scene(data, camera=camera)
            noisy = renderer.render() + rng.normal(0, 2.5, (scenes.HEIGHT, scenes.WIDTH, 3))
            kept.append(np.clip(noisy, 0, 255).astype(np.uint8))
        frames.append(scenes._truth(mujoco, model, data, renderer, cameras[0]))
    views = []
    for camera in cameras:
        renderer.update_scene(data, camera=camera)
        views.append(_view(renderer.scene.camera, frames[0].focal_px))
    renderer.close()
    paths = folder / "one.mp4", folder / "two.mp4"
    for path, images, start in zip(paths, pictures, (0, LATE_FRAMES), strict=True):
        a_video_file(
            path, images[start:], size=(scenes.WIDTH, scenes.HEIGHT), rate_hz=scenes.RATE_HZ
        )
    calibration = folder / "calib.toml"
    calibration.write_text(
        "".join(
            f"[{path.stem}]\nsize = [{scenes.WIDTH}, {scenes.HEIGHT}]\n"
            f"matrix = {view.K.tolist()}\nrotation = {view.T_camera_world[:3, :3].tolist()}\n"
            f"translation = {view.T_camera_world[:3, 3].tolist()}\n\n"
            for path, view in zip(paths, views, strict=True)
        )
    )
    return PointRig(paths, calibration, frames)


def _camera(mujoco: Any, azimuth: float) -> Any:
    camera = mujoco.MjvCamera()
    camera.type = mujoco.mjtCamera.mjCAMERA_FREE
    camera.lookat[:] = (0, 0, 0.08)
    camera.distance, camera.elevation, camera.azimuth = DISTANCE_M, -35, azimuth
    return camera


def _view(pair: Any, focal_px: float) -> View:
    forward, up = np.array(pair[0].forward), np.array(pair[0].up)
    axes = np.stack([np.cross(forward, up), -up, forward])
    place_m = (np.array(pair[0].pos) + np.array(pair[1].pos)) / 2
    K = np.array([[focal_px, 0, scenes.WIDTH / 2], [0, focal_px, scenes.HEIGHT / 2], [0, 0, 1.0]])
    return View(K, se3.make(axes, -axes @ place_m))


def _on_surface(frame: Any, point_m: np.ndarray) -> tuple[int, np.ndarray]:
    """The body under a point in the first camera's picture, and its surface there."""
    seen_m = frame.camera_axes @ (point_m - frame.camera_place)
    px = seen_m[:2] / seen_m[2] * frame.focal_px + [scenes.WIDTH / 2, scenes.HEIGHT / 2]
    at = np.floor(px).astype(int)
    if not ((at >= 0) & (at < [scenes.WIDTH, scenes.HEIGHT])).all():
        return -1, point_m
    depth_m = frame.depth_m[at[1], at[0]]
    return int(frame.body[at[1], at[0]]), frame.camera_place + frame.camera_axes.T @ (
        seen_m * depth_m / seen_m[2]
    )
