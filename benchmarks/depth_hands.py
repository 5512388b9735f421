"""Hands with a depth sensor beside the camera, against exact truth.

Rendered hands (`rotoscope.models.rendered_hands`) with the depth of their mesh before a wall, in
millimeters, with the noise of a structured-light sensor (2 mm, and 0.4 % of the distance) and holes
at edges. Intrinsics given, the hand's size not. `python -m benchmarks.depth_hands`; no constant was
chosen on these scenes.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.figure import Bar, Figure
from rotoscope import api
from rotoscope.models.rendered_hands import Body, Scene, rendered_clip
from rotoscope.models.rendered_hands.puppet import Puppet
from rotoscope.models.rendered_hands.scenes import HEIGHT, WIDTH
from rotoscope.pipeline.tracks import HandTrack

WALL_M = 1.5
_BASE = Scene("", num_frames=36, center_m=(0.0, 0.0, 0.55))
SCENES = (
    replace(_BASE, name="d_palm", yaw_deg=-20, seed=91),
    replace(_BASE, name="d_back", yaw_deg=160, pitch_deg=-15, seed=92),
    replace(_BASE, name="d_fist", yaw_deg=-30, grip="fist", seed=93),
    replace(
        _BASE,
        name="d_child",
        yaw_deg=15,
        sides=("left",),
        body=Body(height=0.35, age=0.45),
        seed=94,
    ),
)


def run() -> list[Figure]:
    """Errors of the wrist with and without depth."""
    return [figure for scene in SCENES for figure in _measure(scene)]


def _measure(scene: Scene) -> list[Figure]:
    out = []
    clip, side = rendered_clip(scene), scene.sides[0]
    truth_m = clip.hands[side].joints_m
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        video = folder / "clip.mp4"
        video.symlink_to(clip.path)
        _write_depth(folder / "clip.depth", scene)
        for recipe, until in (("hand-gripper", "lift"), ("hand-gripper-depth", "depth")):
            run = api.label(
                [str(video)],
                out=folder / f"out-{until}",
                recipe=recipe,
                overrides=[f"camera.fx={scene.focal_px}"],
                until=until,
            )
            hand = run.tracks()[until][f"hands.{side}"]
            assert isinstance(hand, HandTrack)
            assert hand.joints_m is not None
            assert hand.sigma_position_m is not None
            error_m = (hand.joints_m[:, 0] - truth_m[:, 0])[hand.valid]
            inside = np.abs(error_m) <= 2 * hand.sigma_position_m[hand.valid]
            wrist_mm = 1e3 * np.median(np.linalg.norm(error_m, axis=1))
            bar = Bar("<=", 20) if until == "depth" else None
            label = f"depth_hands.{scene.name}.{until}"
            out.append(Figure(f"{label}.wrist_mm", float(wrist_mm), "mm", bar))
            out.append(Figure(f"{label}.inside_2_sigma", float(inside.mean()), "1"))
            palm = np.linalg.norm(hand.joints_m[:, 9] - hand.joints_m[:, 0], axis=1)[hand.valid]
            true = np.linalg.norm(truth_m[0, 9] - truth_m[0, 0])
            out.append(Figure(f"{label}.palm_over_true", float(np.median(palm) / true), "x"))
    return out


def _write_depth(folder: Path, scene: Scene) -> None:
    import open3d as o3d

    folder.mkdir()
    puppet, rng = Puppet(scene, scene.sides[0]), np.random.default_rng(scene.seed)
    u, v = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    K = scene.K
    rays = np.zeros((HEIGHT, WIDTH, 6), np.float32)
    rays[..., 3], rays[..., 4] = (u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1]
    rays[..., 5] = 1.0
    for frame in range(scene.num_frames):
        vertices, faces, _ = puppet.mesh(frame)
        cast = o3d.t.geometry.RaycastingScene()
        cast.add_triangles(
            o3d.core.Tensor.from_numpy(vertices.astype(np.float32)),
            o3d.core.Tensor.from_numpy(faces.astype(np.uint32)),
        )
        hit = cast.cast_rays(o3d.core.Tensor.from_numpy(rays))
        depth_m = hit["t_hit"].numpy().astype(float)
        depth_m = np.where(np.isfinite(depth_m), depth_m, WALL_M)
        edge = np.abs(np.gradient(depth_m)[0]) + np.abs(np.gradient(depth_m)[1]) > 0.05
        depth_m += rng.normal(0, 1, depth_m.shape) * (0.002 + 0.004 * depth_m)
        depth_m[edge] = 0.0
        image = Image.fromarray(np.clip(1000 * depth_m, 0, 65535).astype(np.uint16))
        image.save(folder / f"{frame:05d}.png", compress_level=1)


if __name__ == "__main__":
    print("\n".join(figure.line() for figure in run()))
