"""What a joint trajectory should do, as a least-squares cost over all frames together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from array_api_compat import device
from jaxtyping import Float, Int

from rotoscope.pipeline.geometry.arrays import Array, array_namespace
from rotoscope.retarget.kinematics.frames import Kinematics
from rotoscope.retarget.optimize.banded import empty_bands
from rotoscope.retarget.optimize.differences import (
    REFERENCE_INTERVAL_S,
    acceleration_bands,
    accelerations_transposed,
    banded_product,
    seconds_per_frame,
)
from rotoscope.retarget.optimize.interior_point import Linearized
from rotoscope.retarget.optimize.terms import CostTerm, Rows, joined

BLOCK_BYTES = 8_000_000
"""Size of the Jacobians that are made together at most. Chosen on a G1 that follows clips of 38, 64
and 196 frames, on a CPU with 1 MB of cache a core and 32 shared: NumPy's calls cost more than what
does not stay in the smaller one, a clip of 64 frames in one piece three quarters of it in three."""
BLOCK_FRAMES = (16, 256)
"""Frames that are linearised together at least and at most."""


@dataclass(frozen=True, eq=False)
class Regularizer:
    """How a trajectory moves and rests where nothing else is asked of it."""

    sigma_acceleration: Float[np.ndarray, " column"]
    """1-sigma of the acceleration [1/s^2 of the column's unit]."""
    rest: Float[np.ndarray, " column"]
    """Value that each column is drawn to."""
    sigma_rest: Float[np.ndarray, " column"]
    """1-sigma of the distance to it; infinite where nothing draws."""
    coupling: Float[np.ndarray, "column column"] | None = None
    """Symmetric matrix C of a cost `0.5 x C x` in every frame, such as joints that bend together;
    none when absent."""
    acceleration: Float[np.ndarray, "time column"] | None = None
    """Acceleration that motion outside the columns already has: that of a base's reference."""


class Objective:
    """Terms of all frames, accelerations, and distance to the rest pose.

    Args:
        tree: Kinematics.
        terms: What each frame is asked for.
        regularizer: Smoothness and rest.
        time_s: Frame times [s], increasing within a clip.
        starts: First frames of clips that are solved together; nothing is coupled across them.
        frames: Which of the terms' frames each frame is, where they are not the same: a choice of
            them, in any order, each as often as wanted.
        R_reference: Rotation of a floating base at rotation vector zero, (time, 3, 3).
        like: An array whose library, type and device the computation uses; NumPy when absent.
    """

    def __init__(
        self,
        tree: Kinematics,
        terms: Sequence[CostTerm],
        regularizer: Regularizer,
        time_s: Float[np.ndarray, " time"],
        *,
        starts: Sequence[int] = (0,),
        frames: Int[np.ndarray, " time"] | None = None,
        R_reference: Array = None,
        like: Array = None,
    ) -> None:
        self.tree, self.terms, self.R_reference = tree, tuple(terms), R_reference
        least, most = BLOCK_FRAMES
        most = int(min(max(BLOCK_BYTES // (24 * tree.size), least), most))
        # Parts of one length: a last one of a few frames costs as many calls as the others.
        parts = -(-len(time_s) // most)
        self.block = -(-len(time_s) // max(parts, 1))
        self.needs_rotations = any(term.needs_rotations for term in self.terms)
        self._workspace: dict[str, Array] = {}
        self.frames = np.arange(len(time_s)) if frames is None else frames
        like = np.zeros(0) if like is None else like
        xp = array_namespace(like)
        is_start = np.zeros(len(time_s), bool)
        is_start[list(starts)] = True
        weight = seconds_per_frame(time_s, is_start) / REFERENCE_INTERVAL_S
        bands = acceleration_bands(time_s, weight, is_start)
        curvature = bands[:, :, None] / regularizer.sigma_acceleration**2
        pull = weight[:, None] / regularizer.sigma_rest**2
        push = np.zeros_like(pull)
        if regularizer.acceleration is not None:
            known = regularizer.acceleration[self.frames] * weight[:, None]
            push = accelerations_transposed(known, time_s, is_start)
            push = push / regularizer.sigma_acceleration**2

        def moved(values: np.ndarray) -> Array:
            return xp.asarray(values, dtype=like.dtype, device=device(like))

        self.weight, self.curvature = moved(weight), moved(curvature)
        self.coupling = None if regularizer.coupling is None else moved(regularizer.coupling)
        self.pull, self.rest, self.push = moved(pull), moved(regularizer.rest), moved(push)

    def linearize(self, x: Array) -> Linearized:
        """The cost's gradient and Gauss-Newton Hessian at this trajectory."""
        xp = array_namespace(x)
        frames, columns = x.shape
        like = {"dtype": x.dtype, "device": device(x)}
        bands = empty_bands(x)
        error = xp.zeros((frames,), **like)
        gradient = self.pull * (x - self.rest) + self.push + banded_product(self.curvature, x)
        if self.coupling is not None:
            gradient = gradient + self.weight[:, None] * (x @ self.coupling)
        for start in range(0, frames, self.block):
            part = slice(start, min(start + self.block, frames))
            H, g, error[part] = self._terms(x, part)
            if self.coupling is not None:
                H = H + self.weight[part, None, None] * self.coupling
            gradient[part] += g
            for j in range(columns):
                bands[: columns - j, part, j] = H[:, j, j:].T
        bands[0] += self.pull
        for order in range(3):
            bands[order * columns] += self.curvature[order]
        return Linearized(bands, gradient, error)

    def errors(self, x: Array) -> Array:
        """What the terms cost in each frame, as sigmas squared; (time,)."""
        xp = array_namespace(x)
        out = xp.zeros_like(x[:, 0])
        for start in range(0, len(x), self.block):
            part = slice(start, min(start + self.block, len(x)))
            for rows in self._rows(x, part):
                out[part] += xp.sum(rows.weight * rows.residual**2, axis=-1)
        return out

    def _rows(self, x: Array, part: slice) -> Iterator[Rows]:
        reference = None if self.R_reference is None else self.R_reference[self.frames[part]]
        reached = self.tree.forward_kinematics(
            x[part],
            reference,
            jacobian=True,
            rotations=self.needs_rotations,
            workspace=self._workspace,
        )
        for term in self.terms:
            yield term.rows(reached, self.frames[part])

    def _terms(self, x: Array, part: slice) -> tuple[Array, Array, Array]:
        """Hessian block, gradient and error of every frame of a part."""
        xp = array_namespace(x)
        found = list(self._rows(x, part))
        # All terms at once: one product of large matrices costs less than ten of small ones.
        rows = joined(found)
        J, residual, weight = rows.jacobian, rows.residual, rows.weight
        weighted = J * (weight * self.weight[part, None])[:, None]
        H = weighted @ xp.moveaxis(J, -1, -2)
        g = (weighted @ residual[..., None])[..., 0]
        return H, g, xp.sum(weight * residual**2, axis=-1)
