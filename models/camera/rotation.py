"""How the camera turns: rotation from the rays to the same points in two frames, and chains of it.

A turn about the camera's own center moves every ray alike, wherever its point is: `b_now = R
b_key`. Frames are compared with key frames as far back as points last, so that errors add up only
from key to key.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.camera.background import EXPLAINED_PX, MIN_LIFE_FRAMES, Background
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
TORN_PX = 3.0 * INLIER_PX
"""Frames with a larger residual say nothing of single points, as where the encoder gave up."""
MIN_SPREAD_CELLS = 11
"""Cells of the picture in which a turn is seen all over it, also where somebody hides one side from
top to bottom."""
MAX_WANDER_PX = 5.0
"""A point that strays farther [px, root mean square] is moved by somebody, or stands very near."""
MAX_BRIDGE_FRAMES = 5
"""A frame that shares too little with every key frame is compared with one of so many before it."""
_NUM_GUESSES = 60
"""Where half of the points agree, so many guesses of two miss them once in thirty million times;
where a quarter does, once in fifty."""
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

    explained: Bool[np.ndarray, " id"]
    """Points of all of the background that turn with the camera for as long as they last, by id."""
    wanders: Bool[np.ndarray, " id"]
    """Those that wander a little from there, as parallax makes them."""
    spread: float
    """Share of the known frames in which these lie all over the picture."""

    @property
    def known(self) -> Bool[np.ndarray, " time"]:
        """Frames that hang together with the first."""
        return np.isfinite(self.sigma_rad)

    @property
    def fits(self) -> Bool[np.ndarray, " time"]:
        """Of these the frames that the rotation explains.

        One that fits badly, as behind somebody's head, says nothing against the others.
        """
        return self.known & (np.nan_to_num(self.residual_px, nan=np.inf) <= INLIER_PX)


def follow_rotation(seen: Background, trusted: Background) -> Turn:
    """Rotation of all frames that hang together with the first one that can be compared.

    Args:
        seen: All of the background.
        trusted: Its points that the rotation is found from.
    """
    num_frames = seen.num_frames
    R = np.full((num_frames, 3, 3), np.nan)
    variance, residual = np.full(num_frames, np.nan), np.full(num_frames, np.nan)
    first = trusted.first_comparable()
    if first is not None:
        R[first], variance[first], residual[first] = np.eye(3), 0.0, 0.0
        rng, keys = np.random.default_rng(0), [first]
        for t in range(first + 1, num_frames):
            key = _key_for(trusted, keys, t)
            if key is None:
                key = _last_fitting(trusted, residual, t)
                if key is None:
                    continue
                keys.append(key)
            slots = trusted.shared(key, t)
            share = trusted.shares(t, slots)
            R_now_key, added, residuals = fit_rotation(
                trusted.rays[key, slots], trusted.rays[t, slots], seen.focal_px, rng, share
            )
            R[t] = R[key] @ R_now_key.T
            variance[t] = variance[key] + added
            residual[t] = _median(residuals, share)
    wander_px = _wander(seen, R, residual)
    explained = wander_px < EXPLAINED_PX
    wanders = ~explained & (wander_px < MAX_WANDER_PX)
    spread = _spread(seen, explained, np.isfinite(variance))
    return Turn(R, np.sqrt(variance), residual, explained, wanders, spread)


def _wander(
    seen: Background, R: Float[np.ndarray, "time 3 3"], residual_px: Float[np.ndarray, " time"]
) -> Float[np.ndarray, " id"]:
    """How far each point's direction in the reference frame strays from its mean [px], by id.

    Root mean square over all frames that are not torn; infinite for points that last too short.
    """
    fits = np.nan_to_num(residual_px, nan=np.inf) <= TORN_PX
    t, slot = np.nonzero((seen.ids >= 0) & fits[:, None])
    held, num = seen.ids[t, slot], int(seen.ids.max(initial=-1)) + 1
    direction = np.einsum("nij,nj->ni", R[t], _unit(seen.rays[t, slot]))
    life = np.bincount(held, minlength=num)
    summed = np.stack([np.bincount(held, column, num) for column in direction.T], axis=1)
    mean = summed / np.maximum(life, 1)[:, None]
    away = ((direction - mean[held]) ** 2).sum(axis=1)
    rms_px = np.sqrt(np.bincount(held, away, num) / np.maximum(life, 1)) * seen.focal_px
    return np.where(life >= MIN_LIFE_FRAMES, rms_px, np.inf)


def _spread(
    seen: Background, explained: Bool[np.ndarray, " id"], known: Bool[np.ndarray, " time"]
) -> float:
    """Share of the known frames in which the explained points lie all over the picture."""
    kept = seen.keep(explained)
    frames = np.flatnonzero(known).tolist()
    found = [
        kept.is_spread(t, kept.held(t)) or kept.num_cells(t, kept.held(t)) >= MIN_SPREAD_CELLS
        for t in frames
    ]
    return float(np.mean(found)) if found else 0.0


def _key_for(seen: Background, keys: list[int], t: int) -> int | None:
    """The earliest key frame that still shares enough points."""
    for key in keys:
        num_there = len(seen.held(key))
        is_enough = len(seen.shared(key, t)) >= MIN_SHARED * num_there
        if is_enough and seen.is_comparable(key, t):
            return key
    return None


def _last_fitting(seen: Background, residual_px: Float[np.ndarray, " time"], t: int) -> int | None:
    """The last frame before, of a few, that fits and can be compared."""
    before = range(t - 1, max(-1, t - 1 - MAX_BRIDGE_FRAMES), -1)
    return next(
        (k for k in before if residual_px[k] <= INLIER_PX and seen.is_comparable(k, t)), None
    )


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
    one = rng.integers(len(a), size=_NUM_GUESSES)
    pairs = np.stack([one, (one + rng.integers(1, len(a), size=_NUM_GUESSES)) % len(a)], axis=1)
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
    independent = scale_px**2 * float(np.trace(np.linalg.pinv(normal)))
    common = (COMMON_ERROR * scale_px / focal_px) ** 2
    return R, independent + common, residuals_px(R, rays_key, rays_now, focal_px)


def residuals_px(
    R_now_key: Float[np.ndarray, "3 3"],
    rays_key: Float[np.ndarray, "point 2"],
    rays_now: Float[np.ndarray, "point 2"],
    focal_px: float,
) -> Float[np.ndarray, " point"]:
    """Distance of points from where a rotation puts them; infinite for those behind the camera."""
    away = np.linalg.norm(_project(_unit(rays_key) @ R_now_key.T) - rays_now, axis=1) * focal_px
    return np.asarray(np.nan_to_num(away, nan=np.inf))


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
