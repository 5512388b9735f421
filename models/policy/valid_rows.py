"""LeRobot's own dataset, rows that are not valid without influence.

LeRobot's training takes every row for the truth. Row weights do not help: an invalid action also
stands inside the chunks of the valid rows before it. Here no sample begins at an invalid row, and
inside a window an invalid row is what lies beyond an episode's end: marked as padding, which the
losses of LeRobot's policies leave out, and its values replaced by the nearest valid row's, for
networks that look at padding too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Int

from rotoscope.models.policy.row_weights import CONFIDENCE, VALID
from rotoscope.pipeline.errors import DatasetError

if TYPE_CHECKING:
    import torch


class ValidRows:
    """A map-style dataset of the valid rows of a `LeRobotDataset`, for any loop over a DataLoader.

    `meta.stats` are those of the valid rows alone; give them to the policy's processors.
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
        self._is_valid = _valid_rows(dataset, min_confidence)
        self.rows: Int[np.ndarray, " sample"] = np.flatnonzero(self._is_valid)
        """The dataset's own index of every sample."""
        if not len(self.rows):
            raise DatasetError(
                f"{dataset.root}: none of {len(self._is_valid)} rows has {VALID} and a confidence "
                f"of at least {min_confidence:g}; look into the dataset with 'rotoscope report'"
            )
        self.meta = _Meta(dataset, self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, sample: int) -> dict[str, Any]:
        """One sample, as `LeRobotDataset` gives it, invalid rows of its windows as padding."""
        row = int(self.rows[sample])
        item: dict[str, Any] = self.dataset[row]
        for name, deltas in (_windows(self.dataset) or {}).items():
            padding = item[f"{name}_is_pad"].numpy()
            # Windows are cut at the episode's ends, where LeRobot repeats its last row.
            wanted = row + np.asarray(deltas)
            inside = np.flatnonzero(~padding)
            is_valid = np.zeros(len(wanted), dtype=bool)
            is_valid[inside] = self._is_valid[wanted[inside]]
            item[name] = _nearest_valid(item[name], is_valid, np.asarray(deltas))
            item[f"{name}_is_pad"] |= ~_as_tensor(is_valid)
        return item


class _Meta:
    """The dataset's metadata, with statistics of the valid rows."""

    def __init__(self, dataset: Any, rows: Int[np.ndarray, " sample"]) -> None:
        from lerobot.datasets.compute_stats import get_feature_stats

        self._meta = dataset.meta
        self.stats = dict(dataset.meta.stats)
        for name, feature in dataset.meta.features.items():
            is_learned = name.startswith(("observation.", "action"))
            if is_learned and feature["dtype"] not in ("video", "image", "string"):
                values = _column(dataset, name)[rows].reshape(len(rows), -1)
                self.stats[name] = get_feature_stats(values, axis=0, keepdims=False)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._meta, name)


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


def _windows(dataset: Any) -> dict[str, list[int]] | None:
    found: dict[str, list[int]] | None = dataset.reader.delta_indices
    return found


def _nearest_valid(
    values: torch.Tensor, is_valid: Bool[np.ndarray, " step"], deltas: Int[np.ndarray, " step"]
) -> torch.Tensor:
    """A window whose invalid rows are replaced by the nearest valid one of it."""
    valid = np.flatnonzero(is_valid)
    if is_valid.all():
        return values  # of a single step LeRobot gives pictures without an axis for time
    if not len(valid):
        return values.new_zeros(values.shape)
    apart = np.abs(deltas[:, None] - deltas[None, valid])
    return values[_as_tensor(valid[np.argmin(apart, axis=1)])]


def _as_tensor(values: np.ndarray) -> torch.Tensor:
    import torch

    return torch.from_numpy(values)
