"""The pose of one frame: surface, outline, followed corners and the frame before, weighed together.

Gauss and Newton's method on a turn and a shift of the seen points in the model's frame. Surface:
seen points lie on the model (point to plane). Outline: where the sensor sees past the model, the
model sticks out, and is drawn back to what is seen. The second tells what the first cannot: how far
along itself a cylinder lies, how a plate is turned.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.object_pose.landmarks import Followed
from rotoscope.models.object_pose.seen import Lens, SeenThing
from rotoscope.models.object_pose.surface import Model
from rotoscope.pipeline.geometry import se3

MOST_POINTS = 350
"""Points of a frame that take part, and of the model; more cost time and tell the same."""
REACHES_VOXELS = (6.0, 6.0, 4.0, 4.0, 2.5, 2.5, 2.5, 2.5)
"""How far a point may be from the model in each step [voxels]."""
FACING = 0.5
"""Cosine of the angle between a seen normal and the model's from which they may be one surface."""
LEAST_NOISE_M = 0.001
SHARED_POINTS = 6.0
"""Points whose errors are one error: noise of depth comes in blobs, and the model has its own."""
NORMAL_NOISE_RAD = 0.12
"""Error of estimated normals along each axis: without taking it out, a ball would seem to show how
it is turned."""
LEAST_INFORMATION = np.diag([0.1] * 3 + [1.0] * 3)
"""What is always known: a thing is turned within 3 rad and lies within a meter."""
OUTLINE_MARGIN_M = 0.012
"""What is seen so far behind a point of the model is seen past it [m]."""
OUTLINE_SIGMA_M, OUTLINE_REACH_M = 0.004, 0.04
BESIDE_SIGMA_M = 0.012
"""The same where only the segment says so: segments lose parts."""
SHARED_OUTLINE = 4.0
MISFIT_REACH_VOXELS, MOST_SIGMAS = 2.5, 4.0
"""What is farther from the model, or off by more, counts as so much where poses are compared."""


@dataclass(frozen=True, eq=False)
class View:
    """A frame of the thing as the solver wants it."""

    seen: SeenThing
    lens: Lens
    depth_m: Float[np.ndarray, "height width"]
    beside: Bool[np.ndarray, "height width"] | None = None
    """Pixels that are surely not the thing: a drawer's front ends where its segment does, though
    depth goes on there."""


@dataclass(frozen=True, eq=False)
class Guess:
    """A pose that something else says, with its information of (turn, shift) in the model."""

    T_model_camera: Float[np.ndarray, "4 4"]
    information: Float[np.ndarray, "6 6"]


@dataclass(frozen=True, eq=False)
class Settled:
    """A frame's pose on the model."""

    T_model_camera: Float[np.ndarray, "4 4"]
    covariance: Float[np.ndarray, "6 6"]
    """Of (turn [rad], shift [m]) about the model's origin, along the model's axes."""
    share: float
    """Seen points that lie on the model."""
    outside: float
    """Points of the model that stick out of what is seen, as a share of those that would show."""
    rms_m: float
    """Distance of the seen points to the model's surface."""


def settle(
    view: View,
    model: Model,
    T_start: Float[np.ndarray, "4 4"],
    others: list[Guess | Followed],
    reaches: tuple[float, ...] = REACHES_VOXELS,
) -> Settled:
    """The pose near a start that all agree on best."""
    problem = Problem(view, model)
    T, told = T_start, np.zeros((6, 6))
    for reach in reaches:
        H, b, told = problem.normal_equations(T, reach * model.voxel_m)
        for other in others:
            D = other.T_model_camera @ se3.inverse(T)
            H, told = H + other.information, told + other.information
            b = b + other.information @ np.concatenate([se3.log_so3(D[:3, :3]), D[:3, 3]])
        x = np.linalg.solve(H + 1e-3 * np.diag(np.diag(H)) + 1e-6 * np.eye(6), b)
        T = se3.make(se3.exp_so3(x[:3]), x[3:]) @ T
        if np.abs(x[:3]).max() < 5e-4 and np.abs(x[3:]).max() < 1e-4 and reach == reaches[-1]:
            break
    share, outside, rms_m = problem.fit(T, reaches[-1] * model.voxel_m)
    return Settled(T, np.linalg.inv(told + LEAST_INFORMATION), share, outside, rms_m)


