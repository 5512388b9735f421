"""What a joint trajectory should do, as a least-squares cost over all frames together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from retarget.interior_point import Linearised
from retarget.kinematics import pose_error
from retarget.robot import Robot

REFERENCE_INTERVAL_S = 1.0 / 30.0
"""Weights are per this much time, so that a faster camera does not weigh more."""
MAX_FRAME_INTERVAL_S = 0.1
"""A frame beside a long gap stands for no more time than this."""


@dataclass(frozen=True)
class TrajectoryWeights:
    """1-sigma that each wish is held with; smaller is stricter."""

    position_m: float = 1e-3
    """Distance to the wanted position [m]."""
    rotation_rad: float = 0.01
    """Angle to the wanted rotation [rad]."""
    acceleration: float = 30.0
    """Joint acceleration [rad/s^2]: it settles what a redundant arm may choose freely."""
    home: float = 3.0
    """Distance of each joint to its home value [rad]."""
    robust: float = 5.0
    """Errors beyond this many sigma pull with constant force."""
    far_m: float = 0.1
    """Distance beyond which a target's pull fades [m]: coming a little nearer to one that is out of
    reach must not cost a neighbour that is within."""
    far_rad: float = 1.0
    """The same for the angle to the wanted rotation [rad]."""


@dataclass(frozen=True, eq=False)
class Targets:
    """End-effector poses in the robot's base frame, on the clip's clock."""

    R: Float[np.ndarray, "time 3 3"]
    """Wanted rotations; any rotation where there is no target."""
    p_m: Float[np.ndarray, "time 3"]
    """Wanted positions [m]; any where there is no target."""
    time_s: Float[np.ndarray, " time"]
    """Frame times [s], increasing."""
    is_wanted: Bool[np.ndarray, " time"]
    """Frames that have a target; the others are bridged smoothly."""


class Objective:
    """Robust target errors, joint accelerations and distance to the home pose."""

    def __init__(self, robot: Robot, targets: Targets, weights: TrajectoryWeights) -> None:
        self.robot, self.targets, self.weights = robot, targets, weights
        self.frame_weight = _seconds_per_frame(targets.time_s) / REFERENCE_INTERVAL_S
        curvature = acceleration_bands(targets.time_s, self.frame_weight)
        self.curvature = curvature / weights.acceleration**2

    def linearise(self, joints: Float[np.ndarray, "time joint"]) -> Linearised:
        """The cost's gradient and Gauss-Newton Hessian at these joint values."""
        num_joints = joints.shape[1]
        blocks, gradient = self._target_terms(joints)
        bands = np.zeros((2 * num_joints + 1, *joints.shape))
        for j in range(num_joints):
            bands[: num_joints - j, :, j] = blocks[:, j:, j].T
        pull = (self.frame_weight / self.weights.home**2)[:, None]
        bands[0] += pull
        for order, band in enumerate(self.curvature):
            bands[order * num_joints] += band[:, None]
        gradient += pull * (joints - self.robot.home) + banded_product(self.curvature, joints)
        return Linearised(bands, gradient)

    def _target_terms(self, joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Hessian block of each frame, and gradient, of following the targets.

        Iteratively reweighted least squares: the weight of a pseudo-Huber loss (Hartley and
        Zisserman 2004, A6.8) for small and middle errors, times that of a Cauchy loss for far ones.
        """
        w = self.weights
        reached = self.robot.chain.pose(joints, jacobian=True)
        error = pose_error(reached, self.targets.R, self.targets.p_m)
        position2, rotation2 = (error[:, :3] ** 2).sum(axis=1), (error[:, 3:] ** 2).sum(axis=1)
        present = self.frame_weight * self.targets.is_wanted
        present /= 1.0 + position2 / w.far_m**2 + rotation2 / w.far_rad**2
        weight = np.empty_like(error)
        weight[:, :3] = _huber(present, position2, w.position_m, w.robust)
        weight[:, 3:] = _huber(present, rotation2, w.rotation_rad, w.robust)
        assert reached.J is not None
        Jt = np.swapaxes(reached.J * weight[:, :, None], 1, 2)
        return Jt @ reached.J, -(Jt @ error[:, :, None])[:, :, 0]


def _huber(
    present: np.ndarray, error2: np.ndarray, sigma: float, robust: float
) -> Float[np.ndarray, "time 1"]:
    return (present / np.sqrt(1.0 + error2 / (sigma * robust) ** 2) / sigma**2)[:, None]


def acceleration_bands(
    time_s: Float[np.ndarray, " time"], weight: Float[np.ndarray, " time"]
) -> Float[np.ndarray, "3 time"]:
    """Bands of the matrix A with `x @ A @ x` the weighted sum of squared accelerations of x.

    Row k holds `A[t + k, t]`. The acceleration at a frame is the second derivative of the parabola
    through it and its neighbours, which honours an irregular clock.
    """
    bands = np.zeros((3, len(time_s)))
    if len(time_s) < 3:
        return bands
    before, after = np.diff(time_s)[:-1], np.diff(time_s)[1:]
    both = before + after
    stencil = 2.0 / np.stack([before * both, -before * after, after * both])
    inner = weight[1:-1]
    for a in range(3):
        for b in range(a + 1):
            bands[a - b, b : len(inner) + b] += inner * stencil[a] * stencil[b]
    return bands


def banded_product(
    bands: Float[np.ndarray, "order time"], x: Float[np.ndarray, "time joint"]
) -> Float[np.ndarray, "time joint"]:
    """A symmetric banded matrix, given by its lower bands, times each column of x."""
    out = bands[0][:, None] * x
    for k in range(1, min(len(bands), len(x))):
        band = bands[k][:-k, None]
        out[k:] += band * x[:-k]
        out[:-k] += band * x[k:]
    return out


def _seconds_per_frame(time_s: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
    """How much time each frame stands for [s]: half of the way to both neighbours."""
    if len(time_s) == 1:
        return np.full(1, REFERENCE_INTERVAL_S)
    steps = np.minimum(np.diff(time_s), MAX_FRAME_INTERVAL_S)
    return 0.5 * (np.append(steps[0], steps) + np.append(steps, steps[-1]))
