"""Pinhole cameras with OpenCV's lens distortion: from points to pixels and back to rays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

_UNDISTORT_ITERATIONS = 10


def project(
    points_m: Float[np.ndarray, "*batch 3"],
    K: Float[np.ndarray, "3 3"],
    distortion: Sequence[float] = (),
) -> Float[np.ndarray, "*batch 2"]:
    """Pixels that points in the camera frame are seen at; NaN for points not in front of it.

    `distortion` is OpenCV's (k1, k2, p1, p2[, k3]), empty for none.
    """
    depth = points_m[..., 2:]
    in_front = depth > 0
    seen = pixels(points_m[..., :2] / np.where(in_front, depth, 1.0), K, distortion)
    return np.where(in_front, seen, np.nan)


def pixels(
    rays: Float[np.ndarray, "*batch 2"],
    K: Float[np.ndarray, "3 3"],
    distortion: Sequence[float] = (),
) -> Float[np.ndarray, "*batch 2"]:
    """Pixels of rays (x / z, y / z)."""
    seen: np.ndarray = _distort(rays, distortion) @ K[:2, :2].T + K[:2, 2]
    return seen


def rays(
    pixels: Float[np.ndarray, "*batch 2"],
    K: Float[np.ndarray, "3 3"],
    distortion: Sequence[float] = (),
) -> Float[np.ndarray, "*batch 2"]:
    """(x / z, y / z) of the rays through pixels, lens distortion taken out.

    The distortion is inverted by fixed-point iteration, as OpenCV's `undistortPoints` does.
    """
    distorted = (pixels - K[:2, 2]) @ np.linalg.inv(K[:2, :2]).T
    out: np.ndarray = distorted
    if any(distortion):
        for _ in range(_UNDISTORT_ITERATIONS):
            out = out + distorted - _distort(out, distortion)
    return out


def _distort(
    rays: Float[np.ndarray, "*batch 2"], distortion: Sequence[float]
) -> Float[np.ndarray, "*batch 2"]:
    if not any(distortion):
        return rays
    k1, k2, p1, p2, k3 = (*distortion, 0.0)[:5]
    x, y = rays[..., 0], rays[..., 1]
    r2 = x * x + y * y
    radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
    return np.stack(
        [
            x * radial + 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x),
            y * radial + p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y,
        ],
        axis=-1,
    )
