"""Posture and place of a body of known bones from its landmarks in one image, batched.

A body is a pelvis position and one direction per bone, so that its joints are linear in the
directions and bones keep their lengths exactly. What is minimised per frame: joints against the
rays they are seen along, and directions against those of the landmark model, which tell what leans
towards the camera. Frames do not know of each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from models import pnp
from models.body_joints import BONE_ENDS, BONE_PATHS, BONES
from models.least_squares import Linearised, State, huber, minimise
from pipeline.tracks import BODY_JOINTS

LANDMARK_SIGMA = 0.02
"""1-sigma of a landmark across the line of sight, in statures (3 cm on an adult)."""
DIRECTION_SIGMA_RAD = 0.2
"""1-sigma of a bone's direction as the landmark model gives it (11 degrees)."""
BLOCK = 512
"""Frames fitted at once."""
_NUM_ITERATIONS = 12
_RELATIVE_TOLERANCE = 1e-4
_NUM_JOINTS, _NUM_BONES = len(BODY_JOINTS), len(BONES)
_NUM_PARAMETERS = 3 + 2 * _NUM_BONES
_MIDDLES = np.isin(BODY_JOINTS, ("pelvis", "neck"))
"""Joints that are the middle of two others and tell nothing beyond these."""


@dataclass(frozen=True, eq=False)
class BodyFit:
    """Fitted bodies; NaN where no fit was found."""

    joints_m: Float[np.ndarray, "time body_joint 3"]
    """`BODY_JOINTS` in the camera frame [m], those that were not seen as well."""
    covariance: Float[np.ndarray, "time 3 3"]
    """Of the pelvis position [m] if residuals were independent, bones and camera exact."""
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
    starts = range(0, max(len(rays), 1), BLOCK)
    blocks = [
        _fit_block(_Bodies(rays[rows], is_seen[rows], directions[rows], lengths_m, stature_m))
        for rows in (slice(start, start + BLOCK) for start in starts)
    ]
    return BodyFit(*(np.concatenate(parts) for parts in zip(*blocks, strict=True)))


