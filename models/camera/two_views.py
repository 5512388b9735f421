"""A first pair of frames from which a path can begin: relative pose and points, up to scale."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from rotoscope.models.camera.background import Background
from rotoscope.models.camera.rotation import fit_rotation
from rotoscope.pipeline.geometry import se3

MIN_PARALLAX_PX = 4.0
"""Least median motion of the points that no rotation explains [px of the small picture]. Noise of
.15 px is then four percent of what depth is told from. Heads that bob by 5 cm before a room reach 6
px: with 12 px there was no path on them."""
MIN_PAIR_POINTS = 30
"""Fewer points that two frames share make no pair."""
MIN_IN_FRONT = 0.6
"""Least share of the points that both cameras see in front of them. Parallax alone as the condition
lost one clip in four: the wrong one of two planes, or a wrong sign."""
NUM_PAIRS = 6
"""First pairs that are tried; the one that explains most of what is seen is taken. On paths that
went wrong by 5 to 20 % it was .05 to .2 less than on right ones of the same clip."""
WIDE = 0.4
"""The second frame of a pair is as far away as it shares this much of the first one's points."""
RANSAC_PX = 1.0
"""Distance from the epipolar line at which a point stops counting [px of the small picture]."""

_MAX_TRIED = 2
"""Second frames that are tried for each first one; where those fail, others do."""
_MAX_GUESSES = 200
"""Where half of the points agree, so many guesses of five miss them once in six hundred times."""


@dataclass(frozen=True, eq=False)
class FirstPair:
    """Two frames and what they say together, the distance between them being 1."""

    first: int
    """Frame whose camera is the frame of reference."""
    second: int
    """The other frame."""
    T_second_first: Float[np.ndarray, "4 4"]
    """Coordinates of the first camera to those of the second."""
    ids: Int[np.ndarray, " point"]
    """The points that were placed."""
    points: Float[np.ndarray, "point 3"]
    """Where they are in the first camera's frame."""


def first_pairs(seen: Background) -> Iterator[FirstPair]:
    """Pairs with parallax, spread over the clip."""
    step = max(1, seen.num_frames // (2 * NUM_PAIRS))
    found = (_widest_pair(seen, first) for first in range(0, seen.num_frames - 1, step))
    return itertools.islice((pair for pair in found if pair is not None), NUM_PAIRS)


def _widest_pair(seen: Background, first: int) -> FirstPair | None:
    """The farthest later frame that makes a pair and shares points enough, else the nearest."""
    num_there = int((seen.ids[first] >= 0).sum())
    wide: list[int] = []
    far: list[int] = []
    distance = 3
    while first + distance < seen.num_frames:
        num_shared = len(seen.shared(first, first + distance))
        if num_shared < MIN_PAIR_POINTS:
            break
        (wide if num_shared >= WIDE * num_there else far).append(first + distance)
        distance = max(distance + 1, distance * 5 // 4)
    told = (second for second in [*reversed(wide), *far] if _has_parallax(seen, first, second))
    pairs = (_pair(seen, first, second) for second in itertools.islice(told, _MAX_TRIED))
    return next((pair for pair in pairs if pair is not None), None)


def _has_parallax(seen: Background, first: int, second: int) -> bool:
    slots = seen.shared(first, second)
    a, b = seen.rays[first, slots], seen.rays[second, slots]
    if np.median(np.linalg.norm(a - b, axis=1)) * seen.focal_px < MIN_PARALLAX_PX:
        return False
    _, _, residual_px = fit_rotation(a, b, seen.focal_px, np.random.default_rng(0), np.ones(len(a)))
    return bool(np.median(residual_px) >= MIN_PARALLAX_PX)


def _pair(seen: Background, first: int, second: int) -> FirstPair | None:
    """Relative pose of two frames that have parallax; `None` where too many points contradict."""
    slots = seen.shared(first, second)
    a, b = seen.rays[first, slots], seen.rays[second, slots]
    tolerance = 2.0 * RANSAC_PX / seen.focal_px
    poses = _relative_poses(a, b, RANSAC_PX / seen.focal_px)
    placed = [triangulate(a, b, T, tolerance) for T in poses]
    if not placed:
        return None
    best = int(np.argmax([is_good.sum() for _, is_good in placed]))
    points, is_good = placed[best]
    if is_good.mean() < MIN_IN_FRONT:
        return None
    return FirstPair(first, second, poses[best], seen.ids[first, slots][is_good], points[is_good])


def _relative_poses(
    a: Float[np.ndarray, "point 2"], b: Float[np.ndarray, "point 2"], threshold: float
) -> list[Float[np.ndarray, "4 4"]]:
    """The four poses that an essential matrix of five points (Nister 2004) stands for."""
    import cv2

    cv2.setRNGSeed(0)
    E, _ = cv2.findEssentialMat(a, b, np.eye(3), cv2.USAC_ACCURATE, 0.999, threshold, _MAX_GUESSES)
    if E is None or E.shape != (3, 3):
        return []
    first, second, t = cv2.decomposeEssentialMat(E)
    return [se3.make(R, sign * t[:, 0]) for R in (first, second) for sign in (1.0, -1.0)]


def triangulate(
    a: Float[np.ndarray, "point 2"],
    b: Float[np.ndarray, "point 2"],
    T_b_a: Float[np.ndarray, "*#point 4 4"],
    tolerance: float,
) -> tuple[Float[np.ndarray, "point 3"], Bool[np.ndarray, " point"]]:
    """Points in the frame of a, the middle of the two rays' nearest points, and which are good.

    Good ones lie in front of both cameras and are seen within `tolerance` [ray units] of where
    they should be.
    """
    R, t = T_b_a[..., :3, :3], T_b_a[..., :3, 3]
    ray_a = np.concatenate([a, np.ones((len(a), 1))], axis=1)
    ray_b = np.concatenate([b, np.ones((len(b), 1))], axis=1)
    # In b's frame: depth_a * R ray_a + t = depth_b * ray_b, two unknowns, three equations.
    moved = np.einsum("...ij,...j->...i", R, ray_a)
    aa, ab, bb = (
        np.einsum("pi,pi->p", x, y) for x, y in ((moved, moved), (moved, ray_b), (ray_b, ray_b))
    )
    t = np.broadcast_to(t, moved.shape)
    at, bt = np.einsum("pi,pi->p", moved, t), np.einsum("pi,pi->p", ray_b, t)
    determinant = np.maximum(aa * bb - ab * ab, 1e-15)
    depth_a = (ab * bt - bb * at) / determinant
    depth_b = (aa * bt - ab * at) / determinant
    in_b = 0.5 * (depth_a[:, None] * moved + t + depth_b[:, None] * ray_b)
    points = np.einsum("...ji,...j->...i", R, in_b - t)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.hypot(
            np.linalg.norm(points[:, :2] / points[:, 2:] - a, axis=1),
            np.linalg.norm(in_b[:, :2] / in_b[:, 2:] - b, axis=1),
        )
    is_good = (depth_a > 0) & (depth_b > 0) & (error < tolerance)
    return points, is_good
