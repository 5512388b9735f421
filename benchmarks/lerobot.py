"""LeRobot opens and trains on what we write.

`ROTOSCOPE_DATASET` names a dataset that `rotoscope label` wrote; without it, 64 small episodes are
made and published first. Training needs `rotoscope[train]`.
"""

from __future__ import annotations

import importlib.util
import math
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from benchmarks._processes import measure, one_thread
from benchmarks._small_dataset import publish_small
from benchmarks.figure import Bar, Figure
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.processes import import_path, safe_python

STEPS = 20
# The smallest ACT that is still one: LeRobot's own layers and image encoder, without the weights
# that would have to be downloaded.
ACT = (
    "type=act", "device=cpu", "push_to_hub=false", "pretrained_backbone_weights=null",
    "dim_model=64", "n_heads=4", "dim_feedforward=128", "n_encoder_layers=1",
    "n_decoder_layers=1", "n_vae_encoder_layers=1", "chunk_size=8", "n_action_steps=8",
)  # fmt: skip

LIGHT = "from rotoscope.pipeline.export.light_lerobot import import_light_writer as f; f()"
WHOLE = "from lerobot.datasets.lerobot_dataset import LeRobotDataset"


def run() -> list[Figure]:
    """Reads every frame, then trains; says what LeRobot's light writer saves."""
    if importlib.util.find_spec("accelerate") is None:
        raise SystemExit("training needs the package accelerate: pip install 'rotoscope[train]'")
    with tempfile.TemporaryDirectory() as name:
        named = os.environ.get("ROTOSCOPE_DATASET")
        dataset = Path(named) if named else Path(name) / "dataset"
        if not named:
            publish_small(dataset, episodes=64, rows=20)
        read, total = frames_read(dataset)
        trained = trains(dataset, Path(name) / "train")
    light, whole = (import_cpu_s(statement) for statement in (LIGHT, WHOLE))
    return [
        Figure("lerobot.writer_import_cpu", light, "s"),
        Figure("lerobot.writer_import_over_whole", light / whole, "x"),
        Figure("lerobot.frames", total, "frames"),
        Figure("lerobot.frames_read", read / total, "1", Bar("==", 1)),
        Figure(f"lerobot.train_act_{STEPS}_steps", float(trained), "1", Bar("==", 1)),
    ]


def frames_read(path: Path) -> tuple[int, int]:
    """How many frames LeRobot's loader gives as the file holds them, and how many there are.

    The frame is looked up by its number in the file, LeRobot looks it up by its time.
    """
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    loaded = LeRobotDataset("rotoscope/benchmark", root=path, video_backend="pyav")
    key = open_dataset(path).video_key
    expected = frames_in_order(path)
    right = 0
    for index in range(len(loaded)):
        image = (loaded[index][key].numpy() * 255).round().astype(np.uint8).transpose(1, 2, 0)
        right += np.array_equal(image, next(expected))
    return right, len(loaded)


def import_cpu_s(statement: str) -> float:
    """CPU time that a statement takes in a fresh interpreter, the second time it is run [s]."""
    command = [*safe_python(), "-c", statement]
    path = {"PYTHONPATH": os.pathsep.join(import_path())}
    return [measure(command, env=path).cpu_s for _ in range(2)][1]


def frames_in_order(path: Path) -> Iterator[np.ndarray]:
    """Every frame of the dataset's videos, file after file."""
    dataset = open_dataset(path)
    for file in sorted((path / "videos" / dataset.video_key).rglob("*.mp4")):
        with av.open(str(file)) as container:
            for frame in container.decode(video=0):
                yield frame.to_ndarray(format="rgb24")


def trains(path: Path, output: Path) -> bool:
    """Whether `lerobot-train` runs ACT for a few steps and its loss stays finite."""
    done = subprocess.run(
        [
            *safe_python(), "-m", "lerobot.scripts.lerobot_train",
            "--dataset.repo_id=rotoscope/benchmark", f"--dataset.root={path.absolute()}",
            "--dataset.video_backend=pyav", *(f"--policy.{option}" for option in ACT),
            f"--steps={STEPS}", "--batch_size=2", "--num_workers=0", "--log_freq=1", "--seed=1",
            "--save_checkpoint=false", "--wandb.enable=false", f"--output_dir={output}",
        ],
        env=os.environ | one_thread() | {"HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    losses = [float(value) for value in re.findall(r" loss:(\S+)", done.stderr + done.stdout)]
    if done.returncode != 0:
        print(done.stderr[-2000:], file=sys.stderr)
    return done.returncode == 0 and len(losses) == STEPS and all(map(math.isfinite, losses))
