"""A dataset in memory in the shape that LeRobot's training expects, trusted rows alone.

Which samples there are and what is padding in their windows, `valid_samples` says, as it does of
LeRobot's own loader in `valid_rows`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from rotoscope.models.policy.lerobot_encoder import ENVIRONMENT, Sight
from rotoscope.models.policy.row_weights import RowWeights
from rotoscope.models.policy.valid_samples import ValidSamples, picture_stats
from rotoscope.models.training.frames import open_frames
from rotoscope.models.training.maps import give_back
from rotoscope.pipeline.datasets.read import Dataset

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class Table:
    """The columns that LeRobot's policies read, whole."""

    columns: dict[str, np.ndarray]
    """Numbers and decoded pictures by feature, shape (row, ...)."""
    tasks: tuple[str, ...]
    """What is being done, per row."""
    samples: ValidSamples
    """Which rows are trusted, and whose they are."""


def read_table(
    dataset: Dataset,
    row_weights: Sequence[RowWeights],
    *,
    side_px: int | None,
    sight: Sight | None = None,
) -> Table:
    """Reads a dataset.

    Args:
        dataset: Which.
        row_weights: For each episode, which rows are learned from.
        side_px: Side of the square that pictures are shrunk to; as they are where `None`.
        sight: What says in place of pictures what is seen in them; pictures where `None`.
    """
    features = dataset.info["features"]
    names = [n for n, f in features.items() if n.startswith(("observation.", "action"))]
    numbers = [n for n in names if features[n]["dtype"] != "video"]
    parts: dict[str, list[np.ndarray]] = {n: [] for n in numbers}
    tasks: list[str] = []
    texts = dataset.tasks()
    for index in range(len(row_weights)):
        columns = dataset.episode(index).columns
        for name in numbers:
            values = np.asarray(columns[name], np.float32)
            parts[name].append(values.reshape(len(values), -1))
        tasks += [texts[int(number)] for number in columns["task_index"]]
    whole: dict[str, np.ndarray] = {n: np.concatenate(p) for n, p in parts.items()}
    if sight is not None:
        whole[ENVIRONMENT] = sight.of_dataset(dataset)
    for camera in () if sight else dataset.cameras:
        whole[camera] = open_frames(dataset, camera, side_px=side_px).images
    mask = np.concatenate([one.mask for one in row_weights])
    owners = np.repeat(np.arange(len(row_weights)), [len(one.mask) for one in row_weights])
    return Table(whole, tuple(tasks), ValidSamples(mask, owners))


class SampleMeta:
    """LeRobot's own metadata, its episodes those of the samples."""

    def __init__(self, meta: Any, table: Table, samples: ValidSamples) -> None:
        self._meta = meta
        self.episodes = {
            "dataset_from_index": samples.spans[:, 0].tolist(),
            "dataset_to_index": samples.spans[:, 1].tolist(),
        }
        self.total_episodes, self.total_frames = len(samples.spans), len(samples.rows)
        self.features = _features(meta.features, table.columns)
        self.stats = _stats(meta, table.columns, samples)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._meta, name)


class MemoryDataset:
    """Takes the place of `LeRobotDataset` in training."""

    def __init__(
        self,
        meta: Any,
        table: Table,
        samples: ValidSamples,
        deltas: Mapping[str, Sequence[float]] | None,
    ) -> None:
        import torch

        self.meta = SampleMeta(meta, table, samples)
        self._samples = samples
        self.episodes: list[int] | None = None
        self.absolute_to_relative_idx: dict[int, int] | None = None
        self.num_frames, self.num_episodes = self.meta.total_frames, self.meta.total_episodes
        self._tasks = table.tasks
        self._columns = {n: v if v.dtype == np.uint8 else torch.from_numpy(v)
                         for n, v in table.columns.items()}  # fmt: skip
        self._deltas = {
            name: np.round(np.asarray(seconds) * meta.fps).astype(int)
            for name, seconds in (deltas or {}).items()
        }

    def __len__(self) -> int:
        return self.num_frames

    def __getitem__(self, sample: int) -> dict[str, Any]:
        """One sample, as `LeRobotDataset` gives it."""
        return self.__getitems__([sample])[0]

    def __getitems__(self, samples: Sequence[int]) -> list[dict[str, Any]]:
        """A batch of samples, each column read in one go."""
        import torch

        index = self._samples.rows[np.asarray(samples)]
        out: list[dict[str, Any]] = [
            {"index": torch.tensor(int(row)), "task": self._tasks[row]} for row in index
        ]
        for name, values in self._columns.items():
            deltas = self._deltas.get(name)
            if deltas is None:
                _put(out, name, self._take(values, index))
                continue
            windows = self._samples.windows(index, deltas)
            found = self._take(values, windows.to_read)
            found[torch.from_numpy(~windows.is_known)] = 0
            _put(out, name, found)
            _put(out, f"{name}_is_pad", torch.from_numpy(~windows.counts))
        return out

    def _take(self, values: Any, index: np.ndarray) -> torch.Tensor:
        import torch

        # Indexing a memory map with rows in order reads the disk in order.
        if not isinstance(values, np.ndarray):
            return values[index]
        found = torch.from_numpy(values[index])
        give_back(values)
        return found.movedim(-1, -3).contiguous()


