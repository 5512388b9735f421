"""Statistics of an episode's images in the form that LeRobot stores for a video feature."""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8

from rotoscope.pipeline.errors import DatasetError

QUANTILES = (0.01, 0.10, 0.50, 0.90, 0.99)
"""LeRobot's default quantiles; its names for them are `q01`, `q10` and so on."""
LEVELS = np.arange(256)


class ImageStats:
    """Counts the values of each color channel over some of an episode's pixels."""

    def __init__(self) -> None:
        self._counts = np.zeros((3, 256), np.int64)
        self._num_images = 0

    def add(self, image: UInt8[np.ndarray, "height width 3"]) -> None:
        """Counts one image, thinned out as the caller sees fit."""
        self._num_images += 1
        for channel in range(3):
            values = np.ascontiguousarray(image[..., channel]).ravel()
            self._counts[channel] += np.bincount(values, minlength=256)

    def stats(self) -> dict[str, np.ndarray]:
        """`min max mean std q01 q10 q50 q90 q99`, each of shape (3, 1, 1) in [0, 1], and `count`.

        `count`, of shape (1,), is the number of images looked at: LeRobot weighs episodes by it.
        Quantiles are interpolated within the 256 levels, as LeRobot does within its bins.

        Raises:
            DatasetError: No image was added.
        """
        if self._num_images == 0:
            raise DatasetError("image statistics need at least one frame, got none")
        total = self._counts[0].sum()
        mean = self._counts @ LEVELS / total
        variance = self._counts @ LEVELS**2 / total - mean**2
        is_seen = self._counts > 0
        out = {
            "min": is_seen.argmax(axis=1).astype(float),
            "max": 255.0 - is_seen[:, ::-1].argmax(axis=1),
            "mean": mean,
            "std": np.sqrt(np.maximum(variance, 0.0)),
        }
        for quantile in QUANTILES:
            name = f"q{int(quantile * 100):02d}"
            out[name] = np.array([_quantile(counts, quantile) for counts in self._counts])
        shaped = {name: (value / 255.0).reshape(3, 1, 1) for name, value in out.items()}
        return shaped | {"count": np.array([self._num_images])}


def _quantile(counts: np.ndarray, quantile: float) -> float:
    """Level below which a share of the pixels lies; each level fills the unit around it evenly."""
    seen = np.flatnonzero(counts)
    share_below = np.concatenate([[0], np.cumsum(counts)]) / counts.sum()
    level = np.interp(quantile, share_below, np.arange(257) - 0.5)
    return float(np.clip(level, seen[0], seen[-1]))
