"""A box before a depth sensor, cast ray by ray: small pictures, its segments and its true pose."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image
from video_files import write_video

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import Camera, ObjectTrack
from rotoscope.pipeline.types import Clip
from rotoscope.pipeline.video.probe import probe

WIDTH, HEIGHT, NUM = 320, 240, 14
K = np.array([[300.0, 0, WIDTH / 2], [0, 300.0, HEIGHT / 2], [0, 0, 1]])
CAMERA = Camera(K=K, width=WIDTH, height=HEIGHT, source="recipe", sigma_focal_rel=0.0)
SIDES_M = np.array([0.10, 0.07, 0.05])
WALL_M = 0.8


def carried() -> np.ndarray:
    """Poses of a thing that rests, is carried aside and turned by 40 degrees."""
    s = np.clip((np.arange(NUM) - 3) / (NUM - 4), 0, 1)
    axis = np.array([0.3, 0.9, 0.2]) / np.linalg.norm([0.3, 0.9, 0.2])
    start = se3.exp_so3(np.array([0.6, 0.5, 0.1]))
    R = se3.exp_so3(np.radians(40.0) * s[:, None] * axis) @ start
    return se3.make(R, np.array([-0.04, 0.0, 0.5]) + s[:, None] * [0.08, 0.01, 0.03])


@dataclass(frozen=True, eq=False)
class Cast:
    """What the sensor measures, and where the thing is."""

    depth_m: np.ndarray
    masks: np.ndarray


@cache
def rays() -> np.ndarray:
    u, v = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    x, y = (u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1]
    return np.stack([x, y, np.ones_like(x)], axis=2)


def cast(T: np.ndarray, *, shape: str = "box", noise_m: float = 0.0008) -> Cast:
    """A box, or a ball, in each of the poses before a wall."""
    rng, depth, masks = np.random.default_rng(0), [], []
    for pose in T:
        back = se3.inverse(pose)
        o, d = back[:3, 3], rays() @ back[:3, :3].T
        z = _box(o, d) if shape == "box" else _ball(o, d)
        masks.append(np.isfinite(z))
        full = np.where(np.isfinite(z), z, WALL_M) + rng.normal(0, noise_m, z.shape)
        depth.append(np.round(full, 3))
    return Cast(np.array(depth), np.array(masks))


def _box(o: np.ndarray, d: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        a, b = (-SIDES_M / 2 - o) / d, (SIDES_M / 2 - o) / d
    near, far = np.minimum(a, b).max(axis=2), np.maximum(a, b).min(axis=2)
    return np.where(near < far, near, np.inf)


def _ball(o: np.ndarray, d: np.ndarray, radius_m: float = 0.04) -> np.ndarray:
    a, b, c = (d * d).sum(axis=2), d @ o, o @ o - radius_m**2
    under = b * b - a * c
    return np.where(under > 0, (-b - np.sqrt(np.maximum(under, 0))) / a, np.inf)


def clip_with_depth(folder: Path, depth_m: np.ndarray, *, unit_m: float = 0.001) -> Clip:
    """A gray video with the depth beside it."""
    frames = [np.full((HEIGHT, WIDTH, 3), 120, np.uint8)] * len(depth_m)
    path = write_video(folder / "clip.mp4", frames=frames)
    place = folder / "clip.depth"
    place.mkdir(exist_ok=True)
    for k, picture in enumerate(depth_m):
        values = np.clip(np.nan_to_num(picture) / unit_m, 0, 65535).round().astype(np.uint16)
        Image.fromarray(values).save(place / f"{k:04d}.png")
    return Clip(probe(path), 0, np.arange(len(depth_m)) / 30)


def segments(masks: np.ndarray) -> ObjectTrack:
    """The masks as the stage `objects` says them."""
    num = len(masks)
    return ObjectTrack(
        number=1,
        mask_bits=np.packbits(masks.reshape(num, -1), axis=1),
        mask_width=WIDTH,
        mask_height=HEIGHT,
        valid=masks.any(axis=(1, 2)),
        center_px=np.full((num, 2), np.nan),
        sigma_px=np.full(num, np.nan),
        held=np.zeros((num, 2), bool),
        center_m=np.full((num, 3), np.nan),
        sigma_m=np.full((num, 3), np.nan),
    )


def write_box(path: Path, *, scale: float = 1.0, sides_m: np.ndarray = SIDES_M) -> None:
    """The box as a mesh."""
    x, y, z = scale * sides_m / 2
    corners = [(i * x, j * y, k * z) for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)]
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    lines = [f"v {a} {b} {c}" for a, b, c in corners]
    for a, b, c, d in quads:
        lines += [f"f {a + 1} {b + 1} {c + 1}", f"f {a + 1} {c + 1} {d + 1}"]
    path.write_text("\n".join(lines) + "\n")
