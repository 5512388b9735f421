"""SMPL-X parameters of a clip from joint positions, by Gauss-Newton over many frames at once.

The objective is SMPLify's (Bogo et al. 2016) with positions in space instead of image points:
distances with a robust loss, a prior on the pose, one on knees and elbows that bend the wrong way,
one on the shape; and smoothness, in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.smplx.initial_guess import first_guess
from rotoscope.models.smplx.model import SmplxModel, pose_body, pose_derivative, shape_derivative
from rotoscope.models.smplx.prior import POSE_WEIGHT, overstretch
from rotoscope.pipeline.motion.smpl_joints import BODY

_ROBUST = 3.0
"""Distances beyond this many sigmas count linearly."""
_SHAPE_FRAMES = 120
"""Frames, spread over the clip, that the shape is found from."""
_WINDOW_FRAMES = 240
"""Frames whose poses are found at once, to bound memory (about 0.3 MB a frame)."""
_LEAST_GAIN = 1e-5
"""Relative decrease of the objective below which it is at its minimum."""
_DAMPING = 1e-3
_ROOT = 3
_NUM = 3 * len(BODY) + 3


@dataclass(frozen=True)
class FitSettings:
    """How far joints and changes of pose are believed."""

    sigma_m: float = 0.01
    """1-sigma of a joint's position [m]."""
    sigma_turn: float = 1.0
    """How far a joint turns in a second by chance [rad], growing with the root of time."""
    max_iterations: int = 30
    """Most steps of Gauss-Newton."""


@dataclass(frozen=True, eq=False)
class SmplxFit:
    """Parameters of a clip, and how well they fit."""

    betas: Float[np.ndarray, " shape"]
    """Shape."""
    pose: Float[np.ndarray, "time 22 3"]
    """Rotation vectors of the body joints [rad], the pelvis first."""
    transl_m: Float[np.ndarray, "time 3"]
    """Translation [m]."""
    joint_error_m: Float[np.ndarray, " time"]
    """Root mean square distance to the joints that are known [m]."""


def fit_smplx(
    model: SmplxModel,
    joints_m: Float[np.ndarray, "time body_joint 3"],
    time_s: Float[np.ndarray, " time"],
    *,
    settings: FitSettings | None = None,
) -> SmplxFit:
    """Parameters whose joints lie closest to those seen.

    The shape is found together with the poses of frames spread over the clip; then all poses with
    that shape.

    Args:
        model: The body model.
        joints_m: `BODY_JOINTS` [m], NaN where missing; hips and shoulders known in every frame.
        time_s: Time of each frame [s]; gaps are bridged by smoothness over their true length.
        settings: How far joints and changes of pose are believed.
    """
    settings = settings or FitSettings()
    pose, transl_m = first_guess(model.rest, joints_m)
    spread = np.unique(np.linspace(0, len(time_s) - 1, _SHAPE_FRAMES).round().astype(int))
    problem = _Problem(model, joints_m[spread], time_s[spread], settings, free_shape=True)
    betas, *_ = problem.solve(np.zeros(model.num_betas), pose[spread], transl_m[spread])
    before: tuple[float, np.ndarray] | None = None
    for first in range(0, len(time_s), _WINDOW_FRAMES):
        rows = slice(first, first + _WINDOW_FRAMES)
        problem = _Problem(model, joints_m[rows], time_s[rows], settings, before=before)
        _, pose[rows], transl_m[rows] = problem.solve(betas, pose[rows], transl_m[rows])
        before = (time_s[rows][-1], pose[rows][-1])
    seen = np.isfinite(joints_m).all(axis=2) & model.mixing.any(axis=1)
    away = pose_body(model, betas, pose, transl_m).joints_m - np.nan_to_num(joints_m)
    square = np.sum(away**2, axis=2) * seen
    error_m = np.sqrt(square.sum(axis=1) / np.maximum(seen.sum(axis=1), 1))
    return SmplxFit(betas, pose, transl_m, error_m)


