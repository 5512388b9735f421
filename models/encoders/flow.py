"""Optical flow of small pictures: how things move from frame to frame, not what they look like.

Which action was done shows in what moved. Dense flow (Farneback 2003) between two frames, its mean
in each cell of a grid, and of those the principal components of the training episodes. A scene of
other colors and lamps moves alike. What it says is motion from one frame to the next: summed up
along a video it is the way that each part of the picture went.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8

from rotoscope.models.encoders.pca import MAX_FRAMES, principal_components
from rotoscope.models.training.maps import Joined

CELLS = 16
"""Cells along a side of the picture. Like the flow's settings and that flow is summed up, tried on
the eight episodes of a real robot that `benchmarks.labelers.real_data` reads, where 64 pixels did
as well as 160 and all other settings within .03 of R2."""
_PYRAMID, _LEVELS, _REACH_PX, _ROUNDS, _NEIGHBORS, _SMOOTHNESS = 0.5, 3, 9, 3, 5, 1.1
"""OpenCV's names: pyr_scale, levels, winsize, iterations, poly_n, poly_sigma."""


@dataclass(frozen=True, eq=False)
class FlowComponents:
    """An encoder of motion that was learned from the training pictures."""

    mean: Float[np.ndarray, " number"]
    """Mean flow of each cell, x and y, in widths of the picture."""
    directions: Float[np.ndarray, "number component"]
    """Orthonormal; the first says most."""

    @classmethod
    def of(cls, images: Joined, before: Int[np.ndarray, " frame"], num: int) -> FlowComponents:
        """The `num` strongest components; fewer where there are fewer pictures.

        Args:
            images: Pictures of the training episodes.
            before: For each, the one before it.
            num: Components.
        """
        some = np.arange(0, len(images), -(-len(images) // MAX_FRAMES))
        return cls(*principal_components(cell_flow(images[some], images[before[some]]), num))

    def __call__(
        self,
        images: UInt8[np.ndarray, "frame height width 3"],
        before: UInt8[np.ndarray, "frame height width 3"],
    ) -> Float[np.ndarray, "frame component"]:
        """How much of each component is in the motion from `before` to each picture."""
        return ((cell_flow(images, before) - self.mean) @ self.directions).astype(float)


def cell_flow(
    images: UInt8[np.ndarray, "frame height width 3"],
    before: UInt8[np.ndarray, "frame height width 3"],
) -> Float[np.ndarray, "frame number"]:
    """Mean flow of each cell, from `before` to each picture, in widths of the picture.

    Pictures of several cameras, one square under the other, are looked at one by one.
    """
    height, width = images.shape[1:3]
    views = [slice(top, top + width) for top in range(0, height, width)]
    out = [
        np.concatenate([_square_flow(now[v], then[v]).ravel() for v in views])
        for now, then in zip(images, before, strict=True)
    ]
    return np.stack(out)


def _square_flow(
    now: UInt8[np.ndarray, "height width 3"], then: UInt8[np.ndarray, "height width 3"]
) -> Float[np.ndarray, "down across 2"]:
    import cv2

    height, width = now.shape[:2]
    cell = max(1, width // CELLS)
    first, second = (cv2.cvtColor(np.ascontiguousarray(p), cv2.COLOR_RGB2GRAY) for p in (then, now))
    empty = np.zeros((height, width, 2), np.float32)
    flow = cv2.calcOpticalFlowFarneback(
        first, second, empty, _PYRAMID, _LEVELS, _REACH_PX, _ROUNDS, _NEIGHBORS, _SMOOTHNESS, 0
    )
    down, across = height // cell, width // cell
    cells = flow[: down * cell, : across * cell].reshape(down, cell, across, cell, 2).mean((1, 3))
    return np.asarray(cells / np.float32(width))
