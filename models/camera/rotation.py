"""How the camera turns: rotation from the rays to the same points in two frames, and chains of it.

A turn about the camera's own center moves every ray alike, wherever its point is: `b_now = R
b_key`. Frames are compared with key frames as far back as points last, so that errors add up only
from key to key.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.camera.background import Background
from rotoscope.pipeline.geometry import se3

MIN_SHARED = 0.35
"""A key frame is given up where fewer than this share of its points is left: those that are left
then lie at one edge, about which rotation is least sure."""
INLIER_PX = 1.5
"""Residual at which a point stops counting against a guess [px of the small picture]."""
NOISE_PX = 0.15
"""What followed points are wrong by at the least."""
COMMON_ERROR = 0.25
"""Share of the points' residual that they have in common and that more points do not average out:
lens, rolling shutter, a little parallax. With it the stated sigma holds on turning scenes."""
_NUM_GUESSES = 100
_NUM_STEPS = 4
_TUKEY = 4.685


@dataclass(frozen=True, eq=False)
class Turn:
    """Rotation of every frame against the first that has one."""

    R_reference_camera: Float[np.ndarray, "time 3 3"]
    """Rotation of camera to reference; NaN where unknown."""
    sigma_rad: Float[np.ndarray, " time"]
    """1-sigma of its angle: root of the sum of the variances about three axes [rad]."""
    residual_px: Float[np.ndarray, " time"]
    """Median distance of points from where the rotation puts them, every cell of the picture
    counting alike [px of the small picture]."""

    spread: float
    """Share of the known frames in which the points that agree lie all over the picture."""

    @property
    def known(self) -> Bool[np.ndarray, " time"]:
        """Frames that hang together with the first."""
        return np.isfinite(self.sigma_rad)


def follow_rotation(seen: Background) -> Turn:
    """Rotation of all frames that hang together with the first one that can be compared."""
    num_frames = seen.num_frames
    R = np.full((num_frames, 3, 3), np.nan)
    variance, residual = np.full(num_frames, np.nan), np.full(num_frames, np.nan)
    first = seen.first_comparable()
    if first is None:
        return Turn(R, variance, residual, 0.0)
    rng = np.random.default_rng(0)
    R[first], variance[first], residual[first] = np.eye(3), 0.0, 0.0
    keys = [first]
    for t in range(first + 1, num_frames):
        key = _key_for(seen, keys, t)
        if key is None and np.isfinite(variance[t - 1]) and seen.is_comparable(t - 1, t):
            keys.append(t - 1)
            key = t - 1
        if key is None:
            continue
        slots = seen.shared(key, t)
        share = seen.shares(t, slots)
        R_now_key, added, residuals_px = fit_rotation(
            seen.rays[key, slots], seen.rays[t, slots], seen.focal_px, rng, share
        )
        R[t] = R[key] @ R_now_key.T
        variance[t] = variance[key] + added
        residual[t] = _median(residuals_px, share)
    return Turn(R, np.sqrt(variance), residual, _spread(seen, R))


def _spread(seen: Background, R: Float[np.ndarray, "time 3 3"]) -> float:
    """Share of frames in which points that turned with the camera since the last are all over.

    From the last frame, because a key frame's points leave the picture at one side.
    """
    found = []
    for t in np.flatnonzero(np.isfinite(R[:, 0, 0])).tolist():
        if t == 0 or not np.isfinite(R[t - 1, 0, 0]):
            continue
        slots = seen.shared(t - 1, t)
        moved = _unit(seen.rays[t - 1, slots]) @ (R[t].T @ R[t - 1]).T
        error_px = np.linalg.norm(_project(moved) - seen.rays[t, slots], axis=1) * seen.focal_px
        found.append(seen.is_spread(t, slots[error_px < INLIER_PX]))
    return float(np.mean(found)) if found else 0.0


def _key_for(seen: Background, keys: list[int], t: int) -> int | None:
    """The earliest key frame that still shares enough points."""
    for key in keys:
        num_there = int((seen.ids[key] >= 0).sum())
        is_enough = len(seen.shared(key, t)) >= MIN_SHARED * num_there
        if is_enough and seen.is_comparable(key, t):
            return key
    return None


def fit_rotation(
    rays_key: Float[np.ndarray, "point 2"],
    rays_now: Float[np.ndarray, "point 2"],
    focal_px: float,
    rng: np.random.Generator,
    share: Float[np.ndarray, " point"],
) -> tuple[Float[np.ndarray, "3 3"], float, Float[np.ndarray, " point"]]:
    """The rotation that most points agree on, the variance of its angle, and residuals [px].

    The best of guesses from two points each, refined with Tukey's weights; `share` is how much each
    point counts when guesses are compared.
    """
    a, b = _unit(rays_key), _unit(rays_now)
    pairs = np.array([rng.choice(len(a), 2, replace=False) for _ in range(_NUM_GUESSES)])
    guesses = _triads(b[pairs]) @ np.swapaxes(_triads(a[pairs]), 1, 2)
    errors = np.linalg.norm(_project(a @ np.swapaxes(guesses, 1, 2)) - rays_now, axis=2) * focal_px
    cost = np.minimum(np.nan_to_num(errors, nan=np.inf), INLIER_PX) @ share
    R = guesses[int(np.argmin(cost))]
    scale_px, normal = NOISE_PX, np.eye(3)
    for _ in range(_NUM_STEPS):
        moved = a @ R.T
        difference = (rays_now - _project(moved)) * focal_px
        size = np.linalg.norm(difference, axis=1)
        # The median of a two-dimensional normal distribution's length is 1.18 sigma.
        scale_px = max(NOISE_PX, min(_median(size, share) / 1.18, INLIER_PX))
        weight = np.clip(1.0 - (size / (_TUKEY * scale_px)) ** 2, 0.0, None) ** 2
        J = (_jacobian(moved) * focal_px).reshape(-1, 3)
        normal = (J * weight.repeat(2)[:, None]).T @ J + 1e-9 * np.eye(3)
        step = np.linalg.solve(normal, J.T @ (difference * weight[:, None]).reshape(-1))
        R = se3.exp_so3(step) @ R
    residual = np.linalg.norm(_project(a @ R.T) - rays_now, axis=1) * focal_px
    independent = scale_px**2 * float(np.trace(np.linalg.pinv(normal)))
    common = (COMMON_ERROR * scale_px / focal_px) ** 2
    return R, independent + common, residual


def _median(values: Float[np.ndarray, " point"], share: Float[np.ndarray, " point"]) -> float:
    """The value that half of the shares lie below."""
    order = np.argsort(values)
    below = np.cumsum(share[order])
    return float(values[order[np.searchsorted(below, 0.5 * below[-1])]])


def _unit(rays: Float[np.ndarray, "point 2"]) -> Float[np.ndarray, "point 3"]:
    full = np.concatenate([rays, np.ones((len(rays), 1))], axis=1)
    return np.asarray(full / np.linalg.norm(full, axis=1, keepdims=True))


def _project(vectors: Float[np.ndarray, "*batch point 3"]) -> Float[np.ndarray, "*batch point 2"]:
    depth = vectors[..., 2:]
    return np.asarray(vectors[..., :2] / np.where(depth > 1e-6, depth, np.nan))


def _triads(pairs: Float[np.ndarray, "guess 2 3"]) -> Float[np.ndarray, "guess 3 3"]:
    """A right-handed frame of each pair of directions, its axes as columns (Black 1964)."""
    first = pairs[:, 0]
    normal = np.cross(first, pairs[:, 1])
    normal = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    return np.stack([first, normal, np.cross(first, normal)], axis=2)


def _jacobian(moved: Float[np.ndarray, "point 3"]) -> Float[np.ndarray, "point 2 3"]:
    """How (x / z, y / z) of a vector changes as it is turned further about each axis."""
    u, v = (moved[:, :2] / moved[:, 2:]).T
    row_u = np.stack([-u * v, 1.0 + u * u, -v], axis=1)
    row_v = np.stack([-(1.0 + v * v), u * v, u], axis=1)
    return np.stack([row_u, row_v], axis=1)
