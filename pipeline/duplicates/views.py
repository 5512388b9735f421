"""What a copy may show of a picture: all of it or a part, as it is or mirrored."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

SIDE = 20
"""Pixels across and down in which pictures are compared."""
SHARES = (1.0, 0.9, 0.8)
"""Share of the sides that a crop keeps; what lies between is near enough to be found, then
refined. Chosen, as all here, on clips of the simulators and samples named in `match`."""
_PLACES = (0.0, 0.5, 1.0)
"""Where a crop lies in what it leaves: at one edge, in the middle, at the other edge."""


@dataclass(frozen=True)
class View:
    """A part of a picture, perhaps mirrored."""

    left: float
    """Left edge as a share of the width."""
    top: float
    """Top edge as a share of the height."""
    width: float
    """Share of the width."""
    height: float
    """Share of the height."""
    is_mirrored: bool
    """Whether left and right are exchanged."""

    def of(self, pictures: Float[np.ndarray, "frame side side"]) -> Float[np.ndarray, "frame a b"]:
        """The part of each picture, `SIDE` pixels across and down."""
        size = pictures.shape[-1]
        down = _sampling(size, self.top, self.height)
        across = _sampling(size, self.left, self.width)
        if self.is_mirrored:
            across = across[::-1]
        seen: np.ndarray = down @ pictures @ across.T
        return seen

    def moved(self, left: float, top: float, width: float, height: float) -> View:
        """A view whose edges are moved by shares of the picture, inside it."""
        new_width = float(np.clip(self.width + width, 0.5, 1))
        new_height = float(np.clip(self.height + height, 0.5, 1))
        return View(
            float(np.clip(self.left + left, 0, 1 - new_width)),
            float(np.clip(self.top + top, 0, 1 - new_height)),
            new_width,
            new_height,
            self.is_mirrored,
        )


def _views() -> tuple[View, ...]:
    found = dict.fromkeys(
        View((1 - share) * x, (1 - share) * y, share, share, is_mirrored)
        for is_mirrored in (False, True)
        for share in SHARES
        for x, y in itertools.product(_PLACES, _PLACES)
    )
    return tuple(found)


VIEWS = _views()
"""All that are tried: the whole picture first."""
WHOLE = VIEWS[0]


def descriptors(pictures: Float[np.ndarray, "frame a b"]) -> Float[np.ndarray, "frame number"]:
    """Pictures without their brightness and contrast: vectors of mean 0 and length 1.

    Their scalar product is the correlation of the pictures. A picture of one color is all 0.
    """
    flat = pictures.reshape(len(pictures), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.where(length > 1e-3, flat / np.maximum(length, 1e-3), 0.0).astype(np.float32)


def _sampling(size: int, start: float, share: float) -> Float[np.ndarray, "pixel size"]:
    """Weights of the pixels of a line in each of `SIDE` pixels of a part of it, by overlap."""
    edges = size * (start + share * np.arange(SIDE + 1) / SIDE)
    pixels = np.arange(size)
    low = np.maximum(edges[:-1, None], pixels)
    high = np.minimum(edges[1:, None], pixels + 1)
    weights = np.maximum(high - low, 0.0)
    normalized: np.ndarray = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return normalized
