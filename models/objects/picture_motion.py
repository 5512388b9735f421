"""What moves between small pictures: dense flow, the background's motion, and where they differ."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

MIN_BETTER = 7.0
"""How much better the flow must explain a pixel than the background's motion does [gray levels]."""
MIN_EDGE = 12.0
"""Least gradient of a pixel whose flow tells of the background: on plain ground it is invented."""
MAX_ASKED = 600
"""So many of these pixels are asked."""
MIN_BACKGROUND = 24
"""Fewer of them tell nothing: the background is taken to stand still."""


@dataclass(frozen=True, eq=False)
class Step:
    """From one small picture to a neighbor."""

    flow: Float[np.ndarray, "height width 2"]
    """Where each pixel goes [px]."""
    H: Float[np.ndarray, "3 3"]
    """Where pixels of the background go."""

    @cached_property
    def _background(self) -> Float[np.ndarray, "height width 2"]:
        return background_flow(self.H, self.flow.shape[:2])

    def background_in(self, box: tuple[slice, slice]) -> Float[np.ndarray, "height width 2"]:
        """Where the background's pixels go in a part of the picture [px]."""
        return self._background[box]

    @cached_property
    def against_background(self) -> Float[np.ndarray, "height width 2"]:
        """The flow, the background's taken out [px]."""
        if np.array_equal(self.H, np.eye(3)):
            return self.flow
        return np.asarray(self.flow - self._background)


class Flow:
    """Dense inverse search (Kroeger et al. 2016) between pictures of one size."""

    def __init__(self) -> None:
        import cv2

        self._search: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def __call__(
        self,
        here: UInt8[np.ndarray, "height width"],
        there: UInt8[np.ndarray, "height width"],
        near_hands: Bool[np.ndarray, "height width"],
        ground: Float[np.ndarray, "3 3"],
    ) -> Step:
        """The flow, and the background's homography: the one given, else of what is far of hands.

        NaN stands for one that is not known.
        """
        flow = np.asarray(self._search.calc(here, there, None))
        if np.isfinite(ground).all():
            return Step(flow, ground)
        return Step(flow, _homography(here, flow, near_hands))


def moving(
    gray: UInt8[np.ndarray, "height width"],
    neighbors: list[tuple[UInt8[np.ndarray, "height width"], Step]],
) -> Bool[np.ndarray, "height width"]:
    """Pixels that some flow explains and the background's motion does not.

    Of the residuals to both neighbors the smaller counts: what is hidden in one is seen in the
    other.
    """
    import cv2

    ground, own = [], []
    for there, step in neighbors:
        still = cv2.warpPerspective(
            there, step.H, gray.shape[::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        )
        ground.append(cv2.blur(cv2.absdiff(gray, still).astype(np.float32), (3, 3)))
        moved = sample(there, step.flow)
        own.append(cv2.blur(cv2.absdiff(gray, moved).astype(np.float32), (3, 3)))
    better = np.min(ground, axis=0) - np.min(own, axis=0)
    return np.asarray(better > MIN_BETTER)


def sample(image: np.ndarray, flow: Float[np.ndarray, "height width 2"]) -> np.ndarray:
    """The image at where the flow leads from every pixel."""
    import cv2

    height, width = flow.shape[:2]
    x = flow[..., 0] + np.arange(width, dtype=np.float32)
    y = flow[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    return np.asarray(cv2.remap(image, x, y, cv2.INTER_LINEAR))


def background_flow(
    H: Float[np.ndarray, "3 3"], shape: tuple[int, ...]
) -> Float[np.ndarray, "height width 2"]:
    """What the homography makes of every pixel [px]."""
    if np.array_equal(H, np.eye(3)):
        return np.zeros((*shape[:2], 2), np.float32)
    rows = H.astype(np.float32)
    x = np.arange(shape[1], dtype=np.float32)
    y = np.arange(shape[0], dtype=np.float32)[:, None]
    deep = rows[2, 0] * x + (rows[2, 1] * y + rows[2, 2])
    out = np.empty((*shape[:2], 2), np.float32)
    for k, own in enumerate((x, y)):
        out[..., k] = (rows[k, 0] * x + (rows[k, 1] * y + rows[k, 2])) / deep - own
    return out


def _homography(
    gray: UInt8[np.ndarray, "height width"],
    flow: Float[np.ndarray, "height width 2"],
    near_hands: Bool[np.ndarray, "height width"],
) -> Float[np.ndarray, "3 3"]:
    import cv2

    dx, dy = cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1)
    y, x = np.nonzero((np.hypot(dx, dy) > MIN_EDGE) & ~near_hands)
    if len(x) < MIN_BACKGROUND:
        return np.eye(3)
    chosen = np.linspace(0, len(x) - 1, min(len(x), MAX_ASKED)).astype(int)
    y, x = y[chosen], x[chosen]
    start = np.stack([x, y], axis=1).astype(np.float32)
    cv2.setRNGSeed(0)
    H, kept = cv2.findHomography(start, start + flow[y, x], cv2.RANSAC, 0.8, maxIters=200)
    if H is None or kept.sum() < MIN_BACKGROUND / 2:
        return np.eye(3)
    return np.asarray(H, float)
