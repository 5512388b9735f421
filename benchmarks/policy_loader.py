"""What LeRobot's training waits for: its own loader of videos, and frames decoded once.

CPU time of one thread; a small ACT of LeRobot's on the CPU, batches of 8. Once with pictures of
96 x 64, once with 640 x 480 that are shrunk to 96 x 96; a key frame every second frame, which is
the kindest case for a loader that seeks.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._small_dataset import publish_small
from benchmarks.figure import Bar, Figure
from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.episodes.episode import StateColumns
from rotoscope.pipeline.export.recorder import DatasetRecorder, Rows

NUM_STEPS, NUM_WARM = 10, 2
BATCH, SIDE_PX = 8, 96
SMALL = {"dim_model": 64, "n_heads": 4, "dim_feedforward": 128, "n_encoder_layers": 1}
"""ACT small enough to be trained on a CPU."""


@dataclass(frozen=True)
class Cost:
    """CPU seconds of some steps."""

    loading_s: float
    """Until the batch was there."""
    learning_s: float
    """Forward, backward and the optimizer's step."""

    @property
    def share(self) -> float:
        """Of the step that loading takes."""
        return self.loading_s / (self.loading_s + self.learning_s)

    @property
    def whole_s(self) -> float:
        """Both."""
        return self.loading_s + self.learning_s


def run() -> list[Figure]:
    """Share of loading before and after: small pictures, and camera pictures that are shrunk."""
    figures = []
    with tempfile.TemporaryDirectory() as name:
        small, large = Path(name) / "small", Path(name) / "large"
        publish_small(small, episodes=4, rows=120)
        _publish_large(large)
        for case, data, side_px in (("small", small, None), ("camera", large, SIDE_PX)):
            before = measure(data, partial(_by_lerobot, side_px=side_px))
            after = measure(data, partial(_from_memory, side_px=side_px))
            ratio = before.loading_s / after.loading_s
            figures += [
                Figure(f"policy_loader.{case}.share_before", before.share, "1"),
                Figure(f"policy_loader.{case}.share_after", after.share, "1", Bar("<=", 0.1)),
                Figure(f"policy_loader.{case}.steps_ratio", before.whole_s / after.whole_s, "x"),
                Figure(f"policy_loader.{case}.loading_ratio", ratio, "x"),
            ]
    return figures


def measure(data: Path, load: Callable[[Any], Any]) -> Cost:
    """Trains a few steps.

    Args:
        data: Dataset.
        load: Makes the training set out of LeRobot's configuration.
    """
    import torch
    from lerobot.policies.factory import make_policy, make_pre_post_processors

    torch.set_num_threads(1)
    config = _config(data)
    dataset = load(config)
    policy = make_policy(cfg=config.policy, ds_meta=dataset.meta)
    before, _ = make_pre_post_processors(config.policy, dataset_stats=dataset.meta.stats)
    optimizer = torch.optim.AdamW(policy.parameters(), lr=1e-5)
    batches = _batches(dataset)
    loading_s = learning_s = 0.0
    for step in range(NUM_WARM + NUM_STEPS):
        started = time.process_time()
        batch = next(batches)
        for camera in dataset.meta.camera_keys:
            batch[camera] = batch[camera].float() / 255
        batch = before(batch)
        loaded = time.process_time()
        policy.train()
        policy.forward(batch)[0].backward()
        optimizer.step()
        optimizer.zero_grad()
        if step >= NUM_WARM:
            loading_s += loaded - started
            learning_s += time.process_time() - loaded
    return Cost(loading_s, learning_s)


def _publish_large(out: Path) -> None:
    contract = ActionContract(
        robot="point",
        dimensions=tuple(Dimension(name=axis, quantity="position", unit="m") for axis in "xy"),
        rate_hz=30,
        shift_s=0,
        is_state=False,
    )
    state = StateColumns(("x", "y"), "m", "Where the square is.")
    with DatasetRecorder(contract, state, camera="front") as recorder:
        for number in range(3):
            generator = np.random.default_rng(number)
            image = generator.integers(0, 255, (48, 64, 3), np.uint8).repeat(10, 0).repeat(10, 1)
            values = np.sin(np.arange(90)[:, None] / [20, 30] + number)
            with recorder.encoder(image) as encoder:
                for at in np.round(300 + 250 * values[:, 0]).astype(int):
                    shown = image.copy()
                    shown[200:280, at : at + 80] = 255
                    encoder.add(shown)
            known = np.ones(len(values))
            rows = Rows(f"large-{number}", "move", values, known > 0, known, values)
            recorder.add(rows, encoder)
        recorder.publish(out, made_by="a benchmark")


def _config(data: Path) -> Any:
    from lerobot.configs.default import DatasetConfig
    from lerobot.configs.train import TrainPipelineConfig
    from lerobot.policies.act.configuration_act import ACTConfig

    policy = ACTConfig(device="cpu", push_to_hub=False, pretrained_backbone_weights=None, **SMALL)
    source = DatasetConfig(repo_id="rotoscope/small", root=str(data), video_backend="pyav")
    return TrainPipelineConfig(dataset=source, policy=policy)


def _by_lerobot(config: Any, *, side_px: int | None) -> Any:
    from lerobot.datasets.factory import make_train_eval_datasets
    from torchvision.transforms import v2

    dataset = make_train_eval_datasets(config)[0]
    if side_px is not None:
        dataset.set_image_transforms(v2.Resize((side_px, side_px)))
        for camera in dataset.meta.camera_keys:
            dataset.meta.features[camera]["shape"] = (side_px, side_px, 3)
    return dataset


def _from_memory(config: Any, *, side_px: int | None) -> Any:
    from rotoscope.models.policy.memory_dataset import memory_datasets
    from rotoscope.models.policy.row_weights import row_weights_of
    from rotoscope.pipeline.datasets.read import open_dataset

    dataset = open_dataset(Path(config.dataset.root))
    return memory_datasets(config, dataset, row_weights_of(dataset), side_px=side_px)[0]


def _batches(dataset: Any) -> Iterator[dict[str, Any]]:
    import torch

    generator = torch.Generator().manual_seed(0)
    loader = torch.utils.data.DataLoader(
        dataset, batch_size=BATCH, shuffle=True, drop_last=True, generator=generator
    )
    while True:
        yield from loader
