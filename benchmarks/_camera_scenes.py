"""Rendered rooms seen by cameras whose motion is known: textured planes, drawn by homographies."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.pipeline.geometry import se3

WIDTH, HEIGHT, RATE_HZ = 640, 480, 30
_TEXTURE_PX = 512
_GRAIN = 2.5


@dataclass(frozen=True)
class CameraScene:
    """One clip to be rendered."""

    name: str
    """What figures call it."""
    motion: str
    """`still`, `pan`, `shake`, `slide`, `forward`, `orbit` or `head`."""
    texture: str = "patches"
    """`patches`, `noise`, `tiles` or `plain`."""
    focal_px: float = 560.0
    """Focal length [px]."""
    num_frames: int = 90
    """Frames at 30 a second."""
    amount: float = 1.0
    """Times the usual size of the motion."""
    occluder: float = 0.25
    """Width of the thing that is waved before the camera, in picture widths; 0 for none."""
    seed: int = 0
    """Of textures, places and shake."""

    @property
    def kind(self) -> str:
        """What the camera does, as `CameraMotion.kind` calls it."""
        return {"still": "still", "pan": "turning", "shake": "turning"}.get(self.motion, "moving")

    @property
    def K(self) -> Float[np.ndarray, "3 3"]:  # noqa: N802 - a matrix's name
        """Intrinsics [px]."""
        return np.array(
            [[self.focal_px, 0, WIDTH / 2], [0, self.focal_px, HEIGHT / 2], [0, 0, 1.0]]
        )


def camera_poses(scene: CameraScene) -> Float[np.ndarray, "time 4 4"]:
    """T_world_camera of every frame [m]; the first is the identity."""
    time_s = np.arange(scene.num_frames) / RATE_HZ
    rng = np.random.default_rng([scene.seed, 1])
    shake = _smooth_noise(rng, scene.num_frames, 6)
    turn, place = _MOTIONS[scene.motion](time_s, shake)
    T = se3.make(se3.exp_so3(scene.amount * turn), scene.amount * place)
    return np.asarray(se3.inverse(T[0]) @ T)


def _smooth_noise(rng: np.random.Generator, num: int, width: int) -> np.ndarray:
    """Six channels of about unit size that change within `width` frames."""
    kernel = np.hanning(2 * width + 1)
    white = rng.normal(size=(num + 2 * width, 6))
    return np.stack([np.convolve(c, kernel / np.linalg.norm(kernel), "valid") for c in white.T], 1)


Motion = tuple[Float[np.ndarray, "time 3"], Float[np.ndarray, "time 3"]]


def _columns(*values: np.ndarray | float) -> np.ndarray:
    return np.stack(np.broadcast_arrays(*values), axis=1).astype(float)


def _still(t: np.ndarray, shake: np.ndarray) -> Motion:
    return _columns(0 * t, 0, 0), _columns(0 * t, 0, 0)


def _pan(t: np.ndarray, shake: np.ndarray) -> Motion:
    swing = 1 - np.cos(2 * np.pi * t / t[-1])
    return _columns(0.03 * np.sin(2 * t), 0.22 * swing, 0.02 * np.sin(3 * t)), 0 * shake[:, :3]


def _shake(t: np.ndarray, shake: np.ndarray) -> Motion:
    return 0.012 * shake[:, :3], 0 * shake[:, :3]


def _slide(t: np.ndarray, shake: np.ndarray) -> Motion:
    s = t / t[-1]
    return 0.004 * shake[:, :3] + _columns(0, -0.2 * s, 0), _columns(0.3 * s, 0.02 * s, 0)


def _forward(t: np.ndarray, shake: np.ndarray) -> Motion:
    s = t / t[-1]
    return 0.006 * shake[:, :3], _columns(0.05 * np.sin(3 * s), 0.02 * s, 0.35 * s)


def _orbit(t: np.ndarray, shake: np.ndarray) -> Motion:
    angle = 0.5 * np.sin(np.pi * t / t[-1])
    place = _columns(0.9 * np.sin(angle), 0, 0.9 * (1 - np.cos(angle)))
    return 0.006 * shake[:, :3] + _columns(0, -angle, 0), place + 0.004 * shake[:, 3:]


def _head(t: np.ndarray, shake: np.ndarray) -> Motion:
    bob = _columns(0.03 * np.sin(2 * t), 0.015 * np.sin(5 * t), 0.05 * np.sin(1.3 * t))
    turn = _columns(0.06 * np.sin(1.7 * t), 0.12 * np.sin(1.1 * t), 0.04 * np.sin(2.3 * t))
    return turn + 0.006 * shake[:, :3], bob + _columns(0.08 * t / t[-1], 0, 0)


_MOTIONS: dict[str, Callable[[np.ndarray, np.ndarray], Motion]] = {
    "still": _still,
    "pan": _pan,
    "shake": _shake,
    "slide": _slide,
    "forward": _forward,
    "orbit": _orbit,
    "head": _head,
}


@dataclass(frozen=True, eq=False)
class _Quad:
    corner: np.ndarray
    across: np.ndarray
    down: np.ndarray
    texture: np.ndarray


def render(scene: CameraScene) -> bytes:
    """The clip as an MP4 file, H.264."""
    import av

    buffer = io.BytesIO()
    grain = np.random.default_rng([scene.seed, 2])
    quads = _room(scene)
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=RATE_HZ)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"crf": "20", "preset": "fast", "threads": "1"}
        for index, T in enumerate(camera_poses(scene)):
            image = _draw(quads, scene, T, index) + grain.normal(0, _GRAIN, (HEIGHT, WIDTH, 1))
            rgb = np.clip(image, 0, 255).astype(np.uint8).repeat(3, axis=2)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()


def _room(scene: CameraScene) -> list[_Quad]:
    """A wall, a desk and boxes on it, the farthest first."""
    rng = np.random.default_rng([scene.seed, 3])
    wall = _Quad(
        np.array([-3, -2.2, 2.0]),
        np.array([6.0, 0, 0]),
        np.array([0, 3.2, 0]),
        _texture(scene, rng),
    )
    desk = _Quad(
        np.array([-1.6, 0.1, 2.0]),
        np.array([3.2, 0, 0]),
        np.array([0, 0.35, -1.8]),
        _texture(scene, rng),
    )
    boxes = []
    for depth in np.sort(rng.uniform(0.7, 1.5, 5))[::-1]:
        size = rng.uniform(0.08, 0.25, 2)
        base = 0.1 + 0.35 * (2.0 - depth) / 1.8
        left = rng.uniform(-0.5, 0.4) * depth
        yaw = rng.uniform(-0.5, 0.5)
        across = size[0] * np.array([np.cos(yaw), 0, np.sin(yaw)])
        corner = np.array([left, base - size[1], depth])
        boxes.append(_Quad(corner, across, np.array([0, size[1], 0]), _texture(scene, rng)))
    return [wall, desk, *boxes]


def _texture(scene: CameraScene, rng: np.random.Generator) -> Float[np.ndarray, "side side"]:
    import cv2

    side = _TEXTURE_PX
    image = np.full((side, side), rng.uniform(90, 170))
    if scene.texture == "patches":
        for _ in range(60):
            x, y, w, h = (*rng.integers(0, side, 2), *rng.integers(15, 120, 2))
            image[y : y + h, x : x + w] = rng.uniform(40, 215)
    elif scene.texture == "noise":
        for cells in (8, 24, 80):
            coarse = rng.normal(0, 22, (cells, cells)).astype(np.float32)
            image += cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    elif scene.texture == "tiles":
        tiles = rng.uniform(60, 200, (10, 10))
        image = np.kron(tiles, np.ones((52, 52)))[:side, :side]
        image[::52], image[:, ::52] = 40, 40
    return cv2.GaussianBlur(image.astype(np.float32), (0, 0), 1.0)


def _draw(
    quads: list[_Quad], scene: CameraScene, T_world_camera: np.ndarray, index: int
) -> Float[np.ndarray, "height width 1"]:
    import cv2

    image = np.full((HEIGHT, WIDTH), 120, np.float32)
    R, t = se3.inverse(T_world_camera)[:3, :3], se3.inverse(T_world_camera)[:3, 3]
    for quad in quads:
        plane = np.stack([quad.across / _TEXTURE_PX, quad.down / _TEXTURE_PX, quad.corner], axis=1)
        H = scene.K @ (R @ plane + np.outer(t, [0, 0, 1]))
        # Pixel centers: texel and pixel i cover [i, i + 1).
        half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
        H = np.linalg.inv(half) @ H @ half
        corners = H @ (
            np.array([[0, 1, 0, 1], [0, 0, 1, 1], [0, 0, 0, 0]]) * _TEXTURE_PX + [[0], [0], [1]]
        )
        low = np.clip((corners[:2] / corners[2]).min(axis=1) - 1, 0, [WIDTH, HEIGHT]).astype(int)
        high = np.clip((corners[:2] / corners[2]).max(axis=1) + 2, 0, [WIDTH, HEIGHT]).astype(int)
        if (high <= low).any():
            continue
        size = tuple(int(v) for v in high - low)
        H = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1]]) @ H
        drawn = cv2.warpPerspective(quad.texture, H, size)
        mask = cv2.warpPerspective(np.ones_like(quad.texture), H, size)
        part = image[low[1] : high[1], low[0] : high[0]]
        part[:] = part * (1 - mask) + drawn * mask
    if scene.occluder:
        _wave(image, scene, index)
    return image[..., None]


def _wave(image: Float[np.ndarray, "height width"], scene: CameraScene, index: int) -> None:
    """Something textured that swings before the camera, on no hand track."""
    rng = np.random.default_rng([scene.seed, 4])
    side = int(scene.occluder * WIDTH)
    thing = np.kron(rng.uniform(60, 200, (6, 6)), np.ones((side // 6 + 1,) * 2))[:side, :side]
    x = int((0.5 + 0.3 * np.sin(0.08 * index)) * WIDTH - side / 2)
    y = int((0.62 + 0.15 * np.cos(0.11 * index)) * HEIGHT - side / 2)
    part: UInt8[np.ndarray, "rows columns"] = image[max(y, 0) : y + side, max(x, 0) : x + side]
    part[:] = thing[: part.shape[0], : part.shape[1]]


def _scenes(
    seed: int, textures: tuple[str, ...], focals_px: tuple[float, ...]
) -> list[CameraScene]:
    motions = ("still", "pan", "shake", "slide", "forward", "orbit", "head")
    return [
        CameraScene(
            f"{motion}_{texture}",
            motion,
            texture,
            focals_px[k % len(focals_px)],
            seed=seed + 10 * k + n,
        )
        for k, motion in enumerate(motions)
        for n, texture in enumerate(textures)
    ]


DEVELOPMENT = _scenes(100, ("patches", "noise"), (560.0, 480.0))
"""Scenes that constants of `rotoscope.models.camera` were chosen on; no figure is about them."""
HELD_OUT = _scenes(11000, ("tiles", "patches", "noise"), (520.0, 700.0, 430.0))
"""Scenes that chose nothing; those of `tiles` are of a kind of texture that chose nothing."""
PLAIN = [CameraScene(f"{m}_plain", m, "plain", occluder=0.5, seed=9) for m in ("still", "slide")]
"""Nothing to go by: whatever the camera does, it is unknown."""
