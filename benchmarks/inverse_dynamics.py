"""Inverse dynamics labelers: how fast they look at video, with what memory, how honest they are.

A ball is pushed about in front of a camera; the action is the push.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks._processes import measure, rotoscope
from benchmarks.figure import Bar, Figure
from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.inverse_dynamics.labeler import load_labeler
from rotoscope.models.inverse_dynamics.pixels_stage import Pixels, PixelsConfig
from rotoscope.models.inverse_dynamics.rows import LabeledWindows, rows_of
from rotoscope.models.inverse_dynamics.train import train_inverse_dynamics
from rotoscope.models.training.config import LoopConfig
from rotoscope.models.training.data import LabeledEpisode, LabeledSet
from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.run.ledger import Ledger
from rotoscope.pipeline.testing import a_video
from rotoscope.pipeline.types import Frame

SIZE, RATE_HZ = 64, 20.0
NUM_TRAINED, NUM_UNSEEN = 40, 40
MINUTES = (1, 4, 10)
CAMERA = "observation.images.front"
CONTRACT = ActionContract(
    robot="ball",
    dimensions=tuple(Dimension(name=n, quantity="position", unit="m/s2") for n in ("ax", "ay")),
    mode="delta",
    rate_hz=RATE_HZ,
    shift_s=0,
)


def run() -> list[Figure]:
    """Speed and memory with five image networks of 64 px, on one thread; calibration by ridge."""
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        model = Path(name) / "pixels"
        # How good the networks are changes nothing about their speed.
        loop = LoopConfig(num_steps=2, batch_size=16, eval_every=2, device="cpu")
        config = InverseDynamicsConfig(camera=CAMERA, image_size=SIZE, loop=loop)
        train_inverse_dynamics(dataset(range(3), rows=40, has_images=True), config, model)
        look(model, 64)
        rate = look(model, 1000)
        peaks = {m: _peak_gib(Path(name), model, m) for m in MINUTES}
        honest = calibration(Path(name) / "ridge")
    return [
        Figure("inverse_dynamics.look", rate, "frames/s", Bar(">=", 200)),
        *(Figure(f"inverse_dynamics.memory_{m}_min", peaks[m], "GiB") for m in MINUTES),
        Figure(
            "inverse_dynamics.memory_10_min_over_1",
            peaks[MINUTES[-1]] / peaks[MINUTES[0]],
            "x",
            Bar("<=", 1.15),
        ),
        *honest,
    ]


def calibration(folder: Path) -> list[Figure]:
    """Whether intervals hold, and what dropping the least sure does, on episodes never seen."""
    config = InverseDynamicsConfig(kind="ridge", inputs=("track.ball",))
    train_inverse_dynamics(dataset(range(NUM_TRAINED)), config, folder)
    labeler = load_labeler(folder)
    unseen = dataset(range(1000, 1000 + NUM_UNSEEN))
    rows = LabeledWindows.join([rows_of(episode, unseen, config) for episode in unseen.episodes])
    labels = labeler.label(rows.inputs)
    error = np.abs(labels.values - rows.actions)
    covered = float((error <= labels.half_width).mean())
    sure = labels.confidence >= np.quantile(labels.confidence, 0.2)
    return [
        Figure("inverse_dynamics.coverage_90_least", covered, "1", Bar(">=", 0.87)),
        Figure("inverse_dynamics.coverage_90_most", covered, "1", Bar("<=", 0.93)),
        Figure(
            "inverse_dynamics.error_after_dropping_20",
            float(error[sure].mean() / error.mean()),
            "1",
            Bar("<=", 0.85),
        ),
    ]


def look(model: Path, num_frames: int) -> float:
    """Frames of 320 x 240 that a CPU second takes through a labeler's image networks."""
    stage = Pixels(PixelsConfig(model=model))
    stage.setup()
    video = a_video(num_frames, rate_hz=RATE_HZ, width=320, height=240)
    stage.begin(video)
    started = time.process_time()
    for frame in _frames(num_frames):
        stage.observe(frame)
    stage.finish(np.arange(num_frames) / RATE_HZ)
    return num_frames / (time.process_time() - started)


def dataset(seeds: range, *, rows: int = 120, has_images: bool = False) -> LabeledSet:
    """Episodes of a ball whose pushes are known."""
    episodes = [_episode(seed, rows, has_images) for seed in seeds]
    inputs, sizes = (("track.ball",), (3,)) if not has_images else ((), ())
    return LabeledSet(
        tuple(episodes), CONTRACT, inputs, sizes, CAMERA if has_images else "", (320, 240)
    )


def _episode(seed: int, rows: int, has_images: bool) -> LabeledEpisode:
    generator = np.random.default_rng(seed)
    kernel = np.hanning(9) / np.hanning(9).sum()
    white = generator.normal(size=(rows + 20, 2))
    push = np.stack([np.convolve(white[:, i], kernel, "same") for i in (0, 1)], 1)[10:-10]
    speed = np.cumsum(push, axis=0) / RATE_HZ
    place = np.concatenate([np.zeros((1, 2)), np.cumsum(speed, axis=0)[:-1] / RATE_HZ])
    # The tracker says how sharp it sees; a fifth of the time it sees badly.
    blur = generator.choice([-1.0, 1.0], size=rows // 20, p=[0.8, 0.2]).repeat(20)[:, None]
    seen = place + 1e-4 * np.exp(blur) * generator.normal(size=place.shape)
    images = generator.integers(0, 255, (rows, SIZE, SIZE, 3), np.uint8) if has_images else None
    return LabeledEpisode(
        name=f"episode {seed}",
        time_s=np.arange(rows) / RATE_HZ,
        features=np.zeros((rows, 0)) if has_images else np.concatenate([seen, blur], axis=1),
        actions=push,
        valid=np.ones(rows, bool),
        images=images,
    )


def _frames(num_frames: int) -> Iterator[Frame]:
    image = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
    for index in range(num_frames):
        yield Frame(index=index, time_s=index / RATE_HZ, to_rgb=lambda: image)


def _peak_gib(root: Path, model: Path, minutes: int) -> float:
    """Most memory of the worker that labels a video of 64 px from end to end [GiB]."""
    video = root / f"{minutes}.mp4"
    _encode(video, round(60 * minutes * RATE_HZ))
    command = ["label", video, "--recipe", "inverse-dynamics-pixels"]
    command += ["--out", root / f"out{minutes}", "--store", root / f"store{minutes}"]
    command += ["--until", "label.inverse_dynamics", "-o", f"label.inverse_dynamics.model={model}"]
    cost = measure(rotoscope(*command))
    if cost.exit_code != 0:
        raise SystemExit(cost.output)
    return Ledger(root / f"out{minutes}.rotoscope" / "ledger.jsonl").rows()[0].peak_memory_gib


def _encode(path: Path, num_frames: int) -> None:
    """A video in which a bright square wanders about."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=round(RATE_HZ), options={"g": "20"})
        stream.width, stream.height, stream.pix_fmt = SIZE, SIZE, "yuv420p"
        for index in range(num_frames):
            image = np.zeros((SIZE, SIZE, 3), np.uint8)
            x, y = (round(24 + 20 * f(index / 9)) for f in (np.sin, np.cos))
            image[y : y + 12, x : x + 12] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
