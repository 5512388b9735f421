"""The unit of length of a moving camera's path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.models.camera.path import Path
from rotoscope.pipeline.geometry import hand_frame, se3
from rotoscope.pipeline.tracks import HandTrack, Track
from rotoscope.pipeline.tracks.camera import ScaleSource

FINGERTIPS = (4, 8, 12, 16, 20)
NUM_BESIDE = 3
"""Placed points next to a fingertip whose median depth is compared with it."""
MAX_BESIDE = 0.6
"""Farthest that such a point may be from the fingertip [palm lengths in the picture]."""
MIN_SHARES = 10
"""Fewer fingertips in front of placed points say nothing."""
TOUCHING = 0.9
"""Quantile of fingertip depth over background depth that is taken for contact. A hand is never
behind what it hides, and at contact it is as far away: the largest shares are the scale. The last
tenth is left to noise."""
SIGMA_REL = 0.3
"""1-sigma of a scale that was found so. It comes out small, as what a hand hides lies behind it
even at contact, by a sixth for a thing of 10 cm at arm's length; the size of hands varies by 7 %,
and whether anything is touched at all is not known."""


@dataclass(frozen=True)
class StatedScale:
    """How far the camera gets from where it began."""

    farthest_m: float
    """The distance [m]."""
    sigma_rel: float
    """Its 1-sigma as a share of it."""


@dataclass(frozen=True)
class Scale:
    """Meters per unit of a path."""

    factor: float
    """1 where unknown."""
    sigma_rel: float
    """1-sigma as a share of it."""
    source: ScaleSource
    """Where it comes from."""


def find_scale(
    path: Path,
    tracks: Mapping[str, Track],
    stated: StatedScale | None,
) -> Scale:
    """The scale that was stated, or that hands of known size give, or none."""
    if stated is not None:
        away = np.linalg.norm(path.T_reference_camera[path.known, :3, 3], axis=1)
        return Scale(stated.farthest_m / float(away.max()), stated.sigma_rel, "stated")
    shares = [
        _depth_shares(path, hand)
        for hand in tracks.values()
        if isinstance(hand, HandTrack) and hand.joints_m is not None
    ]
    found = np.concatenate([np.zeros(0), *shares])
    if len(found) < MIN_SHARES:
        return Scale(1.0, 0.0, "unknown")
    return Scale(float(np.quantile(found, TOUCHING)), SIGMA_REL, "hands")


def _depth_shares(path: Path, hand: HandTrack) -> Float[np.ndarray, " share"]:
    """Fingertip depth [m] over the depth of what it hides, a number for each tip and frame.

    What it hides was placed from other frames, in which it was seen.
    """
    assert hand.joints_m is not None
    found = []
    for t in np.flatnonzero(hand.valid & path.known):
        there = se3.apply(se3.inverse(path.T_reference_camera[t]), path.points)
        there = there[there[:, 2] > 0]
        if len(there) < NUM_BESIDE:
            continue
        joints_m = hand.joints_m[t]
        rays = joints_m[:, :2] / joints_m[:, 2:]
        away = there[:, :2] / there[:, 2:] - rays[list(FINGERTIPS), None]
        distance = np.linalg.norm(away, axis=2)
        nearest = np.argsort(distance, axis=1)[:, :NUM_BESIDE]
        palm = np.linalg.norm(rays[hand_frame.MIDDLE_MCP] - rays[hand_frame.WRIST])
        is_near = np.take_along_axis(distance, nearest, axis=1).max(axis=1) < MAX_BESIDE * palm
        shares = joints_m[list(FINGERTIPS), 2] / np.median(there[nearest, 2], axis=1)
        found.append(shares[is_near])
    return np.concatenate([np.zeros(0), *found])
