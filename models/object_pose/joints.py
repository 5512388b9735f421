"""By which joint a part hangs on the scene: revolute, prismatic, or none, from how it moved.

Screw models (a turn about one line, a shift along one) are fitted to the whole path of poses by
least squares over points of the part; which one holds is asked of the noise, not of the better fit:
a door that was opened by two degrees is as well a drawer, and then neither is said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3

JointKind = Literal["revolute", "prismatic", "free", "still", "unknown"]
MOST_FRAMES = 60
"""Frames that take part in the fit, evenly over the clip."""
FEWEST_FRAMES = 8
BIAS_M, BIAS_RAD = 0.002, np.radians(0.7)
"""Errors of poses that neighbors share, 1-sigma, beside what they jitter by."""
STILL_M, STILL_RAD = 0.008, np.radians(2.5)
"""A part that moved less is still."""
LEAST_TRAVEL_M = 0.02
"""Way of a part's farthest point that a joint can be told from."""
LEAST_TURN_RAD = np.radians(6.0)
"""Turn from which a hinge can be told."""
LEAST_RADIUS_M = 1.0
"""What may, by its noise, turn about a line nearer than so is not said to slide."""
FITS_SIGMAS = 2.5
"""Root mean square of a fit over the noise up to which it holds."""
FRAMES_PER_SAMPLE = 6.0
"""Frames whose errors are one error."""


@dataclass(frozen=True, eq=False)
class Joint:
    """How a part moved against the scene, in the frame of its poses."""

    kind: JointKind
    why: str
    """What speaks for it, or why nothing is said."""
    axis: Float[np.ndarray, " 3"]
    """Direction of the line about or along which it moves, of length 1; it opens in the positive
    sense. NaN where there is none."""
    point_m: Float[np.ndarray, " 3"]
    """Of a revolute joint the point of the line that is nearest to the part [m]; else NaN."""
    sigma_axis_rad: float
    sigma_point_m: float
    low: float
    """Least position that was seen [rad or m], counted from where it rested first."""
    high: float
    """Greatest position."""
    sigma_range: float
    """1-sigma of their difference."""
    rms_m: float
    """Root mean square distance of the part's points from where the joint has them [m]."""


def joint(
    T: Float[np.ndarray, "time 4 4"],
    sigma_rotation_rad: Float[np.ndarray, " time"],
    size_m: float,
) -> Joint:
    """The joint of a part whose poses these are, frames in which it is not known left out.

    Args:
        T: Poses of the part in the frame of the scene.
        sigma_rotation_rad: 1-sigma of their rotation.
        size_m: Half of the part's extent: where the points lie that are compared.
    """
    if len(T) < FEWEST_FRAMES:
        return _none("unknown", f"its pose is known in {len(T)} frames")
    which = np.unique(np.linspace(0, len(T) - 1, MOST_FRAMES).astype(int))
    path = _Path.of(T[which], size_m)
    sigma_rad = float(np.hypot(np.median(sigma_rotation_rad), BIAS_RAD))
    noise_m = float(np.hypot(path.jitter_m, BIAS_M))
    travel_m, turn_rad = path.travel_m, path.turn_rad
    if travel_m < STILL_M and turn_rad < STILL_RAD:
        return _none("still", f"it moved {1e3 * travel_m:.0f} mm at most")
    if travel_m < LEAST_TRAVEL_M:
        return _none("unknown", f"it moved {1e3 * travel_m:.0f} mm at most, too little to tell")
    slide, hinge = path.slide(), path.hinge() if turn_rad > 2 * sigma_rad else None
    limit = FITS_SIGMAS * noise_m
    slides = slide.rms_m < limit and turn_rad < max(3 * sigma_rad, STILL_RAD)
    hinges = hinge is not None and hinge.rms_m < limit and turn_rad > LEAST_TURN_RAD
    if hinge is not None and hinges and not (slides and slide.rms_m < 1.5 * hinge.rms_m):
        return hinge.joint("revolute", noise_m)
    if slides and travel_m / (turn_rad + 2 * sigma_rad) > LEAST_RADIUS_M:
        return slide.joint("prismatic", noise_m)
    if slides or hinges or (hinge is not None and hinge.rms_m < limit):
        why = f"it moved {1e3 * travel_m:.0f} mm and {np.degrees(turn_rad):.1f} degrees"
        return _none("unknown", f"{why}: too little to tell a hinge from a slide")
    best_mm = 1e3 * min(slide.rms_m, np.inf if hinge is None else hinge.rms_m)
    return _none(
        "free", f"no line explains its path: {best_mm:.0f} mm off, {1e3 * limit:.0f} allowed"
    )


