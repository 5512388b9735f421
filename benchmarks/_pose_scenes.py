"""Things that a gripper or a hand carries before a depth sensor, drawn by MuJoCo, with their pose.

The sensor's noise: rounded to millimeters, spread that grows with the square of the distance,
no value at edges and where a surface is seen flat from the side. The thing's segment is the true
visible one with an outline that is off by a pixel or two.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from jaxtyping import Bool, Float
from PIL import Image

from benchmarks._pose_shapes import Geom, geoms, surface
from rotoscope.pipeline.files.atomic import atomic_path
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.packages import import_mujoco

VERSION = 1
"""Part of the cache's key; raise it when the same scene comes out different."""
WIDTH, HEIGHT, RATE_HZ, FOVY_DEG = 640, 480, 30, 42.0
FOCAL_PX = HEIGHT / 2 / np.tan(np.radians(FOVY_DEG) / 2)
K = np.array([[FOCAL_PX, 0, WIDTH / 2], [0, FOCAL_PX, HEIGHT / 2], [0, 0, 1.0]])
TAKE, LEAVE, NUM = 15, 65, 80


@dataclass(frozen=True)
class PoseScene:
    """One clip."""

    name: str
    shape: str
    seed: int
    is_textured: bool = False
    holder: str = "hand"
    """`hand` (a palm and five fingers), `gripper` (two fingers) or `none`."""
    from_deg: float = 120.0
    """Where the hand comes from about the vertical: 0 the camera's side, 180 the far one."""
    turn_deg: float = 70.0
    """How far it is turned on its way."""
    elevation_deg: float = -40.0
    azimuth_deg: float = 90.0
    distance_m: float = 0.7
    noise: float = 1.0
    """Times a sensor's usual spread: 0.8 mm at 0.7 m."""
    rough_px: int = 1
    """How far the segment's outline is off, in pixels of 320 across."""


@dataclass(frozen=True, eq=False)
class PoseClip:
    """A video with depth beside it, and its truth."""

    path: Path
    scene: PoseScene
    masks: Bool[np.ndarray, "time height width"]
    """The segment that is given to the stage, 320 x 240."""
    T_camera_object: Float[np.ndarray, "time 4 4"]
    points_m: Float[np.ndarray, "point 3"]
    """Of its surface, in its own frame."""


def pose_clip(scene: PoseScene) -> PoseClip:
    """The scene, rendered on first use and kept in the user's cache."""
    key = hashlib.sha256(f"{VERSION} {scene!r}".encode()).hexdigest()[:16]
    folder = platformdirs.user_cache_path("rotoscope") / "rendered_poses"
    video = folder / f"{scene.name}-{key}.mp4"
    truth = video.with_suffix(".npz")
    if not (video.exists() and truth.exists()):
        folder.mkdir(parents=True, exist_ok=True)
        _render(scene, video, truth)
    with np.load(truth) as arrays:
        masks = np.unpackbits(arrays["masks"], axis=2, count=WIDTH // 2).astype(bool)
        return PoseClip(video, scene, masks, arrays["T"], arrays["points_m"])


def parts_of(scene: PoseScene) -> list[Geom]:
    """The thing of a scene."""
    return geoms(scene.shape, np.random.default_rng([scene.seed, 41]))


def _render(scene: PoseScene, video: Path, truth: Path) -> None:
    mujoco = import_mujoco()
    rng = np.random.default_rng([scene.seed, 42])
    parts = parts_of(scene)
    points = surface(parts, 1500, scene.seed)
    model = mujoco.MjModel.from_xml_string(_xml(scene, parts, rng))
    data = mujoco.MjData(model)
    T_object = _path(scene, points, rng)
    T_holder = _holder(T_object, np.radians(scene.from_deg))
    view = mujoco.MjvCamera()
    view.type = mujoco.mjtCamera.mjCAMERA_FREE
    view.lookat[:] = (0.0, 0.0, 0.07)
    view.distance, view.elevation, view.azimuth = (
        scene.distance_m, scene.elevation_deg, scene.azimuth_deg,
    )  # fmt: skip
    shots = Shots(mujoco, model, data, scene.noise, rng)
    masks, poses = [], []
    thing = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, "thing")
    with Writer(video) as writer:
        for k in range(NUM):
            _put(data, 0, T_object[k])
            if scene.holder != "none":
                _put(data, 1, T_holder[k])
            mujoco.mj_forward(model, data)
            rgb, depth_m, body, T_world_camera = shots.take(view)
            writer.write(rgb, depth_m)
            masks.append(rough(body == thing, scene.rough_px, rng))
            poses.append(se3.inverse(T_world_camera) @ T_object[k])
    shots.close()
    with atomic_path(truth) as temporary, temporary.open("wb") as file:
        packed = np.packbits(np.array(masks), axis=2)
        np.savez(file, allow_pickle=False, masks=packed, T=np.array(poses), points_m=points)


