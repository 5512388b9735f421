"""Principal components of small pictures: an image network's place taken by linear algebra.

With a handful of labeled episodes there is too little to train a network on. What most frames
differ in from each other is found without labels (Turk and Pentland 1991), and a kernel does the
rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.training.maps import Joined

SIDE_PX = 32
"""Pictures are averaged down to about this side: where things are, without their texture."""
MAX_FRAMES = 800
"""Frames that components are found in, evenly spread: neighbors in time say the same."""
_BATCH = 256


@dataclass(frozen=True, eq=False)
class PictureComponents:
    """An encoder that was learned from the training pictures."""

    mean: Float[np.ndarray, " pixel"]
    """Mean picture, channels of 0..1."""
    directions: Float[np.ndarray, "pixel component"]
    """Orthonormal; the first says most."""

    @classmethod
    def of(
        cls, images: UInt8[np.ndarray, "frame height size 3"] | Joined, num: int
    ) -> PictureComponents:
        """The `num` strongest components; fewer where there are fewer pictures."""
        step = -(-len(images) // MAX_FRAMES)
        return cls(*principal_components(_pixels(images[::step]), num))

    def __call__(
        self,
        images: UInt8[np.ndarray, "frame height size 3"],
        before: UInt8[np.ndarray, "frame height size 3"],
    ) -> Float[np.ndarray, "frame component"]:
        """How much of each component is in each picture; an `Embed`, which ignores `before`."""
        del before
        parts = [
            (_pixels(images[i : i + _BATCH]) - self.mean) @ self.directions
            for i in range(0, len(images), _BATCH)
        ]
        return np.concatenate(parts).astype(float)

    def residual(
        self, images: UInt8[np.ndarray, "frame height size 3"]
    ) -> Float[np.ndarray, " frame"]:
        """Root mean square of what the components leave out of each picture, channels of 0..1."""
        parts = []
        for i in range(0, len(images), _BATCH):
            centered = _pixels(images[i : i + _BATCH]) - self.mean
            # The directions are orthonormal: what they hold and what they do not add up.
            left = (centered**2).sum(1) - ((centered @ self.directions) ** 2).sum(1)
            parts.append(np.sqrt(np.maximum(left, 0) / centered.shape[1]).astype(float))
        return np.concatenate(parts)


def principal_components(
    rows: Float[np.ndarray, "row number"], num: int
) -> tuple[Float[np.ndarray, " number"], Float[np.ndarray, "number component"]]:
    """The mean of some rows, and the `num` orthonormal directions that they differ in most."""
    mean = rows.mean(0)
    centered = (rows - mean).astype(float)
    # Fewer rows than numbers: the rows' inner products hold the same components.
    power, mixes = np.linalg.eigh(centered @ centered.T)
    kept = np.flatnonzero(power > 1e-9 * max(float(power[-1]), 1e-12))[::-1][:num]
    directions = centered.T @ mixes[:, kept] / np.sqrt(power[kept])
    return mean.astype(np.float32), directions.astype(np.float32)


def _pixels(images: np.ndarray) -> np.ndarray:
    """Rows of channels, 0..1, each the mean of a block of pixels."""
    block = max(1, images.shape[2] // SIDE_PX)
    down, across = images.shape[1] // block, images.shape[2] // block
    cut = images[:, : down * block, : across * block]
    # Sums of bytes first: many times faster than means of floats.
    sums = cut.reshape(len(cut), down, block, across, block, 3).sum((2, 4), dtype=np.uint32)
    return sums.reshape(len(cut), -1).astype(np.float32) / np.float32(255 * block**2)
