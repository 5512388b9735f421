"""The unit of length of a moving camera's path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rotoscope.models.camera.background import Background
from rotoscope.models.camera.path import Path
from rotoscope.pipeline.geometry import pinhole
from rotoscope.pipeline.tracks import Camera, HandTrack, Track
from rotoscope.pipeline.tracks.camera import ScaleSource

FINGERTIPS = (4, 8, 12, 16, 20)
NUM_BESIDE = 5
"""Placed points next to a fingertip whose median depth is compared with it."""
MAX_BESIDE = 1.5
"""Farthest that such a point may be from the fingertip [times the wrist's distance from it]."""
MIN_FRAMES = 10
"""Fewer frames with such points say nothing."""
TOUCHING = 0.9
"""Quantile of fingertip depth over background depth that is taken for contact. A hand is never
behind what it hides, and at contact it is as far away: the largest shares are the scale. The last
tenth is left to noise."""
SIGMA_REL = 0.2
"""1-sigma of a scale that was found so: depth at contact was within 16 % of the truth, the size of
hands varies by 7 %, and whether anything is touched at all is not known."""


@dataclass(frozen=True)
class StatedScale:
    """How far the camera gets from where it began."""

    farthest_m: float
    """The distance [m]."""
    sigma_rel: float
    """Its 1-sigma as a share of it."""


@dataclass(frozen=True)
class Scale:
    """Metres per unit of a path."""

    factor: float
    """1 where unknown."""
    sigma_rel: float
    """1-sigma as a share of it."""
    source: ScaleSource
    """Where it comes from."""


def find_scale(
    path: Path,
    seen: Background,
    camera: Camera,
    tracks: Mapping[str, Track],
    stated: StatedScale | None,
) -> Scale:
    """The scale that was stated, or that hands of known size give, or none."""
    if stated is not None:
        away = np.linalg.norm(path.T_reference_camera[path.known, :3, 3], axis=1)
        return Scale(stated.farthest_m / float(away.max()), stated.sigma_rel, "stated")
    shares = [
        _depth_shares(path, seen, camera, hand)
        for hand in tracks.values()
        if isinstance(hand, HandTrack) and hand.joints_m is not None
    ]
    found = np.concatenate([np.zeros(0), *shares])
    if len(found) < MIN_FRAMES:
        return Scale(1.0, 0.0, "unknown")
    return Scale(float(np.quantile(found, TOUCHING)), SIGMA_REL, "hands")


def _depth_shares(path: Path, seen: Background, camera: Camera, hand: HandTrack) -> np.ndarray:
    """Fingertip depth [m] over the depth of what is seen beside it, one number a frame."""
    assert hand.joints_m is not None
    pixel_px = camera.K[0, 0] / seen.focal_px
    found = []
    for t in np.flatnonzero(hand.valid & path.known):
        joints_m = hand.joints_m[t]
        at = pinhole.project(joints_m, camera.K, camera.distortion) / pixel_px
        tips, wrist = at[list(FINGERTIPS)], at[0]
        placed = np.flatnonzero(path.depth[t] > 0)
        if len(placed) < NUM_BESIDE:
            continue
        away = np.linalg.norm(seen.points_px[t, placed][:, None] - tips[None], axis=2)
        nearest = np.argsort(away.min(axis=1))[:NUM_BESIDE]
        reach = MAX_BESIDE * np.linalg.norm(tips - wrist, axis=1).max()
        if away[nearest].min(axis=1).max() > reach:
            continue
        tip = FINGERTIPS[int(np.argmin(away[nearest].min(axis=0)))]
        found.append(joints_m[tip, 2] / np.median(path.depth[t, placed[nearest]]))
    return np.array(found)