class Shots:
    """Pictures, depth and bodies of a MuJoCo scene as a sensor sees them."""

    def __init__(
        self, mujoco: Any, model: Any, data: Any, noise: float, rng: np.random.Generator
    ) -> None:
        model.vis.quality.shadowsize, model.vis.quality.offsamples = 0, 0
        self._renderer = mujoco.Renderer(model, HEIGHT, WIDTH)
        self._model, self._data, self._noise, self._rng = model, data, noise, rng

    def take(self, view: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """RGB, measured depth [m, NaN unknown], body of each pixel, and the camera's pose."""
        renderer, rng = self._renderer, self._rng
        renderer.update_scene(self._data, camera=view)
        image = (
            renderer.render()
            + 2.0 * np.roll(_grain(), rng.integers(0, HEIGHT, 2), (0, 1))[..., None]
        )
        rgb = np.clip(image, 0, 255).astype(np.uint8)
        renderer.enable_depth_rendering()
        renderer.update_scene(self._data, camera=view)
        depth_m = renderer.render().astype(float)
        renderer.disable_depth_rendering()
        renderer.enable_segmentation_rendering()
        renderer.update_scene(self._data, camera=view)
        geom = renderer.render()[..., 0].copy()
        renderer.disable_segmentation_rendering()
        body = np.where(geom >= 0, self._model.geom_bodyid[np.maximum(geom, 0)], -1)
        eyes = renderer.scene.camera
        forward, up = np.array(eyes[0].forward, float), np.array(eyes[0].up, float)
        R = np.stack([np.cross(forward, up), -up, forward], axis=1)
        place = (np.array(eyes[0].pos, float) + np.array(eyes[1].pos, float)) / 2
        return rgb, sensed(depth_m, self._noise, rng), body, se3.make(R, place)

    def close(self) -> None:
        """Gives the renderer back."""
        self._renderer.close()


def sensed(
    depth_m: Float[np.ndarray, "height width"], noise: float, rng: np.random.Generator
) -> Float[np.ndarray, "height width"]:
    """What a sensor measures: blobs of noise, rounded to a millimeter, nothing at edges."""
    import cv2

    grain = np.roll(_grain(), rng.integers(0, HEIGHT, 2), (0, 1))
    out = depth_m + noise * 0.0016 * depth_m**2 * grain
    jump = cv2.morphologyEx(depth_m.astype(np.float32), cv2.MORPH_GRADIENT, np.ones((3, 3)))
    edge = jump > 0.015
    # Half of the edge has no value, some is a mean of before and behind: flying pixels.
    flying = edge & (rng.uniform(size=edge.shape) < 0.15)
    out = np.where(flying, cv2.blur(depth_m, (3, 3)), out)
    lost = (edge & ~flying & (rng.uniform(size=edge.shape) < 0.7)) | (
        rng.uniform(size=edge.shape) < 0.01
    )
    return np.where(lost, np.nan, np.round(out, 3))


@cache
def _grain() -> Float[np.ndarray, "height width"]:
    """Noise of which the most is shared by neighbors, of spread 1."""
    import cv2

    rng = np.random.default_rng(43)
    single, blobs = rng.normal(0, 1, (2, HEIGHT, WIDTH))
    both = 0.6 * single + 3.2 * cv2.GaussianBlur(blobs, (0, 0), 1.5)
    return np.asarray(both / both.std())


def rough(mask: np.ndarray, px: int, rng: np.random.Generator) -> Bool[np.ndarray, "h w"]:
    """The mask at half size, a pixel or two too large or too small and moved by as much."""
    import cv2

    small = cv2.resize(
        mask.astype(np.uint8), (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA
    )
    if px:
        size = int(rng.integers(0, px + 1))
        kernel = np.ones((2 * size + 1, 2 * size + 1), np.uint8)
        small = cv2.dilate(small, kernel) if rng.uniform() < 0.5 else cv2.erode(small, kernel)
        small = np.roll(small, rng.integers(-px, px + 1, 2), (0, 1))
    return np.asarray(small > 0)


class Writer:
    """`NAME.mp4` and `NAME.depth/`."""

    def __init__(self, video: Path) -> None:
        import av

        self._folder = video.with_suffix(".depth")
        self._folder.mkdir(exist_ok=True)
        self._container = av.open(str(video), "w")
        self._stream = self._container.add_stream("libx264", rate=RATE_HZ)
        self._stream.width, self._stream.height, self._stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        self._stream.options = {"crf": "16", "preset": "fast", "threads": "1"}
        self._count = 0

    def __enter__(self) -> Writer:
        return self

    def write(self, rgb: np.ndarray, depth_m: np.ndarray) -> None:
        import av

        self._container.mux(self._stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        millimeters = np.clip(np.nan_to_num(1000 * depth_m), 0, 65535).round().astype(np.uint16)
        Image.fromarray(millimeters).save(self._folder / f"{self._count:05d}.png", compress_level=1)
        self._count += 1

    def __exit__(self, *_: object) -> None:
        self._container.mux(self._stream.encode())
        self._container.close()


def _put(data: Any, number: int, T: np.ndarray) -> None:
    data.mocap_pos[number] = T[:3, 3]
    data.mocap_quat[number] = se3.quat_from_matrix(T[:3, :3])


def _ease(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def _path(
    scene: PoseScene, points: np.ndarray, rng: np.random.Generator
) -> Float[np.ndarray, "t 4 4"]:
    yaw = rng.uniform(-np.pi, np.pi)
    R0 = se3.exp_so3(np.array([0, 0, yaw]))
    if scene.shape in ("hammer",):
        R0 = R0 @ se3.exp_so3(np.array([0.0, 0, 0]))
    start = np.array([*rng.uniform(-0.08, -0.03, 1), *rng.uniform(-0.05, 0.05, 1), 0.0])
    start[2] = -(points @ R0.T)[:, 2].min() + 0.001
    axis = rng.normal(size=3)
    axis /= np.linalg.norm(axis)
    s = _ease((np.arange(NUM) - TAKE) / (LEAVE - TAKE))
    wobble = np.sin(np.pi * s)
    angle = np.radians(scene.turn_deg) * s
    R = se3.exp_so3(angle[:, None] * axis) @ se3.exp_so3(0.3 * wobble[:, None] * rng.normal(size=3))
    R = R @ R0
    move = np.array([rng.uniform(0.06, 0.12), rng.uniform(-0.05, 0.05), 0])
    place = start + s[:, None] * move + wobble[:, None] * [0, 0, 0.08]
    low = (points[None] @ np.swapaxes(R, 1, 2))[..., 2].min(axis=1) + place[:, 2]
    place[:, 2] += np.maximum(0, 0.001 - low)
    return se3.make(R, place)


def _holder(T: np.ndarray, from_rad: float) -> np.ndarray:
    """The hand comes, goes along, and leaves the way it came."""
    away = 1 - _ease((np.arange(NUM) - 3) / (TAKE - 4)) + _ease((np.arange(NUM) - LEAVE - 1) / 10)
    out = T.copy()
    yaw = se3.exp_so3(np.array([0.0, 0.0, from_rad]))
    out[:, :3, :3] = T[:, :3, :3] @ T[0, :3, :3].T @ yaw
    out[:, :3, 3] += away[:, None] * (yaw @ [0.0, -0.25, 0.25])
    return out


def _xml(scene: PoseScene, parts: list[Geom], rng: np.random.Generator) -> str:
    a = " ".join(f"{v:.2f}" for v in rng.uniform(0.15, 0.9, 3))
    mark = " ".join(f"{v:.2f}" for v in rng.uniform(0, 1, 3))
    spots = f'mark="random" markrgb="{mark}" random="0.2"' if scene.is_textured else ""
    thing = "".join(_geom(part, 'material="thing"') for part in parts)
    size = max(float(np.abs(np.array(p[2][:2])).max()) for p in parts)
    wide = min(0.05, 0.02 + size)
    holder = ""
    if scene.holder == "gripper":
        holder = (
            "".join(
                f'<geom type="box" size=".012 .006 .05" pos="0 {y} .055" rgba=".2 .2 .22 1"/>'
                for y in (-wide, wide)
            )
            + '<geom type="box" size=".03 .06 .02" pos="0 0 .12" rgba=".2 .2 .22 1"/>'
        )
    elif scene.holder == "hand":
        skin = 'rgba=".85 .65 .53 1"'
        fingers = "".join(
            f'<geom type="capsule" fromto="{x} -.03 .06 {x} -.012 .0{z}" size=".009" {skin}/>'
            for x, z in ((-0.033, 2), (-0.011, 1), (0.011, 1), (0.033, 2))
        )
        holder = (
            f'{fingers}<geom type="capsule" fromto="-.03 .03 .05 -.01 .04 .005" size=".011" '
            f"{skin}/>"
            f'<geom type="box" size=".042 .05 .014" pos="0 -.01 .075" euler="-35 0 0" {skin}/>'
            f'<geom type="capsule" fromto="0 -.05 .1 0 -.3 .25" size=".032" {skin}/>'
        )
    hand = f'<body name="holder" mocap="true" pos="0 0 1">{holder}</body>' if holder else ""
    return (
        f'<mujoco><visual><global fovy="{FOVY_DEG}" offwidth="{WIDTH}" offheight="{HEIGHT}"/>'
        '<map znear=".02" zfar="20"/></visual>'
        '<compiler angle="degree"/>'
        f'<asset><texture name="floor" type="2d" builtin="checker" rgb1=".4 .45 .5" '
        'rgb2=".55 .5 .45" mark="random" markrgb=".1 .1 .1" random="0.03" width="128" '
        'height="128"/><material name="floor" texture="floor" texrepeat="4 4"/>'
        f'<texture name="thing" type="cube" builtin="flat" rgb1="{a}" {spots} width="96" '
        'height="96"/>'
        '<material name="thing" texture="thing"/></asset>'
        '<worldbody><light pos="0 -1 2" dir="0 .4 -1"/><geom type="plane" size="3 3 .1" '
        f'material="floor"/><body name="thing" mocap="true">{thing}</body>{hand}'
        "</worldbody></mujoco>"
    )


def _geom(part: Geom, looks: str) -> str:
    kind, size, at, turn = part
    sizes, place, axis = (" ".join(f"{v:.5f}" for v in values) for values in (size, at, turn))
    return f'<geom type="{kind}" size="{sizes}" pos="{place}" axisangle="{axis}" {looks}/>'


CHOSE = (
    PoseScene("box", "box", 1),
    PoseScene("mug", "mug", 2, elevation_deg=-30),
    PoseScene("hammer", "hammer", 3, holder="gripper", turn_deg=50),
    PoseScene("texbox", "box", 4, is_textured=True, elevation_deg=-55),
    PoseScene("ball", "ball", 5, holder="gripper"),
    PoseScene("plate", "plate", 6, holder="none", elevation_deg=-70, turn_deg=40),
    PoseScene("lamp", "lamp", 7, holder="gripper"),
    PoseScene("lamp_far", "lamp", 8, holder="gripper", from_deg=60, elevation_deg=-30),
    PoseScene("wrench", "wrench", 9, holder="gripper", turn_deg=80),
    PoseScene("lamp_hand", "lamp", 10, turn_deg=90),
)
"""Scenes on which the constants were chosen."""
REPORT = {
    "tool": [
        PoseScene("drill", "drill", 101, holder="gripper"),
        PoseScene("bracket", "bracket", 102, elevation_deg=-50),
    ],
    "cup": [
        PoseScene("pitcher", "pitcher", 103, elevation_deg=-30, distance_m=0.8),
        PoseScene("mug_b", "mug", 104, holder="gripper", from_deg=60),
    ],
    "box": [
        PoseScene("print_box", "box", 105, is_textured=True, from_deg=150),
        PoseScene("plain_box", "box", 106, holder="gripper", elevation_deg=-35),
    ],
    "blob": [PoseScene("bear", "bear", 107, holder="gripper", distance_m=0.6)],
    "symmetric": [
        PoseScene("bottle", "bottle", 108, holder="gripper"),
        PoseScene("ball_b", "ball", 109),
    ],
    "noisy_sensor": [PoseScene("noisy_drill", "drill", 110, noise=2.5, rough_px=2)],
}
"""Others, by kind."""
