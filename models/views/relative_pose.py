"""Where a second camera stands, from what two uncalibrated poses see of one person or hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.models.perception.multi_view import View, triangulate
from rotoscope.models.views.clock import MIN_SHARED
from rotoscope.models.views.seen import Seen
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.geometry import se3

_RANSAC_SHARE = 0.008
"""Distance from the epipolar line at which a landmark stops counting, as a share of the focal
length: landmarks of one hand, seen from two sides, are off by a tenth of its palm."""
_LEAST_AGREEING = 0.5
_MAX_PAIRS, _FEW_PAIRS = 4000, 800
_LEAST_PAIRS = 21 * MIN_SHARED // 2
_COARSE_S, _FINE_S = 1 / 30, 1 / 120
_BONE_SPREAD = 0.15
"""Largest spread (1-sigma) of a rigid bone's length over its median. Landmarks make it .05; poses
that were wrong made it .3 and more on the scenes `DEVELOPMENT` of `benchmarks.two_view`."""


def relative_pose(
    K: tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, "3 3"]],
    a: Sequence[Seen],
    b: Sequence[Seen],
    *,
    offset_s: float = 0.0,
    within_s: float = 0.0,
    bone: tuple[int, int],
    bone_m: float,
) -> tuple[View, View, float]:
    """Two views whose world is the first camera's frame; landmarks are the calibration target.

    The essential matrix (Nister 2004, USAC) of all landmarks at all shared moments gives the pose,
    refined to the least Sampson distance; a bone of known length gives its scale. Where clocks are
    searched, it is the offset at which most landmarks agree on one pose.

    Args:
        K: Intrinsics of both cameras [px].
        a: Hands or people of the first video.
        b: The same ones in the second.
        offset_s: Time of b's clock when a's shows 0 [s].
        within_s: How far about that offset others are tried [s].
        bone: Two landmarks that are rigidly joined.
        bone_m: Their distance [m].

    Returns:
        Both views, and the offset [s].

    Raises:
        UsageError: Too little is shared, most landmarks contradict one rigid pair of cameras, or
            the bone does not keep its length.
    """
    views = [View(k, np.eye(4)) for k in K]

    def rays_at(offset: float, most: int) -> tuple[np.ndarray, np.ndarray]:
        pairs = _pairs(a, b, offset, most)
        first, second = (view.rays(px) for view, px in zip(views, pairs, strict=True))
        return first, second

    offset_s = _agreed_offset(rays_at, offset_s, within_s)
    first, second = rays_at(offset_s, _MAX_PAIRS)
    if len(first) < _LEAST_PAIRS:
        raise UsageError(
            f"two views share {len(first)} landmarks in all, which is too few to tell where the "
            "cameras stand; give a calibration, or videos in which the same hands or people are "
            "seen at the same time"
        )
    E, mask = _essential(first, second)
    agreeing = 0.0 if E is None or mask is None else float(mask.mean())
    if E is None or agreeing < _LEAST_AGREEING:
        raise UsageError(
            f"only {agreeing:.0%} of the landmarks that both views see agree on where the cameras "
            f"stand, {_LEAST_AGREEING:.0%} is the least: the videos do not show one scene at one "
            "time, or a focal length is far off; give a calibration"
        )
    T = _refined(first, second, E, mask)
    unit = (views[0], View(K[1], T))
    lengths = []
    for one, other in zip(a, b, strict=True):
        seen = [one.points_px, other.at(one.time_s + offset_s)]
        placed, _ = triangulate(unit, [px[:, list(bone)] for px in seen])
        lengths.append(np.linalg.norm(placed[:, 0] - placed[:, 1], axis=1))
    found = np.concatenate(lengths)
    low, length, high = np.nanquantile(found, [0.16, 0.5, 0.84])
    if not high - low <= 2 * _BONE_SPREAD * length:
        raise UsageError(
            f"where the cameras stand cannot be told from these landmarks: a bone of "
            f"{1e3 * bone_m:.0f} mm comes out {low / length * bone_m * 1e3:.0f} to "
            f"{high / length * bone_m * 1e3:.0f} mm long; give a calibration, or a clip in which "
            "the hands or people move through more of the picture"
        )
    scale = bone_m / length
    return views[0], View(K[1], se3.make(T[:3, :3], T[:3, 3] * scale)), offset_s


def views_of_subjects(
    K: Sequence[Float[np.ndarray, "3 3"]],
    seen: Sequence[Sequence[Seen]],
    *,
    offsets_s: Sequence[float] | None,
    within_s: float,
    bone: tuple[int, int],
    bone_m: float,
) -> tuple[list[View], list[float]]:
    """Two views or more in the first camera's frame, each by its `relative_pose` to the first.

    Args:
        K: Intrinsics of each [px].
        seen: By view, hands or people: the same ones in the same order.
        offsets_s: Time of each video's clock when the first one's shows 0, about which is searched.
        within_s: How far [s].
        bone: Two landmarks that are rigidly joined.
        bone_m: Their distance [m].
    """
    views, offsets = [View(K[0], np.eye(4))], [0.0]
    for number in range(1, len(seen)):
        _, view, offset_s = relative_pose(
            (K[0], K[number]),
            seen[0],
            seen[number],
            offset_s=0.0 if offsets_s is None else offsets_s[number],
            within_s=within_s,
            bone=bone,
            bone_m=bone_m,
        )
        views.append(view)
        offsets.append(offset_s)
    return views, offsets


def _agreed_offset(
    rays_at: Callable[[float, int], tuple[np.ndarray, np.ndarray]], offset_s: float, within_s: float
) -> float:
    """The offset at which most landmarks agree on some pose; coarse steps, then fine ones."""
    for span_s, step_s in ((within_s, _COARSE_S), (_COARSE_S, _FINE_S)):
        if within_s <= 0:
            break
        tried = offset_s + np.arange(-span_s, span_s + 1e-9, step_s)
        away = np.full(len(tried), np.inf)
        for number, offset in enumerate(tried):
            first, second = rays_at(float(offset), _FEW_PAIRS)
            if len(first) >= min(_LEAST_PAIRS, _FEW_PAIRS):
                E, _ = _essential(first, second)
                if E is not None:
                    away[number] = np.median(np.abs(_sampson(E, first, second)))
        if np.isfinite(away).any():
            offset_s = float(tried[int(np.argmin(away))])
    return offset_s


def _essential(
    first: Float[np.ndarray, "pair 2"], second: Float[np.ndarray, "pair 2"]
) -> tuple[Float[np.ndarray, "3 3"] | None, Any]:
    import cv2

    cv2.setRNGSeed(0)
    E, mask = cv2.findEssentialMat(
        first, second, np.eye(3), cv2.USAC_ACCURATE, 0.9999, _RANSAC_SHARE, 2000
    )
    return (E, mask) if E is not None and E.shape == (3, 3) else (None, None)


def _refined(
    first: Float[np.ndarray, "pair 2"],
    second: Float[np.ndarray, "pair 2"],
    E: Float[np.ndarray, "3 3"],
    mask: Any,
) -> Float[np.ndarray, "4 4"]:
    """The pose with the least Sampson distances near an essential matrix; translation of length 1.

    Its cost falls slowly, Cauchy's, as landmarks that a network invents are far off.
    """
    import cv2
    from scipy.optimize import least_squares

    _, R, t, _ = cv2.recoverPose(E, first, second, np.eye(3), mask=mask.copy())
    axes = np.linalg.svd(np.asarray(t.T, dtype=float))[2][
        1:
    ]  # two directions across the translation

    def pose(x: Float[np.ndarray, " 5"]) -> Float[np.ndarray, "4 4"]:
        moved = t[:, 0] + x[3:] @ axes
        return se3.make(se3.exp_so3(x[:3]) @ R, moved / np.linalg.norm(moved))

    def residual(x: Float[np.ndarray, " 5"]) -> Float[np.ndarray, " pair"]:
        T = pose(x)
        return _sampson(se3.hat(T[:3, 3]) @ T[:3, :3], first, second)

    found = least_squares(
        residual, np.zeros(5), loss="cauchy", f_scale=_RANSAC_SHARE / 2, max_nfev=50
    )
    return pose(found.x)


def _sampson(
    E: Float[np.ndarray, "3 3"],
    first: Float[np.ndarray, "pair 2"],
    second: Float[np.ndarray, "pair 2"],
) -> Float[np.ndarray, " pair"]:
    """First-order distance from the epipolar constraint [ray units] (Sampson 1982)."""
    a, b = (np.concatenate([x, np.ones((len(x), 1))], axis=1) for x in (first, second))
    Ea, Eb = a @ E.T, b @ E
    away = np.einsum("pi,pi->p", b, Ea)
    size = np.sqrt(Ea[:, 0] ** 2 + Ea[:, 1] ** 2 + Eb[:, 0] ** 2 + Eb[:, 1] ** 2)
    distance: np.ndarray = away / np.maximum(size, 1e-12)
    return distance


def _pairs(
    a: Sequence[Seen], b: Sequence[Seen], offset_s: float, most: int
) -> tuple[Float[np.ndarray, "pair 2"], Float[np.ndarray, "pair 2"]]:
    """Pixels of all landmarks that both views see at one moment."""
    first = np.concatenate([one.points_px.reshape(-1, 2) for one in a])
    second = np.concatenate(
        [other.at(one.time_s + offset_s).reshape(-1, 2) for one, other in zip(a, b, strict=True)]
    )
    both = np.flatnonzero(np.isfinite(first).all(axis=1) & np.isfinite(second).all(axis=1))
    both = both[:: max(1, len(both) // most)]
    return first[both], second[both]
