"""Costs of what must not happen: nothing where it does not, and no Jacobian either."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rotoscope.pipeline.geometry.arrays import Array, array_namespace
from rotoscope.pipeline.geometry.vectors import dot
from rotoscope.retarget.kinematics.frames import FramePoses
from rotoscope.retarget.optimize.terms import Frames, Rows


@dataclass(frozen=True, eq=False)
class GroundClearanceCost:
    """Frames not below the ground: what is above it is free."""

    needs_rotations: ClassVar[bool] = False

    frame_ids: list[int]
    """Frames that are watched."""
    floor_m: Array
    """Height of the ground under each, (time, frame) [m]."""
    sigma_m: float
    """1-sigma [m]."""

    def rows(self, reached: FramePoses, frames: Frames) -> Rows:
        """Height of what is below the ground, negative; 0 above it, or where it is unknown [m]."""
        xp = array_namespace(reached.p_m)
        height = reached.p_m[:, self.frame_ids, 2] - self.floor_m[frames]
        below = xp.where(height < 0.0, height, xp.zeros_like(height))
        weight = xp.astype(below < 0.0, below.dtype) / self.sigma_m**2
        some = active(weight)
        J = reached.J_p[:, :, [self.frame_ids[i] for i in some], 2]
        return Rows(below[:, some], J, weight[:, some])


@dataclass(frozen=True, eq=False)
class SelfCollisionCost:
    """Pairs of balls that must not touch: what is apart is free."""

    needs_rotations: ClassVar[bool] = False

    first: list[int]
    """Frames at the centers of the first balls."""
    second: list[int]
    """Frames at the centers of the second balls."""
    distance_m: Array
    """Sum of the radii and the margin of each pair, (pair,) [m]."""
    sigma_m: float
    """1-sigma [m]."""

    def rows(self, reached: FramePoses, frames: Frames) -> Rows:
        """What is missing to the distance, negative [m]."""
        xp = array_namespace(reached.p_m)
        between = reached.p_m[:, self.second] - reached.p_m[:, self.first]
        length = xp.sqrt(dot(between, between) + 1e-12)
        gap = length - self.distance_m
        weight = xp.astype(gap < 0.0, gap.dtype) / self.sigma_m**2
        some = active(weight)
        first, second = ([frame_ids[i] for i in some] for frame_ids in (self.first, self.second))
        J = reached.J_p[:, :, second] - reached.J_p[:, :, first]
        # The distance's gradient is the unit vector between the centers.
        J = dot(J, (between / length[..., None])[:, None, some])
        return Rows(gap[:, some], J, weight[:, some])


@dataclass(frozen=True, eq=False)
class BalanceCost:
    """The center of mass over the support, seen from above: what is inside is free."""

    needs_rotations: ClassVar[bool] = False

    frame_ids: list[int]
    """Frames at the links' centers of mass."""
    share: Array
    """Mass of each over the mass of all, (frame,)."""
    normal: Array
    """Outward normals of the edges of the support, (time, edge, 2); zero where there is none."""
    offset_m: Array
    """How far along its normal each edge lies, (time, edge) [m]."""
    weight: Array
    """Weight of each frame, (time,)."""
    sigma_m: float
    """1-sigma [m]."""

    def rows(self, reached: FramePoses, frames: Frames) -> Rows:
        """How far the center of mass is beyond each edge [m]."""
        xp = array_namespace(reached.p_m)
        normal = self.normal[frames]
        center = xp.sum(reached.p_m[:, self.frame_ids, :2] * self.share[:, None], axis=1)
        beyond = xp.sum(normal * center[:, None], axis=-1) - self.offset_m[frames]
        weight = xp.astype(beyond > 0.0, beyond.dtype) * self.weight[frames, None]
        some = active(weight)
        if not some:
            return Rows(beyond[:, :0], reached.J_p[:, :, :0, 0], weight[:, :0])
        J = self._center_jacobian(reached.J_p)[..., :2]
        J = J @ xp.moveaxis(normal[:, some], -1, -2)
        return Rows(beyond[:, some], J, weight[:, some] / self.sigma_m**2)

    def _center_jacobian(self, J_p: Array) -> Array:
        """How the center of mass moves with each column, (time, column, 3).

        One product for all frames: no part of the Jacobian is copied.
        """
        xp = array_namespace(J_p)
        share = xp.zeros_like(J_p[0, 0, :, 0])
        share[self.frame_ids] = self.share
        times, columns, frames, _ = J_p.shape
        J = share @ xp.moveaxis(J_p, 0, 2).reshape(columns, frames, times * 3)
        return xp.moveaxis(J.reshape(columns, times, 3), 0, 1)


def active(weight: Array) -> list[int]:
    """Rows that count in some frame; of the others, no Jacobian is needed."""
    xp = array_namespace(weight)
    return [int(i) for i in xp.nonzero(xp.any(weight > 0.0, axis=0))[0]]
