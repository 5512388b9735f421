"""A dataset in memory in the shape that LeRobot's training expects, trusted rows alone.

Every unbroken segment of trusted rows stands for an episode: no sample begins at a row that is not
trusted, and no chunk of actions or history of observations reaches across one; beyond a segment's
ends the first or last row is repeated and marked as padding, as LeRobot does at episodes' ends.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int

from rotoscope.models.policy.row_weights import RowWeights
from rotoscope.models.training.frames import open_frames
from rotoscope.pipeline.datasets.read import Dataset
from rotoscope.pipeline.tracks import runs

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class Table:
    """The columns that LeRobot's policies read, whole."""

    columns: dict[str, np.ndarray]
    """Numbers and decoded pictures by feature, shape (row, ...)."""
    tasks: tuple[str, ...]
    """What is being done, per row."""
    spans: Int[np.ndarray, "segment 2"]
    """First row and one past the last of every trusted segment."""
    episode: Int[np.ndarray, " segment"]
    """Which episode of the dataset each segment comes from."""


def read_table(
    dataset: Dataset, row_weights: Sequence[RowWeights], *, side_px: int | None
) -> Table:
    """Reads a dataset.

    Args:
        dataset: Which.
        row_weights: For each episode, which rows are learned from.
        side_px: Side of the square that pictures are shrunk to; as they are where `None`.
    """
    features = dataset.info["features"]
    names = [n for n, f in features.items() if n.startswith(("observation.", "action"))]
    numbers = [n for n in names if features[n]["dtype"] != "video"]
    parts: dict[str, list[np.ndarray]] = {n: [] for n in numbers}
    spans, owners, tasks, start = [], [], [], 0
    texts = dataset.tasks()
    for index, one in enumerate(row_weights):
        columns = dataset.episode(index).columns
        for name in numbers:
            values = np.asarray(columns[name], np.float32)
            parts[name].append(values.reshape(len(values), -1))
        tasks += [texts[int(number)] for number in columns["task_index"]]
        found = runs(one.mask)
        spans += [(start + a, start + b) for a, b in found]
        owners += [index] * len(found)
        start += len(one.mask)
    whole: dict[str, np.ndarray] = {n: np.concatenate(p) for n, p in parts.items()}
    for camera in dataset.cameras:
        whole[camera] = open_frames(dataset, camera, side_px=side_px)
    return Table(whole, tuple(tasks), np.array(spans).reshape(-1, 2), np.array(owners))


class SegmentMeta:
    """LeRobot's own metadata, its episodes replaced by trusted segmentes."""

    def __init__(self, meta: Any, table: Table, chosen: Sequence[int]) -> None:
        self._meta = meta
        spans = table.spans[list(chosen)]
        self.episodes = {
            "dataset_from_index": spans[:, 0].tolist(),
            "dataset_to_index": spans[:, 1].tolist(),
        }
        self.total_episodes = len(spans)
        self.total_frames = int((spans[:, 1] - spans[:, 0]).sum())
        self.features = _features(meta.features, table.columns)
        self.stats = _stats(meta.stats, table.columns, spans)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._meta, name)


