"""Posture and place of a person in every frame, and the bones that fit the whole clip.

Frames are fitted by themselves (`rotoscope.models.bodies.model`); what they share is the length of
each bone. The landmark model's own proportions do not agree with its own landmarks in the image: on
rendered people its trunk is a tenth too long, which reads as 3 to 4 % more distance. So the
proportions are part of the fit: Gauss-Newton over the clip, the frames' own unknowns eliminated
(Schur complement).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.bodies.bone_lengths import BONE_GROUPS, stature_of
from rotoscope.models.bodies.joints import BONE_ENDS
from rotoscope.models.bodies.model import LANDMARK_SIGMA, Bodies, retract
from rotoscope.models.perception import pnp
from rotoscope.models.perception.least_squares import Linearised, State, in_blocks, minimize
from rotoscope.pipeline.tracks import BODY_JOINTS

BLOCK = 512
"""Frames fitted at once."""
_NUM_ITERATIONS = 12
_RELATIVE_TOLERANCE = 1e-4
LENGTH_SIGMA_REL = 0.1
"""1-sigma of a bone's share of the stature before the clip was looked at."""
_NUM_LENGTH_ROUNDS = 3
_NUM_LENGTH_FRAMES = 120
"""Frames, evenly spread, that lengths are found from."""
_NUM_INDEPENDENT = 20
"""More frames of one clip than this tell nothing new: landmarks err alike in all of them."""


@dataclass(frozen=True, eq=False)
class BodyFit:
    """Fitted bodies; NaN where no fit was found."""

    joints_m: Float[np.ndarray, "time body_joint 3"]
    """`BODY_JOINTS` in the camera frame [m], those that were not seen as well."""
    covariance: Float[np.ndarray, "time 3 3"]
    """Covariance of the pelvis position [m] if residuals were independent, all else exact."""
    sigma_joint_m: Float[np.ndarray, "time body_joint"]
    """1-sigma of each joint relative to the pelvis, a standard deviation per axis [m]."""
    residual: Float[np.ndarray, " time"]
    """Root mean square distance of the seen joints from their rays, in statures."""


def fit_body(
    rays: Float[np.ndarray, "time body_joint 2"],
    is_seen: Bool[np.ndarray, "time body_joint"],
    directions: Float[np.ndarray, "time bone 3"],
    *,
    lengths_m: Float[np.ndarray, " bone"],
    stature_m: float,
) -> BodyFit:
    """The body with these bones that best explains each frame.

    Args:
        rays: Joints as (x / z, y / z).
        is_seen: Which of them count.
        directions: Unit vector of each bone along camera axes, from the landmark model.
        lengths_m: Length of each bone [m].
        stature_m: Standing height of the person [m], the unit of noise.
    """
    fit = in_blocks(
        lambda b: _fit_block(Bodies(rays[b], is_seen[b], directions[b], lengths_m, stature_m)),
        len(rays),
        BLOCK,
    )
    return BodyFit(*fit)


def fit_lengths(
    rays: Float[np.ndarray, "time body_joint 2"],
    is_seen: Bool[np.ndarray, "time body_joint"],
    directions: Float[np.ndarray, "time bone 3"],
    *,
    lengths_m: Float[np.ndarray, " bone"],
    stature_m: float,
) -> Float[np.ndarray, " bone"]:
    """Bone lengths of a person of this stature that explain the clip best [m].

    Args:
        rays: Joints as (x / z, y / z).
        is_seen: Which of them count.
        directions: Unit vector of each bone along camera axes, from the landmark model.
        lengths_m: What lengths are likely [m].
        stature_m: Standing height of the person [m].
    """
    step = max(1, len(rays) // _NUM_LENGTH_FRAMES)
    some = slice(None, None, step)
    likely = lengths_m * (stature_m / stature_of(lengths_m))
    out = likely
    for _ in range(_NUM_LENGTH_ROUNDS):
        bodies = Bodies(rays[some], is_seen[some], directions[some], out, stature_m)
        state, result = _minimize(bodies)
        usable = np.flatnonzero(np.isfinite(result.cost))
        if len(usable) == 0:
            return likely
        by_lengths, mixed, gradient = (a[usable] for a in bodies.by_lengths(state, BONE_GROUPS))
        # Normal equations of the lengths alone: every frame's own unknowns are eliminated, C - B^T
        # A^-1 B and c - B^T A^-1 a, and frames add up.
        explained = np.swapaxes(np.linalg.solve(result.normal[usable], mixed), 1, 2)
        weight = min(1.0, _NUM_INDEPENDENT / len(usable))
        normal = weight * (by_lengths - explained @ mixed).sum(axis=0)
        pull = (explained @ result.gradient[usable, :, None])[..., 0]
        slope = weight * (gradient - pull).sum(axis=0)
        strayed = BONE_GROUPS @ np.log(out / likely) / BONE_GROUPS.sum(axis=1)
        normal += np.eye(len(normal)) / LENGTH_SIGMA_REL**2
        slope += strayed / LENGTH_SIGMA_REL**2
        # A Gauss-Newton step in logarithms, so that lengths stay positive.
        out = out * np.exp(np.linalg.solve(normal, -slope) @ BONE_GROUPS)
        out = out * (stature_m / stature_of(out))
    return out


def _fit_block(bodies: Bodies) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Fields of the `BodyFit` of some frames."""
    state, result = _minimize(bodies)
    joints, residual = bodies.explain(state)
    excess = np.maximum(residual / LANDMARK_SIGMA, 1.0) ** 2
    covariance = pnp.safe_inverse(result.normal) * excess[:, None, None]
    found = np.isfinite(result.cost) & np.isfinite(covariance).all(axis=(1, 2))
    by_bones = bodies.joints_by_bones(state).reshape(len(joints), len(BODY_JOINTS), 3, -1)
    variance = np.einsum("tjap,tpq,tjaq->tj", by_bones, covariance[:, 3:, 3:], by_bones) / 3.0
    sigma_joint = np.sqrt(variance)
    place = covariance[:, :3, :3]
    for array in (joints, place, sigma_joint, residual):
        array[~found] = np.nan
    return joints, place, sigma_joint, residual


def _minimize(bodies: Bodies) -> tuple[State, Linearised]:
    return minimize(
        {name: array.copy() for name, array in bodies.start.items()},
        bodies.evaluate,
        retract,
        num_iterations=_NUM_ITERATIONS,
        relative_tolerance=_RELATIVE_TOLERANCE,
    )


def bones_of(
    joints_m: Float[np.ndarray, "time body_joint 3"],
) -> tuple[Float[np.ndarray, "time bone"], Float[np.ndarray, "time bone 3"]]:
    """Lengths [m] and unit directions of the bones between joints."""
    vectors = BONE_ENDS @ joints_m
    lengths = np.linalg.norm(vectors, axis=-1)
    return lengths, vectors / np.maximum(lengths, 1e-6)[..., None]
