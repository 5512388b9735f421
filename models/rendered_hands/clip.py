"""Rendered videos on disk, with the truth beside them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.rendered_hands import raycast
from rotoscope.models.rendered_hands.scenes import HEIGHT, RATE_HZ, WIDTH, Scene
from rotoscope.pipeline.files.atomic import atomic_path
from rotoscope.pipeline.geometry import hand_frame
from rotoscope.pipeline.tracks import Side

if TYPE_CHECKING:
    from rotoscope.models.rendered_hands.puppet import Puppet

VERSION = 1
"""Part of the cache's key; raise it when the same scene comes out different."""
_GRAIN_SIGMA = 2.5
"""Sensor noise of the image [gray levels of 255]."""
_CONSTANT_RATE_FACTOR = "14"
"""Quality of H.264: nearly transparent."""


@dataclass(frozen=True, eq=False)
class HandTruth:
    """Where one hand truly is, frame by frame."""

    side: Side
    """Which hand."""
    joints_m: Float[np.ndarray, "time 21 3"]
    """MediaPipe's 21 points in the camera frame [m]."""
    rig_wrist_m: Float[np.ndarray, "time 3"]
    """The body model's own wrist joint in the camera frame [m]; see `landmarks`."""

    @property
    def palm_length_m(self) -> float:
        """Distance from point 0, the wrist, to point 9, the root of the middle finger."""
        palm = self.joints_m[0, hand_frame.MIDDLE_MCP] - self.joints_m[0, hand_frame.WRIST]
        return float(np.linalg.norm(palm))

    @property
    def T_camera_wrist(self) -> Float[np.ndarray, "time 4 4"]:  # noqa: N802 - a matrix's name
        """Wrist pose in the camera frame."""
        return hand_frame.wrist_pose(self.joints_m, self.side)

    @property
    def aperture_m(self) -> Float[np.ndarray, " time"]:
        """Distance from thumb tip to index tip [m]."""
        gap = self.joints_m[:, hand_frame.THUMB_TIP] - self.joints_m[:, hand_frame.INDEX_TIP]
        aperture: np.ndarray = np.linalg.norm(gap, axis=1)
        return aperture


@dataclass(frozen=True, eq=False)
class RenderedClip:
    """A video with its truth."""

    path: Path
    """The video file, H.264 at `RATE_HZ`."""
    scene: Scene
    """What it shows; holds K."""
    hands: dict[Side, HandTruth]
    """Truth by side."""


def rendered_clip(scene: Scene, folder: Path | None = None) -> RenderedClip:
    """The video of a scene, rendered on first use and kept in `folder` (default: user's cache).

    Raises:
        AssetError: anny or Open3D cannot be imported.
    """
    key = hashlib.sha256(f"{VERSION} {scene!r}".encode()).hexdigest()[:16]
    video = (folder or _cache_folder()) / f"{scene.name}-{key}.mp4"
    truth = video.with_suffix(".npz")
    if not (video.exists() and truth.exists()):
        puppets = _puppets(scene)
        _write_truth(truth, scene, puppets)
        _write_video(video, scene, puppets)
    return RenderedClip(video, scene, _read_truth(truth, scene))


def write_sample_clip(path: Path, *, seconds: float = 4.0, seed: int = 11) -> None:
    """Writes a video of a right hand that reaches and pinches again and again.

    Raises:
        AssetError: anny or Open3D cannot be imported.
    """
    num_frames = max(2, round(seconds * RATE_HZ))
    scene = Scene(
        "sample", yaw_deg=150, pitch_deg=-10, roll_deg=-25, num_frames=num_frames, seed=seed
    )
    _write_video(path, scene, _puppets(scene))


def _puppets(scene: Scene) -> list[Puppet]:
    from rotoscope.models.rendered_hands.puppet import Puppet

    return [Puppet(scene, side) for side in scene.sides]


def _write_truth(path: Path, scene: Scene, puppets: list[Puppet]) -> None:
    arrays: dict[str, np.ndarray] = {}
    for puppet in puppets:
        frames = range(scene.num_frames)
        arrays[f"{puppet.side}_joints"] = np.array([puppet.joints(i) for i in frames])
        arrays[f"{puppet.side}_rig_wrist"] = np.array([puppet.rig_wrist(i) for i in frames])
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _read_truth(path: Path, scene: Scene) -> dict[Side, HandTruth]:
    with np.load(path) as arrays:
        return {
            side: HandTruth(side, arrays[f"{side}_joints"], arrays[f"{side}_rig_wrist"])
            for side in scene.sides
        }


def _write_video(path: Path, scene: Scene, puppets: list[Puppet]) -> None:
    import av

    background = _background(scene)
    grain = np.random.default_rng([scene.seed, 99])
    with atomic_path(path) as temporary, av.open(str(temporary), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=round(RATE_HZ))
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"crf": _CONSTANT_RATE_FACTOR, "preset": "fast", "threads": "1"}
        for index in range(scene.num_frames):
            noisy = _image(background, scene, puppets, index)
            noisy += grain.normal(0.0, _GRAIN_SIGMA, noisy.shape)
            frame = np.clip(noisy, 0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def _image(
    background: UInt8[np.ndarray, "height width 3"],
    scene: Scene,
    puppets: list[Puppet],
    index: int,
) -> Float[np.ndarray, "height width 3"]:
    image = background
    for puppet in puppets:
        vertices, faces, colors = puppet.mesh(index)
        image = raycast.draw(image, K=scene.K, vertices=vertices, faces=faces, colors=colors)
    return image.astype(np.float64)


def _background(scene: Scene) -> UInt8[np.ndarray, "height width 3"]:
    """A plain wall, or patches of color like a desk with things on it."""
    rng = np.random.default_rng([scene.seed, 3])
    image = np.tile(rng.uniform(90, 190, 3), (HEIGHT, WIDTH, 1))
    if scene.textured:
        for _ in range(14):
            x, y = rng.integers(0, [WIDTH, HEIGHT])
            w, h = rng.integers(40, 220, 2)
            image[y : y + h, x : x + w] = rng.uniform(40, 210, 3)
        shade = np.linspace(0.85, 1.1, WIDTH)[None, :, None]
        image = image * shade
    return np.clip(image, 0, 255).astype(np.uint8)


def _cache_folder() -> Path:
    import platformdirs

    return platformdirs.user_cache_path("rotoscope") / "rendered"
