"""A body of bones of known length, and how well it explains what one image shows, batched.

A body is a pelvis position and one direction per bone, so that its joints are linear in the
directions and bones keep their lengths exactly. Its cost: joints against the rays they are seen
along, and directions against those of the landmark model, which tell what leans towards the camera.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from rotoscope.models.bodies.joints import BONE_PATHS, BONES
from rotoscope.models.perception import pnp
from rotoscope.models.perception.least_squares import Linearised, State, huber, normal_equations
from rotoscope.pipeline.tracks import BODY_JOINTS

LANDMARK_SIGMA = 0.02
"""1-sigma of a landmark across the line of sight, in statures (3 cm on an adult)."""
_DIRECTION_SIGMA_RAD = {
    "spine": 0.1,
    "hip_line": 0.2,
    "shoulder_line": 0.15,
    "thigh": 0.3,
    "shank": 0.3,
    "head": 0.25,
    "upper_arm": 0.2,
    "forearm": 0.5,
    "hand": 0.7,
    "foot": 0.6,
    "heel": 1.0,
}
DIRECTION_SIGMA_RAD = np.array(
    [_DIRECTION_SIGMA_RAD[name.removeprefix("left_").removeprefix("right_")] for name in BONES]
)
"""1-sigma of each bone's direction as the landmark model gives it, found on rendered people
(`python -m benchmarks body_landmarks`); the model's ankle, heel and toe are other points than a
skeleton's."""
_NUM_JOINTS, _NUM_BONES = len(BODY_JOINTS), len(BONES)
NUM_PARAMETERS = 3 + 2 * _NUM_BONES
"""Parameters of one body: pelvis position, then two per bone."""
_MIDDLES = np.isin(BODY_JOINTS, ("pelvis", "neck"))
"""Joints that are the middle of two others and tell nothing beyond these."""


class Bodies:
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
        self.start = self._start()
        # In rays. It must not depend on the depth that is sought: further away it would weigh less.
        self._noise = self._noise_m / self.start["t"][:, 2]

    def _start(self) -> State:
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
        """Cost of bodies, and its derivatives by place and directions."""
        num = len(rows)
        by_bones = self.joints_by_bones(state).reshape(num, _NUM_JOINTS, 3, -1)
        off, by_joint, loss, weight = self._seen(state, rows)
        flat = np.concatenate([by_joint, by_joint @ by_bones], axis=3)
        tangents = _tangents(state["directions"])
        sigma = DIRECTION_SIGMA_RAD[:, None]
        turned = (state["directions"] - self._directions[rows]) / sigma
        slope = np.einsum("rba,rbau->rbu", turned, tangents) / sigma
        out = normal_equations(
            flat.reshape(num, 2 * _NUM_JOINTS, NUM_PARAMETERS),
            off.reshape(num, 2 * _NUM_JOINTS),
            np.repeat(weight, 2, axis=1),
            loss.sum(axis=1) + (turned**2).sum(axis=(1, 2)),
        )
        out.gradient[:, 3:] += slope.reshape(num, -1)
        # Tangents are orthonormal: a direction's prior adds to the diagonal alone.
        bones = np.arange(3, NUM_PARAMETERS)
        out.normal[:, bones, bones] += np.repeat(1.0 / DIRECTION_SIGMA_RAD**2, 2)
        return out

    def by_lengths(
        self, state: State, groups: Float[np.ndarray, "group bone"]
    ) -> tuple[
        Float[np.ndarray, "time group group"],
        Float[np.ndarray, "time parameter group"],
        Float[np.ndarray, "time group"],
    ]:
        """Blocks of the normal equations for lengths that all frames share.

        Args:
            state: All frames.
            groups: Which bones change together, as a share of their length: 0 or 1.

        Returns:
            Lengths by lengths, place and directions by lengths, and the gradient.
        """
        rows = np.arange(len(state["t"]))
        num = len(rows)
        off, by_joint, _, weight = self._seen(state, rows)
        by_bones = self.joints_by_bones(state).reshape(num, _NUM_JOINTS, 3, -1)
        by_own = np.concatenate([by_joint, by_joint @ by_bones], axis=3)
        by_group = by_joint @ np.einsum("jb,gb,rba->rjag", self._paths, groups, state["directions"])
        own = by_own.reshape(num, 2 * _NUM_JOINTS, -1)
        shared = by_group.reshape(num, 2 * _NUM_JOINTS, -1)
        weighted = np.swapaxes(shared * np.repeat(weight, 2, axis=1)[..., None], 1, 2)
        gradient = (weighted @ off.reshape(num, -1, 1))[..., 0]
        return weighted @ shared, np.swapaxes(weighted @ own, 1, 2), gradient

    def _seen(
        self, state: State, rows: Int[np.ndarray, " row"]
    ) -> tuple[
        Float[np.ndarray, "row body_joint 2"],
        Float[np.ndarray, "row body_joint 2 3"],
        Float[np.ndarray, "row body_joint"],
        Float[np.ndarray, "row body_joint"],
    ]:
        """How far joints are from their rays [sigmas], derivative by the joints, loss, weight."""
        joints = state["t"][:, None] + self._paths @ state["directions"]
        seen, by_joint = pnp.project_with_jacobian(joints)
        noise = self._noise[rows, None, None]
        off = (seen - self._rays[rows]) / noise
        loss, weight = huber((off**2).sum(axis=2), pnp.HUBER_SIGMAS)
        counts = self._counts[rows]
        return off, by_joint / noise[..., None], loss * counts, weight * counts


def _tangents(directions: Float[np.ndarray, "row bone 3"]) -> Float[np.ndarray, "row bone 3 2"]:
    """Two unit vectors across each direction and across one another."""
    least = np.abs(directions).argmin(axis=-1)
    first = np.cross(directions, np.eye(3)[least])
    first /= np.linalg.norm(first, axis=-1, keepdims=True)
    return np.stack([first, np.cross(directions, first)], axis=-1)


def retract(state: State, step: Float[np.ndarray, "row parameter"]) -> State:
    """Moves the pelvis by the first three numbers of the step, turns each bone by two more."""
    directions = state["directions"]
    turn = step[:, 3:].reshape(len(step), _NUM_BONES, 2, 1)
    moved = directions + (_tangents(directions) @ turn)[..., 0]
    moved /= np.linalg.norm(moved, axis=-1, keepdims=True)
    return {"t": state["t"] + step[:, :3], "directions": moved}
