"""What a trajectory is asked for, frame by frame: terms of a robust least-squares cost.

Every term turns where the frames are into residual rows with their Jacobian and weight. Weights
are those of iteratively reweighted least squares: the weight of a pseudo-Huber loss (Hartley and
Zisserman 2004, A6.8), and where a `far` distance is given times that of a Cauchy loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int

from rotoscope.pipeline.geometry.arrays import Array, array_namespace
from rotoscope.pipeline.geometry.se3 import rotation_vector
from rotoscope.pipeline.geometry.vectors import dot
from rotoscope.retarget.kinematics.frames import FramePoses

Frames = Int[np.ndarray, " part"]
"""Numbers of frames."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Linearised residuals of some frames."""

    residual: Array
    """(time, row)."""
    jacobian: Array
    """How they change with each column, (time, column, row)."""
    weight: Array
    """1 over sigma squared, times what robustness leaves, (time, row)."""


@runtime_checkable
class CostTerm(Protocol):
    """One cost of a trajectory, by its residuals."""

    needs_rotations: ClassVar[bool]
    """Whether it reads how rotations change."""

    def rows(self, reached: FramePoses, frames: Frames) -> Rows:
        """Residuals of the frames that `reached` is about, which are `frames` of the clip."""


@dataclass(frozen=True, eq=False)
class PositionCost:
    """Frames at wanted positions."""

    needs_rotations: ClassVar[bool] = False

    frame_ids: list[int]
    """Frames that are followed."""
    target_m: Array
    """Wanted positions, (time, frame, 3) [m]."""
    weight: Array
    """Weight of each, 0 where there is no target, (time, frame)."""
    sigma_m: float
    """1-sigma [m]."""
    robust: float = 1e3
    """Errors beyond this many sigma pull with constant force."""

    def rows(self, reached: FramePoses, frames: Frames) -> Rows:
        """Position errors [m]."""
        error = reached.p_m[:, self.frame_ids] - self.target_m[frames]
        J = reached.J_p[:, :, self.frame_ids]
        return vector_rows(error, J, self.weight[frames], self.sigma_m, self.robust)


@dataclass(frozen=True, eq=False)
class VectorCost:
    """Vectors between frames, as in dex-retargeting's vector objective (Qin et al. 2023)."""

    needs_rotations: ClassVar[bool] = False

    origins: list[int]
    """Frames that the vectors begin at."""
    tips: list[int]
    """Frames that they end at."""
    target_m: Array
    """Wanted vectors, (time, vector, 3) [m]."""
    weight: Array
    """Weight of each, 0 where there is no target, (time, vector)."""
    sigma_m: float
    """1-sigma [m]."""
    robust: float = 1e3
    """Errors beyond this many sigma pull with constant force."""

    def rows(self, reached: FramePoses, frames: Frames) -> Rows:
        """Differences of vectors [m]."""
        p, J = reached.p_m, reached.J_p
        error = p[:, self.tips] - p[:, self.origins] - self.target_m[frames]
        J = J[:, :, self.tips] - J[:, :, self.origins]
        return vector_rows(error, J, self.weight[frames], self.sigma_m, self.robust)


@dataclass(frozen=True, eq=False)
class DistanceCost:
    """Distances between frames, whatever the direction."""

    needs_rotations: ClassVar[bool] = False

    origins: list[int]
    """Frames that the distances begin at."""
    tips: list[int]
    """Frames that they end at."""
    target_m: Array
    """Wanted distances, (time, distance) [m]."""
    weight: Array
    """Weight of each, 0 where there is no target, (time, distance)."""
    sigma_m: float
    """1-sigma [m]."""
    robust: float = 1e3
    """Errors beyond this many sigma pull with constant force."""

    def rows(self, reached: FramePoses, frames: Frames) -> Rows:
        """Differences of distances [m]."""
        xp = array_namespace(reached.p_m)
        between = reached.p_m[:, self.tips] - reached.p_m[:, self.origins]
        length = xp.sqrt(dot(between, between) + 1e-12)
        J = reached.J_p[:, :, self.tips] - reached.J_p[:, :, self.origins]
        # The distance's gradient is the unit vector between the frames.
        J = dot(J, (between / length[..., None])[:, None])
        weight = self.weight[frames]
        error = xp.where(weight > 0.0, length - self.target_m[frames], xp.zeros_like(length))
        return Rows(error, J, _robust_weight(error**2, weight, self.sigma_m, self.robust))


@dataclass(frozen=True, eq=False)
class DirectionCost:
    """Directions between frames, whatever the distance."""

    needs_rotations: ClassVar[bool] = False

    origins: list[int]
    """Frames that the directions begin at."""
    tips: list[int]
    """Frames that they end at."""
    target: Array
    """Wanted unit vectors, (time, direction, 3)."""
    weight: Array
    """Weight of each, 0 where there is no target, (time, direction)."""
    sigma_rad: float
    """1-sigma [rad]."""
    robust: float = 1e3
    """Errors beyond this many sigma pull with constant force."""

    def rows(self, reached: FramePoses, frames: Frames) -> Rows:
        """Differences of unit vectors: for small angles the angle [rad]."""
        xp = array_namespace(reached.p_m)
        along = reached.p_m[:, self.tips] - reached.p_m[:, self.origins]
        # Frames that lie on each other have no direction; the small number keeps them finite.
        length = xp.sqrt(dot(along, along) + 1e-12)[..., None]
        unit = along / length
        J = reached.J_p[:, :, self.tips] - reached.J_p[:, :, self.origins]
        # d(v / |v|) = (1 - u u') dv / |v| for the unit vector u.
        J = (J - dot(J, unit[:, None])[..., None] * unit[:, None]) / length[:, None]
        error = unit - self.target[frames]
        return vector_rows(error, J, self.weight[frames], self.sigma_rad, self.robust)


