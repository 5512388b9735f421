"""Things that tumble before a camera in MuJoCo, with the true place of their points."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

from rotoscope.retarget.description.mujoco import import_mujoco

WIDTH, HEIGHT, RATE_HZ = 640, 480, 30
_NUM_FRAMES = 75
_DEPTH_TOLERANCE = 0.01
_TEXTURES = ("checker", "gradient")


@dataclass(frozen=True, eq=False)
class RenderedPoints:
    """Pictures, the points that are asked for in the first, and where they truly are."""

    pictures: list[UInt8[np.ndarray, "height width"]]
    points: Float[np.ndarray, "time point 2"]
    seen: Bool[np.ndarray, "time point"]


def render_points(seed: int, *, is_camera_moving: bool, num_points: int = 150) -> RenderedPoints:
    """Boxes, balls and cylinders that slide and turn about each other on a patterned floor."""
    import cv2

    os.environ.setdefault("MUJOCO_GL", "egl")
    mujoco = import_mujoco()
    rng = np.random.default_rng([seed, 21])
    model = mujoco.MjModel.from_xml_string(_scene(rng))
    data = mujoco.MjData(model)
    renderer = mujoco.Renderer(model, HEIGHT, WIDTH)
    swing = rng.uniform(0.2, 0.5, (model.nmocap, 4)), rng.uniform(0, 6.28, (model.nmocap, 4))
    home = data.mocap_pos.copy()
    pictures, frames = [], []
    for k in range(_NUM_FRAMES):
        t = k / RATE_HZ
        wave = np.sin(2 * np.pi * swing[0] * t + swing[1])
        data.mocap_pos[:] = home + wave[:, :3] * [0.16, 0.16, 0.05]
        angle = 0.6 * wave[:, 3]
        data.mocap_quat[:] = np.stack(
            [np.cos(angle / 2), 0 * angle, 0 * angle, np.sin(angle / 2)], axis=1
        )
        view = _view(mujoco, t if is_camera_moving else 0.0)
        mujoco.mj_forward(model, data)
        renderer.update_scene(data, camera=view)
        rgb = renderer.render().copy()
        noisy = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY) + rng.normal(0, 2.5, rgb.shape[:2])
        pictures.append(np.clip(noisy, 0, 255).astype(np.uint8))
        frames.append(_truth(mujoco, model, data, renderer, view))
    renderer.close()
    found = cv2.goodFeaturesToTrack(pictures[0], num_points, 0.01, 12, blockSize=5)
    points, seen = _follow(found.reshape(-1, 2).astype(float), frames)
    return RenderedPoints(pictures, points, seen)


@dataclass(frozen=True, eq=False)
class _Frame:
    depth_m: np.ndarray
    body: np.ndarray
    place: np.ndarray
    turn: np.ndarray
    camera_place: np.ndarray
    camera_axes: np.ndarray
    """Rows: right, down, forward."""
    focal_px: float


def _truth(mujoco: Any, model: Any, data: Any, renderer: Any, view: Any) -> _Frame:
    renderer.enable_depth_rendering()
    renderer.update_scene(data, camera=view)
    depth = renderer.render().copy()
    renderer.disable_depth_rendering()
    renderer.enable_segmentation_rendering()
    renderer.update_scene(data, camera=view)
    geom = renderer.render()[..., 0].copy()
    renderer.disable_segmentation_rendering()
    body = np.where(geom >= 0, model.geom_bodyid[np.maximum(geom, 0)], -1)
    camera = renderer.scene.camera[0]
    forward, up = np.array(camera.forward), np.array(camera.up)
    axes = np.stack([np.cross(forward, up), -up, forward])
    pose = (np.array(renderer.scene.camera[0].pos) + renderer.scene.camera[1].pos) / 2
    focal = HEIGHT / 2 / np.tan(np.radians(model.vis.global_.fovy) / 2)
    return _Frame(
        depth, body, data.xpos.copy(), data.xmat.reshape(-1, 3, 3).copy(), pose, axes, focal
    )


def _follow(
    points: Float[np.ndarray, "point 2"], frames: list[_Frame]
) -> tuple[Float[np.ndarray, "time point 2"], Bool[np.ndarray, "time point"]]:
    first, middle = frames[0], np.array([WIDTH / 2, HEIGHT / 2])
    column, row = np.round(points).astype(int).T
    depth, body = first.depth_m[row, column], first.body[row, column]
    rays = np.concatenate([(points + 0.5 - middle) / first.focal_px, np.ones((len(points), 1))], 1)
    world = first.camera_place + (rays * depth[:, None]) @ first.camera_axes
    index = np.maximum(body, 0)
    local = np.einsum("pij,pi->pj", first.turn[index], world - first.place[index])
    out, seen = np.zeros((len(frames), len(points), 2)), np.zeros((len(frames), len(points)), bool)
    for t, frame in enumerate(frames):
        now = frame.place[index] + np.einsum("pij,pj->pi", frame.turn[index], local)
        in_camera = (now - frame.camera_place) @ frame.camera_axes.T
        px = in_camera[:, :2] / in_camera[:, 2:] * frame.focal_px + middle - 0.5
        out[t] = px
        inside = ((px >= 0) & (px <= [WIDTH - 1, HEIGHT - 1])).all(axis=1)
        at = np.clip(np.round(px).astype(int), 0, [WIDTH - 1, HEIGHT - 1])
        there = frame.depth_m[at[:, 1], at[:, 0]]
        seen[t] = inside & (np.abs(there - in_camera[:, 2]) < _DEPTH_TOLERANCE)
        seen[t] &= frame.body[at[:, 1], at[:, 0]] == body
    return out, seen


def _view(mujoco: Any, time_s: float) -> Any:
    view = mujoco.MjvCamera()
    view.type = mujoco.mjtCamera.mjCAMERA_FREE
    view.lookat[:] = (0.05 * np.sin(time_s), 0, 0.08)
    view.distance, view.elevation = 1.1, -35 + 3 * np.sin(1.3 * time_s)
    view.azimuth = 90 + 10 * np.sin(0.9 * time_s)
    return view


def _scene(rng: np.random.Generator) -> str:
    shapes = ("box", "cylinder", "box", "ellipsoid", "box")
    textures, bodies = [], []
    for number, shape in enumerate(shapes):
        a, b = (" ".join(f"{v:.2f}" for v in rng.uniform(0, 1, 3)) for _ in range(2))
        textures.append(
            f'<texture name="t{number}" type="cube" builtin="checker" rgb1="{a}" rgb2="{b}" '
            f'mark="random" markrgb="{1 - number % 2} 1 1" random="0.06" width="48" height="48"/>'
            f'<material name="m{number}" texture="t{number}"/>'
        )
        size = " ".join(f"{v:.3f}" for v in rng.uniform(0.04, 0.08, 3))
        place = " ".join(f"{v:.3f}" for v in [*rng.uniform(-0.3, 0.3, 2), 0.09])
        bodies.append(
            f'<body mocap="true" pos="{place}"><geom type="{shape}" size="{size}" '
            f'material="m{number}"/></body>'
        )
    return (
        f'<mujoco><visual><global fovy="45" offwidth="{WIDTH}" offheight="{HEIGHT}"/></visual>'
        '<asset><texture name="floor" type="2d" builtin="checker" rgb1=".4 .45 .5" '
        'rgb2=".55 .5 .45" mark="random" markrgb=".1 .1 .1" random="0.03" width="128" '
        'height="128"/>'
        f'<material name="floor" texture="floor" texrepeat="4 4"/>{"".join(textures)}</asset>'
        '<worldbody><light pos="0 -1 2" dir="0 .4 -1"/><geom type="plane" size="3 3 .1" '
        f'material="floor"/>{"".join(bodies)}</worldbody></mujoco>'
    )