def _none(kind: JointKind, why: str) -> Joint:
    nothing = np.full(3, np.nan)
    return Joint(kind, why, nothing, nothing, *[np.nan] * 6)


@dataclass(frozen=True, eq=False)
class _Fit:
    """A screw model that was fitted."""

    path: _Path
    axis: np.ndarray
    point: np.ndarray
    position: np.ndarray
    rms_m: float
    covariance: np.ndarray
    """Of two turns of the axis and, of a hinge, two shifts of its line, for unit noise."""

    def joint(self, kind: JointKind, noise_m: float) -> Joint:
        q, sign = self.position, 1.0
        rest = float(np.median(q[:3]))
        if abs(q.min() - rest) > abs(q.max() - rest):
            sign = -1.0
        q = sign * (q - rest)
        scale = max(noise_m, self.rms_m) ** 2 * FRAMES_PER_SAMPLE
        sigma = np.sqrt(np.maximum(np.diag(self.covariance), 0) * scale)
        lever_m = self.path.lever_m(self.axis, self.point) if kind == "revolute" else 1.0
        axis = sign * self.axis
        nothing = np.full(3, np.nan)
        low, high = np.quantile(q, [0.02, 0.98])
        return Joint(
            kind=kind,
            why=f"its path fits to {1e3 * self.rms_m:.1f} mm",
            axis=axis,
            point_m=self.point if kind == "revolute" else nothing,
            sigma_axis_rad=float(np.hypot(sigma[0], sigma[1])),
            sigma_point_m=float(np.hypot(sigma[2], sigma[3])) if kind == "revolute" else np.nan,
            low=float(low),
            high=float(high),
            sigma_range=float(np.sqrt(2) * noise_m / lever_m),
            rms_m=self.rms_m,
        )


