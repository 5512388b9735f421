"""A first guess of SMPL-X poses: every limb's bones point where they were seen to point."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.models.perception.pnp import rotation_between
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.geometry.vectors import unit_or_zero
from rotoscope.pipeline.motion.rest_skeleton import RestSkeleton
from rotoscope.pipeline.motion.smpl_joints import BODY
from rotoscope.pipeline.tracks import BODY_JOINTS, SIDES

_TORSO = tuple(f"{side}_{joint}" for side in SIDES for joint in ("hip", "shoulder"))
_LIMBS: dict[str, tuple[str, str, str]] = {
    f"{side}_{limb[0]}": (f"{side}_{limb[0]}", f"{side}_{limb[1]}", f"{side}_{limb[2]}")
    for side in SIDES
    for limb in (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist"))
}
_HINGES: dict[str, tuple[float, float, float]] = {
    "left_hip": (1.0, 0.0, 0.0),
    "right_hip": (1.0, 0.0, 0.0),
    "left_shoulder": (0.0, -1.0, 0.0),
    "right_shoulder": (0.0, 1.0, 0.0),
}
"""Axis at rest about which the limb's middle joint bends."""
_STRAIGHT = 0.2
"""A limb bent by less than about this sine tells little about its hinge's direction."""


def first_guess(
    rest: RestSkeleton, joints_m: Float[np.ndarray, "time body_joint 3"]
) -> tuple[Float[np.ndarray, "time 22 3"], Float[np.ndarray, "time 3"]]:
    """Rotation vectors of the 22 body joints [rad], and translations [m].

    The trunk is rigid: hips and shoulders are laid over those seen. Upper and lower limbs point
    where they were seen to, their hinges across both. Joints that are not seen are not turned.
    """
    at = {name: joints_m[:, number] for number, name in enumerate(BODY_JOINTS)}
    pose = np.zeros((len(joints_m), len(BODY), 3))
    R_root, transl_m = _trunk(rest, at)
    pose[:, 0] = se3.log_so3(R_root)
    for first, (_, second, third) in _LIMBS.items():
        bones = [
            rest.joints_m[BODY.index(b)] - rest.joints_m[BODY.index(a)]
            for a, b in ((first, second), (second, third))
        ]
        seen = [_local(R_root, at[second] - at[first]), _local(R_root, at[third] - at[second])]
        upper, lower = _limb(bones, seen, np.array(_HINGES[first]))
        pose[:, BODY.index(first)], pose[:, BODY.index(second)] = upper, lower
    return np.nan_to_num(pose), transl_m


def _trunk(rest: RestSkeleton, at: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Rotation and translation that lay the trunk over hips and shoulders seen."""
    model = np.array([rest.joints_m[BODY.index(name)] for name in _TORSO])
    seen = np.stack([at[name] for name in _TORSO], axis=1)
    R, pelvis = rotation_between(model, seen), rest.joints_m[0]
    return R, seen.mean(axis=1) - (R @ (model.mean(axis=0) - pelvis)) - pelvis


def _limb(
    bones: list[np.ndarray], seen: list[np.ndarray], hinge: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    upper, lower = (unit_or_zero(direction) for direction in seen)
    bend = np.cross(upper, lower)
    across = unit_or_zero(bend + _STRAIGHT * _swing(unit_or_zero(bones[0]), upper, hinge))
    R_upper = _frame(upper, across) @ np.swapaxes(_frame(unit_or_zero(bones[0]), hinge), -1, -2)
    inside = _local(R_upper, lower)
    rest_lower = np.broadcast_to(unit_or_zero(bones[1]), inside.shape)
    return se3.log_so3(R_upper), _between(rest_lower, inside)


def _local(R: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    return (np.swapaxes(R, -1, -2) @ vectors[..., None])[..., 0]


def _between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Rotation vectors of the smallest rotations that turn unit vectors a to b."""
    axis = np.cross(a, b)
    sine = np.linalg.norm(axis, axis=-1, keepdims=True)
    angle = np.arctan2(sine, np.sum(a * b, axis=-1, keepdims=True))
    return axis * angle / np.maximum(sine, 1e-9)


def _swing(a: np.ndarray, b: np.ndarray, vector: np.ndarray) -> np.ndarray:
    R = se3.exp_so3(np.nan_to_num(_between(np.broadcast_to(a, b.shape), b)))
    return R @ vector


def _frame(along: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Rotations whose first axis is `along` and whose second lies closest to `across`."""
    second = unit_or_zero(across - along * np.sum(along * across, axis=-1, keepdims=True))
    return np.stack([along, second, np.cross(along, second)], axis=-1)