class MemoryDataset:
    """Takes the place of `LeRobotDataset` in training."""

    def __init__(
        self,
        meta: Any,
        table: Table,
        chosen: Sequence[int],
        deltas: Mapping[str, Sequence[float]] | None,
    ) -> None:
        import torch

        self.meta = SegmentMeta(meta, table, chosen)
        self.episodes: list[int] | None = None
        self.absolute_to_relative_idx: dict[int, int] | None = None
        self.num_frames, self.num_episodes = self.meta.total_frames, self.meta.total_episodes
        self._tasks = table.tasks
        self._columns = {n: v if v.dtype == np.uint8 else torch.from_numpy(v)
                         for n, v in table.columns.items()}  # fmt: skip
        self._first, self._last = _bounds(table.spans, len(table.tasks))
        self._deltas = {
            name: np.round(np.asarray(seconds) * meta.fps).astype(int)
            for name, seconds in (deltas or {}).items()
        }

    def __len__(self) -> int:
        return self.num_frames

    def __getitem__(self, row: int) -> dict[str, Any]:
        """One sample, as `LeRobotDataset` gives it."""
        return self.__getitems__([row])[0]

    def __getitems__(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        """A batch of samples, each column read in one go."""
        import torch

        index = np.asarray(rows)
        out: list[dict[str, Any]] = [
            {"index": torch.tensor(int(row)), "task": self._tasks[row]} for row in index
        ]
        for name, values in self._columns.items():
            deltas = self._deltas.get(name)
            if deltas is None:
                _put(out, name, self._take(values, index))
                continue
            wanted = index[:, None] + deltas
            first, last = self._first[index, None], self._last[index, None]
            _put(out, name, self._take(values, np.clip(wanted, first, last)))
            _put(out, f"{name}_is_pad", torch.from_numpy((wanted < first) | (wanted > last)))
        return out

    def _take(self, values: Any, index: np.ndarray) -> torch.Tensor:
        import torch

        # Indexing a memory map with rows in order reads the disk in order.
        found = np.asarray(values[index]) if isinstance(values, np.ndarray) else values[index]
        return torch.from_numpy(found) if isinstance(found, np.ndarray) else found


def memory_datasets(
    config: Any, dataset: Dataset, row_weights: Sequence[RowWeights], *, side_px: int | None
) -> tuple[MemoryDataset, MemoryDataset | None]:
    """What `lerobot.datasets.factory.make_train_eval_datasets` gives, from memory.

    Args:
        config: LeRobot's `TrainPipelineConfig`.
        dataset: The same dataset, opened by us.
        row_weights: For each episode, which rows are learned from.
        side_px: Side of the square that pictures are shrunk to; as they are where `None`.
    """
    import torch
    from lerobot.datasets.dataset_metadata import LeRobotDatasetMetadata
    from lerobot.datasets.factory import resolve_delta_timestamps
    from lerobot.utils.constants import IMAGENET_STATS

    meta = LeRobotDatasetMetadata(config.dataset.repo_id, root=config.dataset.root)
    table = read_table(dataset, row_weights, side_px=side_px)
    deltas = resolve_delta_timestamps(config.trainable_config, meta)
    learned, held = _split(table, config.dataset.eval_split)
    made = [MemoryDataset(meta, table, part, deltas) for part in (learned, held) if part]
    for one in made:
        for camera in meta.camera_keys if config.dataset.use_imagenet_stats else ():
            known = {k: torch.tensor(v, dtype=torch.float32) for k, v in IMAGENET_STATS.items()}
            one.meta.stats[camera] = one.meta.stats[camera] | known
    return made[0], made[1] if held else None


def _split(table: Table, share: float) -> tuple[list[int], list[int]]:
    """Segments to learn from, and those of the last episodes, which are held out."""
    owners = np.unique(table.episode)
    num_held = math.ceil(len(owners) * share) if share else 0
    held = set(owners[len(owners) - num_held :].tolist())
    everything = range(len(table.episode))
    return (
        [i for i in everything if int(table.episode[i]) not in held],
        [i for i in everything if int(table.episode[i]) in held],
    )


def _put(out: list[dict[str, Any]], name: str, values: torch.Tensor) -> None:
    for sample, value in zip(out, values, strict=True):
        sample[name] = value


def _bounds(spans: np.ndarray, num_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """For every row, the first and the last row of its segment."""
    first, last = np.arange(num_rows), np.arange(num_rows)
    for start, end in spans:
        first[start:end], last[start:end] = start, end - 1
    return first, last


def _features(features: Mapping[str, Any], columns: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The features, pictures of the size that they have now."""
    out = dict(features)
    for name, values in columns.items():
        if values.dtype == np.uint8:
            out[name] = dict(features[name]) | {"shape": (*values.shape[2:], 3)}
    return out


def _stats(
    stats: Mapping[str, Any], columns: Mapping[str, np.ndarray], spans: np.ndarray
) -> dict[str, Any]:
    """Statistics of numbers over trusted rows alone; of pictures as they were."""
    from lerobot.datasets.compute_stats import get_feature_stats

    rows = np.concatenate([np.arange(start, end) for start, end in spans])
    out = {name: dict(values) for name, values in stats.items()}
    for name, values in columns.items():
        if values.dtype != np.uint8:
            out[name] = get_feature_stats(values[rows], axis=0, keepdims=False)
    return out