@dataclass(frozen=True, eq=False)
class _Path:
    """Points of the part over time."""

    points: Float[np.ndarray, "time point 3"]
    T: Float[np.ndarray, "time 4 4"]
    own: Float[np.ndarray, "point 3"]

    @classmethod
    def of(cls, T: np.ndarray, size_m: float) -> _Path:
        own = size_m * np.concatenate([np.eye(3), -np.eye(3)])
        return cls(se3.apply(T, np.tile(own, (len(T), 1, 1))), T, own)

    @property
    def jitter_m(self) -> float:
        """What neighbors differ by that no smooth motion explains, of one coordinate."""
        bent = self.points[2:] - 2 * self.points[1:-1] + self.points[:-2]
        return float(1.48 * np.median(np.abs(bent)) / np.sqrt(6))

    @property
    def travel_m(self) -> float:
        """Way of the farthest point from where it rested first; single frames do not count."""
        away = np.linalg.norm(self.points - np.median(self.points[:3], axis=0), axis=2).max(axis=1)
        return float(np.quantile(away, 0.95))

    @property
    def turn_rad(self) -> float:
        """Greatest turn from the first frames, single ones left out."""
        turns = se3.angle_between(self.T[1, :3, :3][None], self.T[:, :3, :3])
        return float(np.quantile(turns, 0.95) - np.median(turns[:3]))

    def lever_m(self, axis: np.ndarray, point: np.ndarray) -> float:
        away = self.points - point
        across = away - (away @ axis)[..., None] * axis
        return float(np.linalg.norm(across, axis=2).max())

    def slide(self) -> _Fit:
        """The line along which the part shifts without a turn."""
        middle = self.points.mean(axis=1)
        _, _, axes = np.linalg.svd(middle - middle.mean(axis=0))
        start = np.concatenate([np.zeros(8)])
        frame = _frame_of(axes[0])

        def residuals(x: np.ndarray) -> np.ndarray:
            axis = frame @ se3.exp_so3(np.array([x[0], x[1], 0.0])) @ [0, 0, 1.0]
            rest = self._rest(x[2:8])
            q = ((self.points - rest) @ axis).mean(axis=1)
            return np.asarray((self.points - rest - q[:, None, None] * axis).ravel())

        x, rms, covariance = _least(residuals, start)
        axis = frame @ se3.exp_so3(np.array([x[0], x[1], 0.0])) @ [0, 0, 1.0]
        q = ((self.points - self._rest(x[2:8])) @ axis).mean(axis=1)
        return _Fit(self, axis, np.full(3, np.nan), q, rms, covariance[:2, :2])

    def hinge(self) -> _Fit:
        """The line about which the part turns."""
        axis, point = self._first_hinge()
        frame = _frame_of(axis)

        def line(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            tilted = frame @ se3.exp_so3(np.array([x[0], x[1], 0.0]))
            return tilted[:, 2], point + frame[:, :2] @ x[2:4]

        def turned(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            a, c = line(x)
            rest = self._rest(x[4:10]) - c
            now = self.points - c
            flat_rest, flat = rest - (rest @ a)[:, None] * a, now - (now @ a)[..., None] * a
            sin = (np.cross(flat_rest[None], flat) @ a).sum(axis=1)
            cos = (flat_rest[None] * flat).sum(axis=(1, 2))
            q = np.arctan2(sin, cos)
            R = se3.exp_so3(q[:, None] * a)
            return q, now - np.einsum("tij,pj->tpi", R, rest)

        x, rms, covariance = _least(lambda x: turned(x)[1].ravel(), np.zeros(10))
        a, c = line(x)
        nearest = c + ((self.points.mean(axis=(0, 1)) - c) @ a) * a
        return _Fit(self, a, nearest, np.unwrap(turned(x)[0]), rms, covariance[:4, :4])

    def _rest(self, x: np.ndarray) -> np.ndarray:
        """The points where it rested first, moved by a small turn and shift."""
        rest = np.median(self.points[:3], axis=0)
        middle = rest.mean(axis=0)
        return np.asarray((rest - middle) @ se3.exp_so3(x[:3]).T + middle + x[3:])

    def _first_hinge(self) -> tuple[np.ndarray, np.ndarray]:
        """From the turns between the rest and all frames: (I - R) c = t for a point on the line."""
        D = self.T @ se3.inverse(self.T[1])
        turns = se3.log_so3(D[:, :3, :3])
        _, _, axes = np.linalg.svd(turns)
        axis = axes[0]
        far = np.linalg.norm(turns, axis=1) > 0.3 * np.linalg.norm(turns, axis=1).max()
        A = np.concatenate([*(np.eye(3) - D[far, :3, :3]), 0.1 * axis[None]])
        b = np.concatenate([D[far, :3, 3].ravel(), [0.1 * axis @ self.points.mean(axis=(0, 1))]])
        return axis, np.linalg.lstsq(A, b, rcond=None)[0]


def _frame_of(axis: np.ndarray) -> np.ndarray:
    """A rotation whose third column is the axis."""
    other = np.eye(3)[int(np.argmin(np.abs(axis)))]
    x = np.cross(other, axis)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(axis, x), axis], axis=1)


def _least(
    residuals: Callable[[np.ndarray], np.ndarray], start: np.ndarray
) -> tuple[np.ndarray, float, np.ndarray]:
    """Least squares, outliers counted linearly; the fit's rms and covariance for unit noise."""
    from scipy.optimize import least_squares

    found = least_squares(residuals, start, loss="soft_l1", f_scale=0.004, x_scale="jac")
    r = residuals(found.x)
    covariance = np.linalg.pinv(found.jac.T @ found.jac)
    return found.x, float(np.sqrt(3 * np.mean(r**2))), covariance
