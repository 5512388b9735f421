"""Meta-World episodes as video: two cameras, with or without distractors, rendered once and kept.

    simulator = MetaWorldSimulator("push-v3")
    shot = footage(simulator, "PLAY", bench_folder() / "episodes", has_distractors=False)
    shot.demonstrations[i].actions   # (time, 4): what was executed
    shot.pixels["left"][i]           # uint8 (time + 1, 64, 64, 3): `observations[k]` as a picture
    shot.files["left"][i]            # the same at 192 px and 80 frames/s, an H.264 file

Sets are `hidden`, `K5` (or another number), `PLAY` and `RAND`, those of `metaworld`. Pictures are
made by executing the recorded actions again from the same seed; the states must come out the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from benchmarks.labelers.code import syntax_hash
from benchmarks.labelers.episodes import Demonstration
from benchmarks.labelers.tasks.metaworld import MetaWorldSimulator, hidden, labeled
from benchmarks.labelers.tasks.rendered_scene import CAMERAS, SIZE, Distractors, Studio
from rotoscope.pipeline.files.atomic import atomic_path

PIXELS = 64
"""Side of the small pictures [px]."""
RATE_HZ = 80
"""Steps a second of Meta-World's clock, and frames a second of the files."""
_QUALITY: dict[str, str] = {"crf": "12", "preset": "veryfast", "threads": "1"}

Videos = Mapping[str, tuple[UInt8[np.ndarray, "step 64 64 3"], ...]]


@dataclass(frozen=True)
class Footage:
    """One set of episodes of a task, filmed."""

    demonstrations: tuple[Demonstration, ...]
    """The episodes; one observation and one picture more than there are actions."""
    pixels: Videos
    """By camera, one small video an episode."""
    files: Mapping[str, tuple[Path, ...]]
    """By camera, one video file an episode."""


def footage(
    simulator: MetaWorldSimulator, name: str, folder: Path, *, has_distractors: bool = False
) -> Footage:
    """The episodes of a set and their videos, rendered the first time.

    Args:
        simulator: Of the task.
        name: `hidden`, `K5`, `PLAY`, ...
        folder: Where episodes are kept.
        has_distractors: Whether things move in the picture that have nothing to do with the robot.

    Raises:
        ValueError: An unknown name.
        RuntimeError: Executing the actions again led elsewhere.
    """
    is_hidden = name == "hidden"
    episodes = hidden(simulator, folder) if is_hidden else labeled(simulator, name, folder)
    look = "distractors" if has_distractors else "plain"
    place = folder / f"{simulator.task}-{name}-{look}-{_digest(episodes)}"
    if not place.is_dir():
        with atomic_path(place) as temporary:
            temporary.mkdir()
            _film(simulator, episodes, temporary, has_distractors=has_distractors)
    with np.load(place / "pixels.npz", allow_pickle=False) as stored:
        pixels = {
            camera: tuple(stored[f"{camera}_{i}"] for i in range(len(episodes)))
            for camera in CAMERAS
        }
    files = {
        camera: tuple(place / _file_name(camera, i) for i in range(len(episodes)))
        for camera in CAMERAS
    }
    return Footage(tuple(episodes), pixels, files)


def _film(
    simulator: MetaWorldSimulator,
    episodes: Sequence[Demonstration],
    place: Path,
    *,
    has_distractors: bool,
) -> None:
    small: dict[str, np.ndarray] = {}
    studio = Studio(simulator.model)
    try:
        for index, episode in enumerate(episodes):
            distractors = Distractors.of(episode.seed) if has_distractors else None
            shots = [
                studio.shoot(data, distractors, step=step)
                for step, data in enumerate(simulator.again(episode))
            ]
            for camera in CAMERAS:
                video = np.stack([shot[camera] for shot in shots])
                small[f"{camera}_{index}"] = _shrunk(video)
                _write(place / _file_name(camera, index), video)
    finally:
        studio.close()
    with (place / "pixels.npz").open("wb") as file:
        np.savez_compressed(file, **small)  # type: ignore[arg-type]  # numpy's own stub


def _shrunk(video: np.ndarray) -> UInt8[np.ndarray, "step 64 64 3"]:
    block = SIZE // PIXELS
    parts = video.reshape(len(video), PIXELS, block, PIXELS, block, 3)
    return (parts.mean(axis=(2, 4)) + 0.5).astype(np.uint8)


def _write(path: Path, video: UInt8[np.ndarray, "step height width 3"]) -> None:
    import av

    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=RATE_HZ)
        stream.width, stream.height, stream.pix_fmt = SIZE, SIZE, "yuv420p"
        stream.options = dict(_QUALITY)
        for picture in video:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def _file_name(camera: str, index: int) -> str:
    return f"{camera}_{index:03}.mp4"


def _digest(episodes: Sequence[Demonstration]) -> str:
    """Of what was executed and of the code that films it."""
    here = Path(__file__)
    digest = hashlib.sha256(syntax_hash(here, here.with_name("rendered_scene.py")).encode())
    for episode in episodes:
        digest.update(episode.seed.to_bytes(8, "little") + episode.actions.tobytes())
    return digest.hexdigest()[:16]
