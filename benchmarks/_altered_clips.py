"""Clips of simulators and of real recordings, and copies of some that were altered."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from jaxtyping import UInt8

from rotoscope.models.simulators.rollout import rollout, scripted_expert
from rotoscope.models.simulators.simulator import Views, open_simulator
from rotoscope.pipeline.video.encode import EpisodeEncoder

Picture = UInt8[np.ndarray, "height width 3"]
REAL = (
    "g1_lerobot/videos_h264/chunk-000/observation.images.cam_high/*.mp4",
    "gr00t_picknplace/videos/chunk-000/observation.images.ego_view/*.mp4",
    "dex_retargeting/*.mp4",
    "sam2_gallery/*.mp4",
)
"""Recordings below the shared folder; eight and three of them are takes of one scene."""
SPAN_S, WIDTH = 2.0, 320
"""Length of a clip of a recording, and its width [px]."""
SIDE, STRIDE, FPS = 128, 2, 20
"""Pictures of simulated clips [px], of every so many steps, shown at this rate."""


@dataclass(frozen=True)
class Clip:
    """A clip that was written."""

    path: Path
    """Where."""
    kind: str
    """`simulated` or `real`; of a copy, what was done to it."""


def simulated(folder: Path, task: str, num: int, *, first_seed: int = 0) -> list[Clip]:
    """One clip a seed of a task's expert: one scene, other layouts, the same motion."""
    simulator = open_simulator(f"metaworld:{task}", Views(("corner2",), SIDE, SIDE))
    out = []
    for seed in range(first_seed, first_seed + num):
        steps = rollout(simulator, scripted_expert(simulator), seed=seed, steps_after_success=10)
        pictures = (
            step.observation["observation.images.corner2"]
            for number, step in enumerate(steps)
            if number % STRIDE == 0
        )
        path = folder / f"{task}-{seed:03d}.mp4"
        encode(path, pictures, fps=FPS)
        out.append(Clip(path, "simulated"))
    simulator.close()
    return out


def real(folder: Path, data: Path) -> list[Clip]:
    """Spans of recordings that do not overlap."""
    out = []
    for pattern in REAL:
        for source in sorted(data.glob(pattern)):
            for number, (pictures, fps) in enumerate(_spans(source)):
                path = folder / f"{source.parts[len(data.parts)]}-{source.stem}-{number:02d}.mp4"
                encode(path, pictures, fps=fps)
                out.append(Clip(path, "real"))
    return out


def _spans(source: Path) -> Iterator[tuple[list[Picture], int]]:
    """Whole spans of a recording, shrunk, with its rate."""
    with av.open(str(source)) as container:
        stream = container.streams.video[0]
        fps = round(float(stream.average_rate or 30))
        height = 2 * round(WIDTH * stream.height / stream.width / 2)
        held: list[Picture] = []
        for frame in container.decode(stream):
            held.append(frame.to_ndarray(format="rgb24", width=WIDTH, height=height))
            if len(held) == round(SPAN_S * fps):
                yield held, fps
                held = []


def _half_size(pictures: Sequence[Picture], draw: np.random.Generator) -> list[Picture]:
    small = [p[: p.shape[0] // 4 * 4, : p.shape[1] // 4 * 4] for p in pictures]
    return [
        p.reshape(p.shape[0] // 2, 2, p.shape[1] // 2, 2, 3).mean(axis=(1, 3)).astype(np.uint8)
        for p in small
    ]


def _cropped(pictures: Sequence[Picture], draw: np.random.Generator) -> list[Picture]:
    height, width = pictures[0].shape[:2]
    share = draw.uniform(0.75, 0.92)
    rows, columns = (2 * round(share * side / 2) for side in (height, width))
    top, left = int(draw.integers(height - rows + 1)), int(draw.integers(width - columns + 1))
    return [np.ascontiguousarray(p[top : top + rows, left : left + columns]) for p in pictures]


def _trimmed(pictures: Sequence[Picture], draw: np.random.Generator) -> list[Picture]:
    num = round(draw.uniform(0.6, 0.8) * len(pictures))
    first = int(draw.integers(len(pictures) - num + 1))
    return list(pictures[first : first + num])


Change = Callable[[Sequence[Picture], np.random.Generator], list[Picture]]
ALTERED: dict[str, Change] = {
    "scaled": _half_size,
    "cropped": _cropped,
    "encoded": lambda pictures, draw: list(pictures),
    "mirrored": lambda pictures, draw: [np.ascontiguousarray(p[:, ::-1]) for p in pictures],
    "trimmed": _trimmed,
}
"""What is done to copies; all of them are encoded anew, and worse."""


def altered(
    folder: Path, clips: Sequence[Clip], num: int, draw: np.random.Generator
) -> dict[Path, Path]:
    """Copies of clips drawn at random, each altered in one way, by turns; the original by copy."""
    folder.mkdir()
    out = {}
    for number, chosen in enumerate(draw.choice(len(clips), num, replace=False)):
        name, change = list(ALTERED.items())[number % len(ALTERED)]
        source = clips[chosen].path
        with av.open(str(source)) as container:
            fps = round(float(container.streams.video[0].average_rate or FPS))
            pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        path = folder / f"{number:03d}-{name}.mp4"
        encode(path, change(pictures, draw), fps=fps, crf=34)
        out[path] = source
    return out


def encode(path: Path, pictures: Sequence[Picture] | Iterator[Picture], *, fps: int,
           crf: int = 20) -> None:  # fmt: skip
    """An mp4 with a key frame every two seconds."""
    several = iter(pictures)
    first = next(several)
    height, width = first.shape[:2]
    with EpisodeEncoder(path, width=width, height=height, fps=fps, g=2 * fps, crf=crf) as encoder:
        for picture in itertools.chain([first], several):
            encoder.add(picture)