def _fit_block(bodies: _Bodies) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Fields of the `BodyFit` of some frames."""
    state, result = minimise(
        bodies.start(),
        bodies.evaluate,
        _retract,
        num_iterations=_NUM_ITERATIONS,
        relative_tolerance=_RELATIVE_TOLERANCE,
    )
    joints, residual = bodies.explain(state)
    excess = np.maximum(residual / LANDMARK_SIGMA, 1.0) ** 2
    covariance = pnp.safe_inverse(result.normal) * excess[:, None, None]
    found = np.isfinite(result.cost) & np.isfinite(covariance).all(axis=(1, 2))
    by_bones = bodies.joints_by_bones(state).reshape(len(joints), _NUM_JOINTS, 3, -1)
    variance = np.einsum("tjap,tpq,tjaq->tj", by_bones, covariance[:, 3:, 3:], by_bones) / 3.0
    sigma_joint = np.sqrt(variance)
    place = covariance[:, :3, :3]
    for array in (joints, place, sigma_joint, residual):
        array[~found] = np.nan
    return joints, place, sigma_joint, residual


class _Bodies:
    """Residuals of the body model in a batch of frames."""

    def __init__(
        self,
        rays: Float[np.ndarray, "time body_joint 2"],
        is_seen: Bool[np.ndarray, "time body_joint"],
        directions: Float[np.ndarray, "time bone 3"],
        lengths_m: Float[np.ndarray, " bone"],
        stature_m: float,
    ) -> None:
        self._rays = np.where(is_seen[..., None], rays, 0.0)
        self._counts = (is_seen & ~_MIDDLES).astype(np.float64)
        self._directions = directions
        self._paths = BONE_PATHS * lengths_m
        self._noise_m = LANDMARK_SIGMA * stature_m

    def start(self) -> State:
        """The landmark model's posture, as far away as its size in the image says."""
        joints = self._paths @ self._directions
        weight = self._counts[..., None] / np.maximum(self._counts.sum(axis=1), 1.0)[:, None, None]
        flat, seen = joints[..., :2], self._rays
        middle = (weight * flat).sum(axis=1)
        seen_middle = (weight * seen).sum(axis=1)
        size = (weight * (flat - middle[:, None]) ** 2).sum(axis=(1, 2))
        seen_size = (weight * (seen - seen_middle[:, None]) ** 2).sum(axis=(1, 2))
        usable = (size > 0) & (seen_size > 0)
        depth = np.sqrt(size / np.where(usable, seen_size, np.nan))[:, None]
        t = np.concatenate([seen_middle * depth - middle, depth], axis=1)
        return {"t": t, "directions": self._directions.copy()}

    def explain(
        self, state: State
    ) -> tuple[Float[np.ndarray, "time body_joint 3"], Float[np.ndarray, " time"]]:
        """Joints [m], and residual in statures."""
        joints = state["t"][:, None] + self._paths @ state["directions"]
        seen, _ = pnp.project_with_jacobian(joints)
        missed = np.linalg.norm(seen - self._rays, axis=2) * joints[..., 2] / self._noise_m
        # A landmark that is far off says that it is wrong, not how wrong the others are.
        capped = np.minimum(missed, 4.0) ** 2 * self._counts
        count = np.maximum(self._counts.sum(axis=1), 1.0)
        return joints, LANDMARK_SIGMA * np.sqrt(capped.sum(axis=1) / count / 2.0)

    def joints_by_bones(self, state: State) -> Float[np.ndarray, "row xyz_of_joint parameter"]:
        """Derivative of the joints by the steps of the directions [m]."""
        tangents = _tangents(state["directions"])
        out = np.einsum("jb,rbau->rjabu", self._paths, tangents)
        return out.reshape(len(tangents), 3 * _NUM_JOINTS, 2 * _NUM_BONES)

    def evaluate(self, state: State, rows: Int[np.ndarray, " row"]) -> Linearised:
        num = len(rows)
        joints = state["t"][:, None] + self._paths @ state["directions"]
        seen, by_joint = pnp.project_with_jacobian(joints)
        by_bones = self.joints_by_bones(state).reshape(num, _NUM_JOINTS, 3, -1)
        # At the pelvis's depth, the noise of a landmark in metres is this on its ray.
        noise = (self._noise_m / state["t"][:, 2])[:, None, None]
        off = (seen - self._rays[rows]) / noise
        jacobian = np.concatenate([by_joint, by_joint @ by_bones], axis=3) / noise[..., None]
        loss, weight = huber((off**2).sum(axis=2), pnp.HUBER_SIGMAS)
        weight = weight * self._counts[rows]
        flat = jacobian.reshape(num, 2 * _NUM_JOINTS, _NUM_PARAMETERS)
        weighted = np.swapaxes((jacobian * weight[..., None, None]).reshape(flat.shape), 1, 2)
        normal = weighted @ flat
        gradient = (weighted @ off.reshape(num, -1, 1))[..., 0]
        tangents = _tangents(state["directions"])
        turned = (state["directions"] - self._directions[rows]) / DIRECTION_SIGMA_RAD
        slope = np.einsum("rba,rbau->rbu", turned, tangents) / DIRECTION_SIGMA_RAD
        gradient[:, 3:] += slope.reshape(num, -1)
        bones = np.arange(3, _NUM_PARAMETERS)
        normal[:, bones, bones] += 1.0 / DIRECTION_SIGMA_RAD**2
        cost = (loss * self._counts[rows]).sum(axis=1) + (turned**2).sum(axis=(1, 2))
        return Linearised(np.where(np.isfinite(cost), cost, np.inf), normal, gradient)


def _tangents(directions: Float[np.ndarray, "row bone 3"]) -> Float[np.ndarray, "row bone 3 2"]:
    """Two unit vectors across each direction and across one another."""
    least = np.abs(directions).argmin(axis=-1)
    first = np.cross(directions, np.eye(3)[least])
    first /= np.linalg.norm(first, axis=-1, keepdims=True)
    return np.stack([first, np.cross(directions, first)], axis=-1)


def _retract(state: State, step: Float[np.ndarray, "row parameter"]) -> State:
    """Moves the pelvis by the first three numbers of the step, turns each bone by two more."""
    directions = state["directions"]
    turn = step[:, 3:].reshape(len(step), _NUM_BONES, 2, 1)
    moved = directions + (_tangents(directions) @ turn)[..., 0]
    moved /= np.linalg.norm(moved, axis=-1, keepdims=True)
    return {"t": state["t"] + step[:, :3], "directions": moved}


def bones_of(
    joints_m: Float[np.ndarray, "time body_joint 3"],
) -> tuple[Float[np.ndarray, "time bone"], Float[np.ndarray, "time bone 3"]]:
    """Lengths [m] and unit directions of the bones between joints."""
    vectors = BONE_ENDS @ joints_m
    lengths = np.linalg.norm(vectors, axis=-1)
    return lengths, vectors / np.maximum(lengths, 1e-6)[..., None]
