"""LeRobot's own dataset, rows that are not valid without influence.

LeRobot's training takes every row for the truth. Row weights do not help: an invalid action also
stands inside the chunks of the valid rows before it. Here such rows begin no sample and are
padding everywhere else (see `valid_samples`). What a policy does of padding is its own matter:
ACT, SmolVLA and VQ-BeT leave it out of the loss, Diffusion where `do_mask_loss_for_padding` is
set; pi0 and pi0.5 learn it as the end of every chunk, which holds nothing of an invalid row either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Int

from rotoscope.models.policy.row_weights import CONFIDENCE, VALID
from rotoscope.models.policy.valid_samples import ValidSamples, picture_stats
from rotoscope.pipeline.errors import DatasetError

if TYPE_CHECKING:
    import torch


class ValidRows:
    """A map-style dataset of the valid rows of a `LeRobotDataset`, for any loop over a DataLoader.

    `meta.stats` are those of the valid rows alone; give them to the policy's processors. It has
    all that LeRobot's own training asks of a dataset.
    """

    def __init__(self, dataset: Any, *, min_confidence: float = 0.0) -> None:
        """Finds the rows that count.

        Args:
            dataset: A `LeRobotDataset`, with the `delta_timestamps` of the policy.
            min_confidence: Rows of less `label.confidence` count as invalid.

        Raises:
            DatasetError: The dataset has no `label.valid`, no confidence where one is asked for, or
                no valid row.
        """
        self.dataset = dataset
        is_valid = _valid_rows(dataset, min_confidence)
        self._samples = ValidSamples(is_valid, _column(dataset, "episode_index").ravel())
        self.rows: Int[np.ndarray, " sample"] = self._samples.rows
        """The dataset's own index of every sample."""
        if not len(self.rows):
            raise DatasetError(
                f"{dataset.root}: none of {len(is_valid)} rows has {VALID} and a confidence "
                f"of at least {min_confidence:g}; look into the dataset with 'rotoscope report'"
            )
        self.meta = _Meta(dataset, self._samples)
        self.num_frames, self.num_episodes = len(self.rows), len(self._samples.spans)
        # What LeRobot's sampler takes from the whole dataset is told in samples here.
        self.episodes: list[int] | None = None
        self.absolute_to_relative_idx: dict[int, int] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, sample: int) -> dict[str, Any]:
        """One sample, as `LeRobotDataset` gives it, invalid rows of its windows as padding."""
        row = self.rows[sample : sample + 1] if sample >= 0 else self.rows[sample:][:1]
        if not len(row):
            raise IndexError(f"sample {sample} of {len(self)}")
        item: dict[str, Any] = self.dataset[int(row[0])]
        for name, deltas in (self.dataset.reader.delta_indices or {}).items():
            windows = self._samples.windows(row, np.asarray(deltas))
            if not windows.is_known[0]:
                item[name] = item[name].new_zeros(item[name].shape)
            elif not windows.counts[0].all():  # of one step alone, pictures have no axis for time
                item[name] = item[name][_as_tensor(windows.nearest[0])]
            item[f"{name}_is_pad"] = _as_tensor(~windows.counts[0])
        return item


class _Meta:
    """The dataset's metadata, with statistics of the valid rows."""

    def __init__(self, dataset: Any, samples: ValidSamples) -> None:
        from lerobot.datasets.compute_stats import get_feature_stats

        self._meta = dataset.meta
        self.episodes = {
            "dataset_from_index": samples.spans[:, 0].tolist(),
            "dataset_to_index": samples.spans[:, 1].tolist(),
        }
        self.total_episodes, self.total_frames = len(samples.spans), len(samples.rows)
        self.stats = dict(dataset.meta.stats)
        for name, feature in dataset.meta.features.items():
            is_learned = name.startswith(("observation.", "action"))
            if is_learned and feature["dtype"] not in ("video", "image", "string"):
                values = _column(dataset, name)[samples.rows].reshape(len(samples.rows), -1)
                self.stats[name] = get_feature_stats(values, axis=0, keepdims=False)
        self.stats |= _picture_stats(dataset, samples)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._meta, name)


def _picture_stats(dataset: Any, samples: ValidSamples) -> dict[str, Any]:
    """Statistics of pictures, over valid rows that are spread evenly; all stand where all count."""
    if samples.is_valid.all() or not dataset.meta.camera_keys:
        return {}
    seen: dict[str, list[np.ndarray]] = {camera: [] for camera in dataset.meta.camera_keys}
    for row in samples.some_rows:
        item = dataset[int(row)]
        for camera, images in seen.items():
            deltas = (dataset.reader.delta_indices or {}).get(camera, [0])
            picture = np.asarray(item[camera])
            # Of a window, the picture at the row itself.
            picture = picture[deltas.index(0)] if picture.ndim == 4 else picture
            images.append(picture / 255.0 if picture.dtype == np.uint8 else picture)
    return {camera: picture_stats(np.stack(images)) for camera, images in seen.items()}


def _valid_rows(dataset: Any, min_confidence: float) -> Bool[np.ndarray, " row"]:
    needed = [VALID] + ([CONFIDENCE] if min_confidence > 0 else [])
    for name in needed:
        if name not in dataset.meta.features:
            raise DatasetError(
                f"{dataset.root} has no column {name}: nothing says which of its rows are valid"
            )
    valid = _column(dataset, VALID).astype(bool).ravel()
    if min_confidence > 0:
        confidence = np.nan_to_num(_column(dataset, CONFIDENCE).astype(float).ravel())
        valid &= confidence >= min_confidence
    return valid


def _column(dataset: Any, name: str) -> np.ndarray:
    """One column of the rows that the dataset holds, in their order."""
    return np.asarray(dataset.hf_dataset.with_format("numpy")[:][name])


def _as_tensor(values: np.ndarray) -> torch.Tensor:
    import torch

    return torch.from_numpy(values)
