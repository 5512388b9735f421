"""Clips of simulated and real scenes, many takes of each, and altered copies of some."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import platformdirs
from jaxtyping import UInt8
from PIL import Image

from benchmarks.labelers.code import syntax_hash
from rotoscope.models.simulators.rollout import rollout, scripted_expert
from rotoscope.models.simulators.simulator import open_simulator
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames

FPS, WIDTH, HEIGHT = 30, 160, 128
"""Of simulated clips; each step of the simulator is a frame."""
CHOSEN_ON = ("pick-place-v3", "push-v3", "drawer-open-v3")
"""Tasks of Meta-World on which constants of duplicates were chosen."""
CHOSEN_FILES = ("dex_retargeting/human_hand_video.mp4", "sam2_gallery/02_cups.mp4")
"""Real videos on which they were chosen, too."""
REPORTED_ON = (
    "sweep-into-v3",
    "door-open-v3",
    "plate-slide-v3",
    "basketball-v3",
    "shelf-place-v3",
    "window-open-v3",
)
"""Tasks that chose nothing."""
_G1 = "g1_lerobot/videos_h264/chunk-000/observation.images.cam_high/episode_0000{}.mp4"
_GR1 = "gr00t_picknplace/videos/chunk-000/observation.images.ego_view/episode_00000{}.mp4"
REPORTED_FILES = (
    *(_G1.format(n) for n in (10, 20, 21, 24, 28, 29, 30, 31)),
    *(_GR1.format(n) for n in range(3)),
    "sam2_gallery/03_blocks.mp4",
    "sam2_gallery/bedroom.mp4",
    "simpler_real_clips/bridge_real_1.mp4",
    "simpler_real_clips/rt1_real_standing_coke_can_1.mp4",
    "tfjs_pose_regression/pose_squats.mp4",
    "decord_testdata/flipping_a_pancake.mkv",
)
"""Real videos that chose nothing: takes by still cameras, by moving ones, a moving person."""
REAL_S, MOST_WIDE = 4.0, 640
"""Length of a real clip [s], and its width at most [px]."""
KINDS = ("scaled", "cropped", "encoded", "mirrored", "trimmed")
_FIRST_SEED = 9000

Pictures = UInt8[np.ndarray, "time height width 3"]


@dataclass(frozen=True)
class Altered:
    """A copy that was made."""

    source: Path
    """Of which clip."""
    path: Path
    """The copy."""
    kinds: tuple[str, ...]
    """How it was altered."""


def simulated(task: str, num: int) -> list[Path]:
    """Takes of one simulated scene by one still camera: other starts of the same expert."""
    folder = _folder(f"{task}-{num}")
    paths = [folder / f"{task}-{n:02d}.mp4" for n in range(num)]
    if all(path.exists() for path in paths):
        return paths
    folder.mkdir(parents=True, exist_ok=True)
    simulator = open_simulator(f"metaworld:{task}")
    for number, path in enumerate(paths):
        act = scripted_expert(simulator)
        seed = _FIRST_SEED + number
        pictures = [
            simulator.render("corner2", width=WIDTH, height=HEIGHT)
            for _ in rollout(simulator, act, seed=seed, steps_after_success=10, horizon=150)
        ]
        encode(np.array(pictures), path, FPS)
    simulator.close()
    return paths


def real(data: Path, names: Iterable[str], most: int) -> list[Path]:
    """Consecutive clips of real videos, `most` of each: the same scene, later."""
    folder = _folder("real")
    folder.mkdir(parents=True, exist_ok=True)
    out = []
    for name in names:
        video = probe(data / name)
        stem = name.replace("/", "-").rpartition(".")[0]
        num_frames = round(REAL_S * video.rate_hz)
        for number in range(min(most, video.num_frames // num_frames)):
            path = folder / f"{stem}-{number}.mp4"
            if not path.exists():
                start = number * num_frames
                frames = read_frames(video, start=start, end=start + num_frames)
                wide = min(video.width, MOST_WIDE)
                high = round(video.height * wide / video.width)
                encode(np.array([resized(f.rgb, wide, high) for f in frames]), path, video.rate_hz)
            out.append(path)
    return out


def altered(clips: Sequence[Path], num: int, *, seed: int) -> list[Altered]:
    """Copies of clips drawn at random, kinds in turn; every second one is altered in two ways."""
    draw = np.random.default_rng(seed)
    chosen = draw.permutation(len(clips))[:num]
    out = []
    for number, index in enumerate(chosen):
        source = clips[int(index)]
        kinds = [KINDS[number % len(KINDS)]]
        if number // len(KINDS) % 2:
            kinds.append(KINDS[(number + 1 + int(draw.integers(len(KINDS) - 1))) % len(KINDS)])
        name = hashlib.sha256(f"{source} {kinds} {seed} {number}".encode()).hexdigest()[:8]
        folder = _folder("copies")
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}-{'-'.join(kinds)}-{source.stem}.mp4"
        _alter(source, path, kinds, np.random.default_rng([seed, number]))
        out.append(Altered(source, path, tuple(kinds)))
    return out


def _alter(source: Path, path: Path, kinds: Sequence[str], draw: np.random.Generator) -> None:
    if path.exists():
        return
    video = probe(source)
    pictures: np.ndarray = np.array([frame.rgb for frame in read_frames(video)])
    for kind in kinds:
        if kind != "encoded":
            pictures = _CHANGES[kind](pictures, draw)
    crf = int(draw.integers(30, 36)) if "encoded" in kinds else 23
    codec = "libx265" if "encoded" in kinds and draw.random() < 0.3 else "libx264"
    encode(pictures, path, video.rate_hz, crf=crf, codec=codec)


def _scaled(pictures: Pictures, draw: np.random.Generator) -> Pictures:
    share = draw.uniform(0.5, 0.9)
    _, high, wide, _ = pictures.shape
    new = max(48, round(wide * share)), max(48, round(high * share))
    return np.array([resized(picture, *new) for picture in pictures])


def _cropped(pictures: Pictures, draw: np.random.Generator) -> Pictures:
    _, high, wide, _ = pictures.shape
    sides = draw.uniform(0.72, 0.95, 2)
    new_high, new_wide = (
        int(share * side) for share, side in zip(sides, (high, wide), strict=True)
    )
    top, left = int(draw.integers(high - new_high + 1)), int(draw.integers(wide - new_wide + 1))
    return pictures[:, top : top + new_high, left : left + new_wide]


def _mirrored(pictures: Pictures, draw: np.random.Generator) -> Pictures:
    return pictures[:, :, ::-1]


def _trimmed(pictures: Pictures, draw: np.random.Generator) -> Pictures:
    num = len(pictures)
    left = int(num * draw.uniform(0.6, 0.9))
    start = int(draw.integers(num - left + 1))
    return pictures[start : start + left]


_CHANGES: dict[str, Callable[[Pictures, np.random.Generator], Pictures]] = {
    "scaled": _scaled,
    "cropped": _cropped,
    "mirrored": _mirrored,
    "trimmed": _trimmed,
}


def resized(
    picture: UInt8[np.ndarray, "height width 3"], width: int, height: int
) -> UInt8[np.ndarray, "new_height new_width 3"]:
    """The picture in another size."""
    if picture.shape[:2] == (height, width):
        return picture
    made = Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(made)


def encode(
    pictures: Pictures, path: Path, rate_hz: float, *, crf: int = 20, codec: str = "libx264"
) -> None:
    """Writes a video; odd sides lose a line."""
    high, wide = (side // 2 * 2 for side in pictures.shape[1:3])
    part = path.with_name(f".{path.name}")
    with av.open(str(part), "w", format="mp4") as target:
        options = {"crf": str(crf), "preset": "veryfast"}
        if codec == "libx265":
            options["x265-params"] = "log-level=none:pools=1:frame-threads=1"
        rate = Fraction(rate_hz).limit_denominator(1001)
        stream = target.add_stream(codec, rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = wide, high, "yuv420p"
        stream.thread_count = 1
        for picture in pictures:
            cut = np.ascontiguousarray(picture[:high, :wide])
            target.mux(stream.encode(av.VideoFrame.from_ndarray(cut, format="rgb24")))
        target.mux(stream.encode(None))
    part.rename(path)


def _folder(name: str) -> Path:
    key = syntax_hash(Path(__file__))[:12]
    return platformdirs.user_cache_path("rotoscope") / "copied_clips" / key / name
