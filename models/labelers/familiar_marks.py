"""Marks of single pictures by which strange ones are told; see `familiarity`."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.encoders.pca import PictureComponents

NUM_MARKS = 8
"""Numbers that `marks` gives."""
_LEVEL = 1e-3
"""Added before logarithms: a quarter of a level of 255."""


def marks(
    looks: PictureComponents, images: UInt8[np.ndarray, "frame height size 3"]
) -> Float[np.ndarray, "frame 8"]:
    """Logarithms, larger where stranger.

    What the components leave out; how much less they would leave out of the mirrored picture; and
    brightness, contrast and sharpness, each a second time with its sign turned: too much of them
    is as strange as too little.
    """
    left = np.log(looks.residual(images) + _LEVEL)
    mirrored = np.log(looks.residual(images[:, :, ::-1]) + _LEVEL)
    found = [_qualities(images[i : i + 64]) for i in range(0, len(images), 64)]
    qualities = np.log(np.concatenate(found) + _LEVEL)
    return np.concatenate(
        [left[:, None], (left - mirrored)[:, None], qualities, -qualities], axis=1
    )


def _qualities(images: np.ndarray) -> Float[np.ndarray, "frame 3"]:
    """Brightness, contrast and sharpness, shares of the full range."""
    gray = images.astype(np.float32).mean(axis=3) / 255
    across = np.abs(np.diff(gray, axis=2)).mean(axis=(1, 2))
    down = np.abs(np.diff(gray, axis=1)).mean(axis=(1, 2))
    found = [gray.mean(axis=(1, 2)), gray.std(axis=(1, 2)), (across + down) / 2]
    return np.stack(found, axis=1).astype(float)