class _Problem:
    """The frames of one minimization."""

    def __init__(
        self,
        model: SmplxModel,
        joints_m: np.ndarray,
        time_s: np.ndarray,
        settings: FitSettings,
        *,
        free_shape: bool = False,
        before: tuple[float, np.ndarray] | None = None,
    ) -> None:
        self.model, self.settings, self.free_shape = model, settings, free_shape
        self.seen: Bool[np.ndarray, "time body_joint"] = np.isfinite(joints_m).all(axis=2)
        self.seen = self.seen & model.mixing.any(axis=1)
        self.target_m = np.nan_to_num(joints_m)
        first_s = time_s[:1] if before is None else np.array([before[0]])
        steps_s = np.diff(time_s, prepend=first_s)
        self.before = None if before is None else before[1]
        # Weight of the change from the frame before; none for a first frame without one.
        self.link = 1.0 / (settings.sigma_turn**2 * np.where(steps_s > 0, steps_s, np.inf))

    def solve(
        self, betas: np.ndarray, pose: np.ndarray, transl_m: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Shape, pose and translation at the minimum."""
        damping = _DAMPING
        cost = self.cost(betas, pose, transl_m)
        for _ in range(self.settings.max_iterations):
            d_betas, d_pose, d_transl = self.step(betas, pose, transl_m, damping)
            trial = (betas + d_betas, pose + d_pose, transl_m + d_transl)
            trial_cost = self.cost(*trial)
            if trial_cost > cost:
                damping *= 10
                if damping > 1e6:
                    break
                continue
            gain, cost = (cost - trial_cost) / cost, trial_cost
            (betas, pose, transl_m), damping = trial, max(damping / 5, 1e-6)
            if gain < _LEAST_GAIN:
                break
        return betas, pose, transl_m

    def cost(self, betas: np.ndarray, pose: np.ndarray, transl_m: np.ndarray) -> float:
        away = pose_body(self.model, betas, pose, transl_m).joints_m - self.target_m
        square = np.sum(away**2, axis=2) / self.settings.sigma_m**2
        data = 2 * _ROBUST**2 * (np.sqrt(1 + square / _ROBUST**2) - 1) * self.seen
        change = np.sum(self._changes(pose) ** 2, axis=(1, 2)) * self.link
        body = pose[:, 1:]
        prior = np.sum(POSE_WEIGHT * body**2) + np.sum(overstretch(body)[0] ** 2)
        return float(data.sum() + change.sum() + prior + np.sum(betas**2))

    def step(
        self, betas: np.ndarray, pose: np.ndarray, transl_m: np.ndarray, damping: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One Gauss-Newton step, damped along the diagonal (Marquardt 1963)."""
        posed = pose_body(self.model, betas, pose, transl_m)
        away = (posed.joints_m - self.target_m) / self.settings.sigma_m
        square = np.sum(away**2, axis=2)
        # Derivative by s of the pseudo-Huber loss 2 c^2 (sqrt(1 + s / c^2) - 1), s the square.
        weight = self.seen / np.sqrt(1 + square / _ROBUST**2)
        J = pose_derivative(self.model, posed, pose) / self.settings.sigma_m
        J = (np.sqrt(weight)[..., None, None] * J).reshape(len(pose), -1, _NUM)
        r = (np.sqrt(weight)[..., None] * away).reshape(len(pose), -1)
        H = np.swapaxes(J, 1, 2) @ J
        g = (np.swapaxes(J, 1, 2) @ r[..., None])[..., 0]
        self._add_priors(H, g, pose)
        diagonal = np.einsum("tii->ti", H)
        diagonal *= 1 + damping
        if not self.free_shape:
            d = -solve_chain(H, self.link, g[..., None])[..., 0]
            return np.zeros_like(betas), d[:, :-3].reshape(pose.shape), d[:, -3:]
        S = shape_derivative(self.model, posed) / self.settings.sigma_m
        S = (np.sqrt(weight)[..., None, None] * S).reshape(len(pose), -1, len(betas))
        # Poses d and shape b together: H d + B b = -g, B^T d + C b = -c. Poses are eliminated, H
        # being banded (Schur complement): Y = H^-1 B and y = H^-1 g.
        B = np.swapaxes(J, 1, 2) @ S
        both = solve_chain(H, self.link, np.concatenate([B, g[..., None]], axis=2))
        Y, y = both[..., :-1], both[..., -1]
        C = np.einsum("tri,trj->ij", S, S, optimize=True) - np.einsum("tni,tnj->ij", B, Y)
        c = betas + np.einsum("tri,tr->i", S, r) - np.einsum("tni,tn->i", B, y)
        d_betas = -np.linalg.solve(C + np.eye(len(betas)), c)
        d = -y - Y @ d_betas
        return d_betas, d[:, :-3].reshape(pose.shape), d[:, -3:]

    def _changes(self, pose: np.ndarray) -> np.ndarray:
        before = pose[:1] if self.before is None else self.before[None]
        return np.diff(pose[:, 1:], axis=0, prepend=before[:, 1:])

    def _add_priors(self, H: np.ndarray, g: np.ndarray, pose: np.ndarray) -> None:
        body = slice(_ROOT, _NUM - 3)
        over, slope = overstretch(pose[:, 1:])
        # Each change costs link |x_t - x_(t-1)|^2: a slope for both frames, their common curvature
        # is beside the diagonal (`solve_chain`).
        push = self.link[:, None, None] * self._changes(pose)
        pull = np.concatenate([push[1:], np.zeros_like(push[:1])])
        gradient = POSE_WEIGHT * pose[:, 1:] + slope * over + push - pull
        g[:, body] += gradient.reshape(len(pose), -1)
        after = np.append(self.link[1:], 0.0)
        curvature = POSE_WEIGHT + slope**2 + (self.link + after)[:, None, None]
        diagonal = np.einsum("tii->ti", H)
        diagonal[:, body] += curvature.reshape(len(pose), -1)


def solve_chain(
    H: Float[np.ndarray, "time n n"],
    link: Float[np.ndarray, " time"],
    right: Float[np.ndarray, "time n k"],
) -> Float[np.ndarray, "time n k"]:
    """Solution of normal equations in which each frame is tied to the one before.

    `link[t]` ties the body pose of frame t to that of t - 1: minus it stands beside the diagonal
    blocks `H`, which hold it on their own diagonals already.
    """
    from scipy.linalg import solveh_banded

    num_frames, num = H.shape[:2]
    bands = np.zeros((num + 1, num_frames * num))
    for offset in range(num):
        rows = np.einsum("tii->ti", H[:, offset:, : num - offset])
        bands[offset].reshape(num_frames, num)[:, : num - offset] = rows
    tie = np.zeros((num_frames, num))
    tie[:-1, _ROOT : num - 3] = -link[1:, None]
    bands[num] = tie.ravel()
    solution = solveh_banded(bands, right.reshape(num_frames * num, -1), lower=True)
    return np.asarray(solution).reshape(right.shape)