@dataclass(frozen=True, eq=False)
class OrientationCost:
    """Frames at wanted rotations."""

    needs_rotations: ClassVar[bool] = True

    frame_ids: list[int]
    """Frames that are followed."""
    target: Array
    """Wanted rotations, (time, frame, 3, 3)."""
    weight: Array
    """Weight of each, 0 where there is no target, (time, frame)."""
    sigma_rad: float
    """1-sigma [rad]."""
    robust: float = 1e3
    """Errors beyond this many sigma pull with constant force."""

    def rows(self, reached: FramePoses, frames: Frames) -> Rows:
        """Rotation vectors from what is wanted to what is reached, in world axes [rad]."""
        xp = array_namespace(reached.R)
        R = reached.R[:, self.frame_ids] @ xp.moveaxis(self.target[frames], -1, -2)
        J = reached.J_w[:, :, self.frame_ids]
        error = rotation_vector(R)
        return vector_rows(error, J, self.weight[frames], self.sigma_rad, self.robust)


@dataclass(frozen=True, eq=False)
class PoseCost:
    """One frame at a wanted pose that may be out of reach."""

    needs_rotations: ClassVar[bool] = True

    frame_id: int
    """Frame that is followed."""
    target_m: Array
    """Wanted positions, (time, 3) [m]."""
    target: Array
    """Wanted rotations, (time, 3, 3)."""
    weight: Array
    """Weight, 0 where there is no target, (time,)."""
    sigma_m: float
    """1-sigma of the position [m]."""
    sigma_rad: float
    """1-sigma of the rotation [rad]."""
    robust: float
    """Errors beyond this many sigma pull with constant force."""
    far_m: float
    """Distance beyond which a target's pull fades [m]: coming a little nearer to one that is out of
    reach must not cost a neighbor that is within."""
    far_rad: float
    """The same for the angle to the wanted rotation [rad]."""

    def rows(self, reached: FramePoses, frames: Frames) -> Rows:
        """Position [m], then rotation vector [rad]."""
        xp = array_namespace(reached.p_m)
        position = reached.p_m[:, self.frame_id] - self.target_m[frames]
        R = reached.R[:, self.frame_id] @ xp.moveaxis(self.target[frames], -1, -2)
        rotation = rotation_vector(R[:, None])[:, 0]
        # Weight of a Cauchy loss, 1 / (1 + e^2 / far^2), of both errors together.
        far = dot(position, position) / self.far_m**2
        far = far + dot(rotation, rotation) / self.far_rad**2
        weight = (self.weight[frames] / (1.0 + far))[:, None]
        J_p, J_w = reached.J_p[:, :, [self.frame_id]], reached.J_w[:, :, [self.frame_id]]
        a = vector_rows(position[:, None], J_p, weight, self.sigma_m, self.robust)
        b = vector_rows(rotation[:, None], J_w, weight, self.sigma_rad, self.robust)
        return joined([a, b])


def joined(found: Sequence[Rows]) -> Rows:
    """Rows of several terms under each other."""
    if len(found) == 1:
        return found[0]
    xp = array_namespace(found[0].residual)
    return Rows(
        xp.concat([rows.residual for rows in found], axis=1),
        xp.concat([rows.jacobian for rows in found], axis=2),
        xp.concat([rows.weight for rows in found], axis=1),
    )


def vector_rows(error: Array, J: Array, weight: Array, sigma: float, robust: float) -> Rows:
    """Rows of vector-valued errors, weighted by their length.

    An error without weight counts for nothing, whatever it is: NaN too.

    Args:
        error: (time, item, 3).
        J: (time, column, item, 3).
        weight: (time, item).
        sigma: 1-sigma, in the error's unit.
        robust: Errors beyond this many sigma pull with constant force.
    """
    xp = array_namespace(error)
    n, items, _ = error.shape
    is_present = weight > 0.0
    error = xp.where(is_present[..., None], error, xp.zeros_like(error))
    weight = _robust_weight(dot(error, error), weight, sigma, robust)
    weight = xp.broadcast_to(weight[..., None], error.shape)
    rows = items * 3
    return Rows(error.reshape(n, rows), J.reshape(n, J.shape[1], rows), weight.reshape(n, rows))


def _robust_weight(length2: Array, weight: Array, sigma: float, robust: float) -> Array:
    """Weight of errors by their squared length, 0 where nothing is asked."""
    xp = array_namespace(length2)
    # Pseudo-Huber, 2 c^2 (sqrt(1 + e^2 / c^2) - 1) with c = robust sigma: its derivative over 2 e
    # is 1 / sqrt(1 + e^2 / c^2).
    pulls = weight / sigma**2 / xp.sqrt(1.0 + length2 / (sigma * robust) ** 2)
    return xp.where(weight > 0.0, pulls, xp.zeros_like(pulls))
