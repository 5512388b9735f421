"""The focal length of a camera that turns, from how the picture is distorted by the turn.

A turn by an angle moves a point at the edge farther than one in the middle, by how much the focal
length says. Pairs of frames far apart are compared under several focal lengths (Hartley 1994,
self-calibration from a rotating camera, with one unknown).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from rotoscope.models.camera.background import Background
from rotoscope.models.camera.rotation import INLIER_PX, NOISE_PX, fit_rotation, residuals_px

NUM_PAIRS = 12
"""Pairs of frames that are compared."""
MIN_SHARED_SHARE = 0.4
"""Least share of a frame's points that the other one still holds."""
MIN_SHIFT_PX = 20.0
"""Least common shift of the points of a pair [px of the small picture]."""
MIN_PAIRS = 4
"""Fewer pairs say nothing."""
FACTORS = np.geomspace(0.5, 2.0, 25)
"""Factors on the assumed focal length that are tried."""
FLOOR_REL = 0.03
"""Error of the focal length that more points do not average out: lens distortion taken for none, a
center that does not stay in its place."""
WIDER = 3.0
"""How much wider sigma is than if the pairs, which share points and frames, were independent."""


@dataclass(frozen=True)
class FocalLength:
    """What the turn says."""

    factor: float
    """Times the focal length that was assumed."""
    sigma_rel: float
    """1-sigma as a share of it."""


def find_focal_length(trusted: Background) -> FocalLength | None:
    """The factor on the focal length that explains turns best; `None` where none is better.

    `trusted` are points that turn with the camera, under the focal length that was assumed.
    """
    pairs = _pairs(trusted)
    if len(pairs) < MIN_PAIRS:
        return None
    cost = np.array([_cost(trusted, pairs, factor) for factor in FACTORS])
    best = int(np.argmin(cost))
    if not 0 < best < len(FACTORS) - 1:
        return None
    # A parabola through the best three, over the logarithm of the factor.
    step = float(np.log(FACTORS[1] / FACTORS[0]))
    below, at, above = cost[best - 1 : best + 2]
    curvature = (below - 2.0 * at + above) / step**2
    if curvature <= 0:
        return None
    offset = 0.5 * (below - above) / (below - 2.0 * at + above)
    sigma = WIDER * float(np.sqrt(2.0 / curvature))
    factor = float(FACTORS[best] * np.exp(offset * step))
    return FocalLength(factor, float(np.hypot(sigma, FLOOR_REL)))


def _pairs(seen: Background) -> list[tuple[int, int, Int[np.ndarray, " _point"]]]:
    """Frames far apart that share enough points, spread over the clip."""
    every = max(1, seen.num_frames // (2 * NUM_PAIRS))
    found = []
    for t in range(seen.num_frames - 1, 0, -every):
        pair = _widest(seen, t)
        if pair is not None:
            found.append(pair)
    chosen = np.unique(np.linspace(0, len(found) - 1, min(NUM_PAIRS, len(found))).astype(int))
    return [found[k] for k in chosen]


def _widest(seen: Background, t: int) -> tuple[int, int, Int[np.ndarray, " _point"]] | None:
    """The earlier frame against which the points of a frame have shifted most."""
    best, most = None, MIN_SHIFT_PX
    for first in range(0, t, max(1, t // 16)):
        slots = seen.shared(first, t)
        if len(slots) < MIN_SHARED_SHARE * len(seen.held(t)) or not seen.is_comparable(first, t):
            continue
        # Of all points together: a roll about the middle says nothing of the focal length.
        shift = np.median(seen.points_px[t, slots] - seen.points_px[first, slots], axis=0)
        if np.linalg.norm(shift) > most:
            best, most = (first, t, slots), float(np.linalg.norm(shift))
    return best


def _cost(
    seen: Background, pairs: list[tuple[int, int, Int[np.ndarray, " _point"]]], factor: float
) -> float:
    """Squared residuals of all pairs over the noise, each cut off where a point stops counting."""
    total = 0.0
    for first, second, slots in pairs:
        rng = np.random.default_rng(0)
        share = seen.shares(second, slots)
        a, b = seen.rays[first, slots] / factor, seen.rays[second, slots] / factor
        focal_px = seen.focal_px * factor
        R, _, _ = fit_rotation(a, b, focal_px, rng, share)
        errors = residuals_px(R, a, b, focal_px)
        # Of each coordinate, as the noise is.
        total += float((np.minimum(errors, 2.0 * INLIER_PX) ** 2).sum()) / (2.0 * NOISE_PX**2)
    return total
