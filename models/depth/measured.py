"""How far a hand is, from the depth that is seen where its landmarks are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

UNDER_SKIN_M = 0.010
"""How far joints lie behind the skin that a sensor sees [m]: half of a finger is 8 mm, of a palm 12
to 15."""
SIGMA_SKIN_M = 0.006
"""1-sigma of that [m]."""
_LEAST_POINTS = 8
"""Landmarks with depth that tell of a hand; the palm alone has six."""
_LARGEST_SPREAD = 0.06
"""Spread of what landmarks say of the distance, as a share of it (median absolute deviation times
1.48), beyond which what is seen there is no hand of this posture: 3 cm at half a meter."""


@dataclass(frozen=True, eq=False)
class HandDistance:
    """What depth says of one hand in one frame."""

    factor: float
    """Measured distance over that of the lifted hand; NaN where nothing is told."""
    sigma_rel: float
    """1-sigma of it."""


NOTHING = HandDistance(np.nan, np.nan)


def depth_at(
    depth_m: Float[np.ndarray, "height width"],
    points_px: Float[np.ndarray, "point 2"],
    picture: tuple[int, int],
) -> Float[np.ndarray, " point"]:
    """Median depth in a 3 x 3 window about each point [m]; NaN outside and where none is known.

    Args:
        depth_m: Distance along the camera's axis, NaN where unknown.
        points_px: Points in the color picture; pixel i covers [i, i + 1).
        picture: Width and height of the color picture [px].
    """
    height, width = depth_m.shape
    out = np.full(len(points_px), np.nan)
    for number, (x, y) in enumerate(points_px):
        if not np.isfinite([x, y]).all():
            continue
        column = int(np.floor(x * width / picture[0]))
        row = int(np.floor(y * height / picture[1]))
        if not (0 <= column < width and 0 <= row < height):
            continue
        window = depth_m[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        if np.isfinite(window).any():
            out[number] = np.nanmedian(window)
    return out


def hand_distance(
    seen_m: Float[np.ndarray, " point"], joints_m: Float[np.ndarray, "point 3"], sigma_m: float
) -> HandDistance:
    """The factor that brings a lifted hand to where depth sees it.

    Landmarks that something hides are nearer than the joints, and those beside the hand's edge
    farther: the median of what all say counts, where they agree.

    Args:
        seen_m: Depth at each landmark.
        joints_m: The lifted joints in the camera's frame.
        sigma_m: 1-sigma of the sensor at this distance.
    """
    known = np.isfinite(seen_m) & np.isfinite(joints_m).all(axis=1)
    if known.sum() < _LEAST_POINTS:
        return NOTHING
    factors = (seen_m[known] + UNDER_SKIN_M) / joints_m[known, 2]
    factor = float(np.median(factors))
    near = np.abs(factors / factor - 1)
    if 1.48 * float(np.median(near)) > _LARGEST_SPREAD or factor <= 0:
        return NOTHING
    return HandDistance(factor, float(np.hypot(sigma_m, SIGMA_SKIN_M) / (factor * joints_m[0, 2])))
