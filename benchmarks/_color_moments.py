"""Where each of a scene's own colors is: a description of pictures that needs no labels.

One camera stands still. What differs from the usual picture is foreground; its colors are
gathered into a few clusters, rare ones counting more; in every picture each cluster has a share of
the foreground, a center and a spread. Centers are averages over pixels, so they move by fractions
of a pixel, which principal components and small networks hardly do on a few thousand pictures.
Not for moving cameras, and of little use where everything that moves has one color.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.pipeline.errors import DatasetError

_CLEARLY_OTHER = 0.15
"""Change of a channel (0..1) by which a pixel is foreground for sure; at half of it, not at all."""
_SOFTNESS = 0.01
"""Squared distance of colors (0..1 a channel) over which pixels are shared between clusters."""
_NUM_SAMPLED = 20_000
_PRIOR_PX = 0.5
"""Weight of the picture's middle in a center [px]: clusters that are not there do not jump."""
_BATCH = 256


@dataclass(frozen=True, eq=False)
class ColorMoments:
    """A camera's usual picture and the colors that move in front of it."""

    background: Float[np.ndarray, "height width 3"]
    """The usual picture, 0..1."""
    colors: Float[np.ndarray, "cluster 3"]
    """RGB of each cluster, 0..1."""

    @classmethod
    def of(
        cls,
        videos: Sequence[UInt8[np.ndarray, "_ height width 3"]],
        *,
        num_colors: int = 12,
        every: int = 10,
        seed: int = 0,
    ) -> ColorMoments:
        """Learned from videos of one camera, labeled or not.

        Args:
            videos: All of one size.
            num_colors: Clusters.
            every: Only each so-manyth frame is looked at.
            seed: Of the clusters' first places.

        Raises:
            DatasetError: Nothing moves in the videos.
        """
        from scipy.cluster.vq import kmeans2

        pictures = np.concatenate([video[::every] for video in videos]).astype(np.float32) / 255
        background = np.median(pictures, axis=0)
        pixels = pictures[np.abs(pictures - background).max(axis=-1) > _CLEARLY_OTHER]
        if len(pixels) < num_colors:
            raise DatasetError(
                f"only {len(pixels)} pixels of {len(pictures)} pictures ever change; color "
                "moments need a still camera in front of which something moves"
            )
        bins = (pixels * 7.99).astype(int) @ np.array([64, 8, 1])
        chance = 1 / np.sqrt(np.bincount(bins, minlength=512)[bins])
        drawn = np.random.default_rng(seed).choice(
            len(pixels), _NUM_SAMPLED, p=chance / chance.sum()
        )
        colors, _ = kmeans2(pixels[drawn], num_colors, minit="++", seed=seed)
        return cls(background, colors.astype(np.float32))

    def __call__(
        self, video: UInt8[np.ndarray, "time height width 3"]
    ) -> Float[np.ndarray, "time moment"]:
        """Center, root of the area and spread of each color, in picture sizes."""
        parts = [self._moments(video[i : i + _BATCH]) for i in range(0, len(video), _BATCH)]
        return np.concatenate(parts)

    def _moments(self, video: np.ndarray) -> np.ndarray:
        pictures = video.astype(np.float32) / 255
        change = np.abs(pictures - self.background).max(axis=-1)
        foreground = np.clip(change / _CLEARLY_OTHER - 0.5, 0, 1)
        apart = ((pictures[..., None, :] - self.colors) ** 2).sum(-1)
        weight = np.exp((apart.min(-1, keepdims=True) - apart) / _SOFTNESS)
        weight *= (foreground / weight.sum(-1))[..., None]
        height, width = video.shape[1:3]
        area = weight.sum((1, 2))
        parts = [np.sqrt(area / (height * width))]
        for axis, length in ((1, width), (2, height)):
            along = weight.sum(axis)
            place = (np.arange(length, dtype=np.float32)[None, :, None] + 0.5) / length
            first = (along * place).sum(1)
            parts.append((first + 0.5 * _PRIOR_PX) / (area + _PRIOR_PX))
            mean = first / np.maximum(area, 1e-3)
            second = (along * place**2).sum(1) / np.maximum(area, 1e-3)
            parts.append(np.sqrt(np.maximum(second - mean**2, 0)))
        return np.concatenate(parts, axis=1).astype(float)
