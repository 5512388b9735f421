"""Cameras with OpenCV's lens models: from points to pixels and back to rays.

`distortion` holds (k1, k2, p1, p2[, k3]) of OpenCV's ordinary model, `fisheye` (k1, k2, k3, k4) of
its equidistant one (Kannala and Brandt 2006): a ray at angle t from the axis is seen at the
distance t (1 + k1 t^2 + k2 t^4 + k3 t^6 + k4 t^8) from the middle. Empty for none; a lens has one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

_UNDISTORT_ITERATIONS = 10
_MAX_FISHEYE_RAD = 1.5
"""Rays further than 86 degrees from the axis have no (x / z, y / z) that can be worked with."""


def project(
    points_m: Float[np.ndarray, "*batch 3"],
    K: Float[np.ndarray, "3 3"],
    distortion: Sequence[float] = (),
    fisheye: Sequence[float] = (),
) -> Float[np.ndarray, "*batch 2"]:
    """Pixels that points in the camera frame are seen at; NaN for points not in front of it."""
    depth = points_m[..., 2:]
    in_front = depth > 0
    seen = pixels(points_m[..., :2] / np.where(in_front, depth, 1.0), K, distortion, fisheye)
    return np.where(in_front, seen, np.nan)


def pixels(
    rays: Float[np.ndarray, "*batch 2"],
    K: Float[np.ndarray, "3 3"],
    distortion: Sequence[float] = (),
    fisheye: Sequence[float] = (),
) -> Float[np.ndarray, "*batch 2"]:
    """Pixels of rays (x / z, y / z)."""
    seen: np.ndarray = _distort(rays, distortion, fisheye) @ K[:2, :2].T + K[:2, 2]
    return seen


def rays(
    pixels: Float[np.ndarray, "*batch 2"],
    K: Float[np.ndarray, "3 3"],
    distortion: Sequence[float] = (),
    fisheye: Sequence[float] = (),
) -> Float[np.ndarray, "*batch 2"]:
    """(x / z, y / z) of the rays through pixels, lens distortion taken out.

    The distortion is inverted by fixed-point iteration, as OpenCV's `undistortPoints` does. Of a
    fisheye, rays beyond 86 degrees from the axis are NaN.
    """
    distorted = (pixels - K[:2, 2]) @ np.linalg.inv(K[:2, :2]).T
    out: np.ndarray = distorted
    if fisheye:
        return _from_fisheye(distorted, fisheye)
    if any(distortion):
        for _ in range(_UNDISTORT_ITERATIONS):
            out = out + distorted - _distort(out, distortion)
    return out


def _distort(
    rays: Float[np.ndarray, "*batch 2"], distortion: Sequence[float], fisheye: Sequence[float] = ()
) -> Float[np.ndarray, "*batch 2"]:
    if fisheye:
        length = np.linalg.norm(rays, axis=-1, keepdims=True)
        angle = np.arctan(length)
        seen_at = _fisheye_radius(angle, fisheye)
        near = length < 1e-9
        return np.where(near, rays, rays * seen_at / np.where(near, 1.0, length))
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


def _fisheye_radius(
    angle_rad: Float[np.ndarray, "*batch 1"], k: Sequence[float]
) -> Float[np.ndarray, "*batch 1"]:
    t2 = angle_rad**2
    radius: np.ndarray = angle_rad * (1 + t2 * (k[0] + t2 * (k[1] + t2 * (k[2] + t2 * k[3]))))
    return radius


def _from_fisheye(
    distorted: Float[np.ndarray, "*batch 2"], k: Sequence[float]
) -> Float[np.ndarray, "*batch 2"]:
    """Newton's method for the angle at which a fisheye sees these, as in OpenCV."""
    radius = np.linalg.norm(distorted, axis=-1, keepdims=True)
    angle = np.minimum(radius, _MAX_FISHEYE_RAD)
    for _ in range(_UNDISTORT_ITERATIONS):
        t2 = angle**2
        slope = 1 + t2 * (3 * k[0] + t2 * (5 * k[1] + t2 * (7 * k[2] + t2 * 9 * k[3])))
        angle = np.clip(
            angle - (_fisheye_radius(angle, k) - radius) / np.where(slope > 1e-3, slope, 1e-3),
            0.0,
            _MAX_FISHEYE_RAD,
        )
    near = radius < 1e-9
    out = np.where(near, distorted, distorted * np.tan(angle) / np.where(near, 1.0, radius))
    is_met = np.abs(_fisheye_radius(angle, k) - radius) < 1e-6
    rays: np.ndarray = np.where(is_met & (angle < _MAX_FISHEYE_RAD), out, np.nan)
    return rays