def memory_datasets(
    config: Any,
    dataset: Dataset,
    row_weights: Sequence[RowWeights],
    *,
    side_px: int | None,
    sight: Sight | None = None,
) -> tuple[MemoryDataset, MemoryDataset | None]:
    """What `lerobot.datasets.factory.make_train_eval_datasets` gives, from memory.

    Args:
        config: LeRobot's `TrainPipelineConfig`.
        dataset: The same dataset, opened by us.
        row_weights: For each episode, which rows are learned from.
        side_px: Side of the square that pictures are shrunk to; as they are where `None`.
        sight: What says in place of pictures what is seen in them; pictures where `None`.
    """
    import torch
    from lerobot.datasets.dataset_metadata import LeRobotDatasetMetadata
    from lerobot.datasets.factory import resolve_delta_timestamps
    from lerobot.utils.constants import IMAGENET_STATS

    meta = LeRobotDatasetMetadata(config.dataset.repo_id, root=config.dataset.root)
    table = read_table(dataset, row_weights, side_px=side_px, sight=sight)
    shown = SimpleNamespace(features=_features(meta.features, table.columns), fps=meta.fps)
    deltas = resolve_delta_timestamps(config.trainable_config, shown)
    parts = _split(table.samples, config.dataset.eval_split)
    made = [MemoryDataset(meta, table, part, deltas) for part in parts]
    for one in made:
        cameras = [name for name in meta.camera_keys if name in table.columns]
        for camera in cameras if config.dataset.use_imagenet_stats else ():
            known = {k: torch.tensor(v, dtype=torch.float32) for k, v in IMAGENET_STATS.items()}
            one.meta.stats[camera] = one.meta.stats[camera] | known
    return made[0], made[1] if len(made) > 1 else None


def _split(samples: ValidSamples, share: float) -> list[ValidSamples]:
    """Samples to learn from, and those of the last episodes, which are held out."""
    owners = np.unique(samples.episode[samples.is_valid])
    num_held = math.ceil(len(owners) * share) if share else 0
    if not num_held:
        return [samples]
    is_held = np.isin(samples.episode, owners[len(owners) - num_held :])
    return [ValidSamples(samples.is_valid & part, samples.episode) for part in (~is_held, is_held)]


def _put(out: list[dict[str, Any]], name: str, values: torch.Tensor) -> None:
    for sample, value in zip(out, values, strict=True):
        sample[name] = value


def _features(features: Mapping[str, Any], columns: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The features, pictures of the size that they have now, or numbers in their place."""
    out = {n: f for n, f in features.items() if f["dtype"] != "video" or n in columns}
    for name, values in columns.items():
        if name not in features:
            out[name] = {"dtype": "float32", "shape": values.shape[1:], "names": None}
        elif values.dtype == np.uint8:
            out[name] = dict(features[name]) | {"shape": values.shape[1:]}
    return out


def _stats(meta: Any, columns: Mapping[str, np.ndarray], samples: ValidSamples) -> dict[str, Any]:
    """Statistics over trusted rows alone; of pictures as they were where all are."""
    from lerobot.datasets.compute_stats import get_feature_stats

    rows = samples.rows
    features = _features(meta.features, columns)
    out = {name: dict(values) for name, values in meta.stats.items() if name in features}
    for name, values in columns.items():
        if values.dtype != np.uint8:
            out[name] = get_feature_stats(values[rows], axis=0, keepdims=False)
        elif not samples.is_valid.all():
            pictures = np.moveaxis(values[samples.some_rows], -1, 1)
            out[name] = picture_stats(pictures / 255.0)
    return out