class Problem:
    """The residuals of a frame against a model."""

    def __init__(self, view: View, model: Model) -> None:
        from scipy.spatial import KDTree

        seen = view.seen
        step = max(1, len(seen.points_m) // MOST_POINTS)
        self.points, self.normals = seen.points_m[::step], seen.normals[::step]
        self.tree = KDTree(seen.points_m)
        step = max(1, len(model.points_m) // MOST_POINTS)
        self.own, self.own_normals = model.points_m[::step], model.normals[::step]
        self.view, self.model = view, model

    def normal_equations(
        self, T: Float[np.ndarray, "4 4"], reach_m: float
    ) -> tuple[Float[np.ndarray, "6 6"], Float[np.ndarray, " 6"], Float[np.ndarray, "6 6"]]:
        """J' W J, -J' W r, and of the first what is told truly: noise of normals tells nothing."""
        p, n, r = self._surface(T, reach_m)
        H, b, told = np.zeros((6, 6)), np.zeros(6), np.zeros((6, 6))
        if len(r) > 6:
            noise_m = float(np.clip(1.48 * np.median(np.abs(r)), LEAST_NOISE_M, reach_m))
            w = _tukey(r, 4 * noise_m) / (noise_m**2 * SHARED_POINTS)
            J = np.concatenate([np.cross(p, n), n], axis=1)
            H, b = (J * w[:, None]).T @ J, -(J * w[:, None]).T @ r
            told = without_feigned(H, p, w)
        p, d, r, sigma_m = self._outline(T)
        if len(r):
            w = _tukey(r, OUTLINE_REACH_M) / (sigma_m**2 * SHARED_OUTLINE)
            J = np.concatenate([np.cross(p, d), d], axis=1)
            H, b = H + (J * w[:, None]).T @ J, b - (J * w[:, None]).T @ r
            told = told + (J * (w * opposed(d, w))[:, None]).T @ J
        return H, b, told

    def fit(self, T: Float[np.ndarray, "4 4"], reach_m: float) -> tuple[float, float, float]:
        """Share on the model, share of the model that sticks out, and rms [m]."""
        _, _, r = self._surface(T, reach_m)
        past, _, shows, _ = self._sticks_out(T)
        rms = float(np.sqrt(np.mean(r**2))) if len(r) else np.inf
        return len(r) / len(self.points), int(past.sum()) / max(int(shows.sum()), 1), rms

    def misfit(self, T: Float[np.ndarray, "4 4"]) -> float:
        """Twice the negative log likelihood of a pose, but for a constant."""
        _, _, r = self._surface(T, MISFIT_REACH_VOXELS * self.model.voxel_m)
        off = np.minimum((r / LEAST_NOISE_M) ** 2, MOST_SIGMAS**2).sum()
        off += MOST_SIGMAS**2 * (len(self.points) - len(r))
        _, _, away, sigma_m = self._outline(T)
        out = (np.minimum(away / sigma_m, MOST_SIGMAS) ** 2).sum()
        return float(off / SHARED_POINTS + out / SHARED_OUTLINE)

    def _surface(self, T: np.ndarray, reach_m: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        p = se3.apply(T, self.points)
        away, nearest = self.model.tree.query(p, distance_upper_bound=reach_m)
        found = np.flatnonzero(np.isfinite(away))
        n = self.model.normals[nearest[found]]
        facing = ((self.normals[found] @ T[:3, :3].T) * n).sum(axis=1) > FACING
        found, n = found[facing], n[facing]
        p = p[found]
        return p, n, ((p - self.model.points_m[nearest[found]]) * n).sum(axis=1)

    def _sticks_out(self, T: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Which of the model's points are seen past, beside, at all; and all in the camera."""
        back = se3.inverse(T)
        in_camera = se3.apply(back, self.own)
        n = self.own_normals @ back[:3, :3].T
        facing = (n * in_camera).sum(axis=1) < -0.2 * np.linalg.norm(in_camera, axis=1)
        measured, px = self.view.lens.depth_at(self.view.depth_m, in_camera)
        past = facing & (measured > in_camera[:, 2] + OUTLINE_MARGIN_M)
        shows = facing & (measured > in_camera[:, 2] - OUTLINE_MARGIN_M)
        beside = np.zeros(len(past), bool)
        if self.view.beside is not None:
            at = np.where(shows[:, None], px, 0).astype(int)
            beside = shows & ~past & self.view.beside[at[:, 1], at[:, 0]]
        return past, beside, shows, in_camera

    def _outline(self, T: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Seen points nearest to what sticks out, where to, how far, and 1-sigma of that."""
        past, beside, _, in_camera = self._sticks_out(T)
        out = past | beside
        _, nearest = self.tree.query(in_camera[out])
        p = se3.apply(T, self.view.seen.points_m[nearest])
        d = p - self.own[out]
        away = np.linalg.norm(d, axis=1)
        sigma_m = np.where(past[out], OUTLINE_SIGMA_M, BESIDE_SIGMA_M)
        keep = away > 1e-6
        return p[keep], d[keep] / away[keep, None], away[keep], sigma_m[keep]


def _tukey(r: np.ndarray, reach: float) -> np.ndarray:
    return np.where(np.abs(r) < reach, (1 - (r / reach) ** 2) ** 2, 0.0)


def opposed(
    d: Float[np.ndarray, "point 3"], w: Float[np.ndarray, " point"]
) -> Float[np.ndarray, " point"]:
    """How much of each pull of the outline others pull against, 0 to 1.

    What sticks out on one side is drawn back; if the other side is hidden, nothing says how far.
    """
    along = d @ d.T
    same, against = np.maximum(along, 0) @ w, np.maximum(-along, 0) @ w
    return np.asarray(np.minimum(1.0, against / np.maximum(same, 1e-12)))


def without_feigned(
    H: Float[np.ndarray, "6 6"],
    points: Float[np.ndarray, "point 3"],
    w: Float[np.ndarray, " point"],
) -> Float[np.ndarray, "6 6"]:
    """Information of point-to-plane residuals about the origin, less what noise of normals feigns.

    A normal that is off by a random angle e along each axis adds, in the mean, e^2 in every
    direction that it does not show. It is taken off about the points' own middle, where turns and
    shifts are told apart, and where what remains is below nothing it is nothing.
    """
    middle = (points * w[:, None]).sum(axis=0) / w.sum()
    rest = points - middle
    to_middle = np.eye(6)
    to_middle[:3, 3:] = -se3.hat(middle)
    var = NORMAL_NOISE_RAD**2
    moments = (rest * w[:, None]).T @ rest
    feigned = np.zeros((6, 6))
    feigned[:3, :3] = var * (np.trace(moments) * np.eye(3) - moments)
    feigned[3:, 3:] = var * w.sum() * np.eye(3)
    # Turns are counted as the shift of a point at the mean distance, so that all have one unit.
    size_m = max(float(np.sqrt(np.trace(moments) / w.sum())), 1e-3)
    unit = np.array([1 / size_m] * 3 + [1.0] * 3)
    values, axes = np.linalg.eigh((to_middle @ H @ to_middle.T - feigned) * np.outer(unit, unit))
    clean = ((axes * np.maximum(values, 0)) @ axes.T) / np.outer(unit, unit)
    back = np.linalg.inv(to_middle)
    return np.asarray(back @ clean @ back.T)
