"""Whether a lens that zooms explains what looks like a path.

A zoom moves every point along a line through the middle of the picture, as going forward to a flat
wall does. Where a rotation and a change of the focal length explain two frames as well as a path
does, nothing tells which it was, and the focal length may not be what it is taken for.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.models.camera.rotation import fit_rotation, residuals_px

MAX_ZOOM_PX = 1.5
"""Distance from where a zoom puts them that nearly all points must be within, if it may be one [px
of the small picture]."""
ZOOMED_SHARE = 0.7
"""How many that is: what stands nearer than a wall may be few points, but tells a path."""
_NUM_ROUNDS = 8


def may_be_zoom(
    rays_first: Float[np.ndarray, "point 2"],
    rays_second: Float[np.ndarray, "point 2"],
    focal_px: float,
) -> bool:
    """Whether a rotation and one factor on the focal length explain both frames' rays."""
    rng, share = np.random.default_rng(0), np.ones(len(rays_first))
    factor = _spread_of(rays_second) / max(_spread_of(rays_first), 1e-9)
    for _ in range(_NUM_ROUNDS):
        seen = rays_second / factor
        R, _, _ = fit_rotation(rays_first, seen, focal_px, rng, share)
        turned = np.concatenate([rays_first, share[:, None]], axis=1) @ R.T
        turned = turned[:, :2] / turned[:, 2:]
        factor = float(np.median((rays_second * turned).sum(1) / (turned**2).sum(1)))
    left_px = residuals_px(R, rays_first, rays_second / factor, focal_px)
    return bool(np.quantile(left_px, ZOOMED_SHARE) <= MAX_ZOOM_PX)


def _spread_of(rays: Float[np.ndarray, "point 2"]) -> float:
    """Median distance of points from their middle."""
    return float(np.median(np.linalg.norm(rays - np.median(rays, axis=0), axis=1)))
