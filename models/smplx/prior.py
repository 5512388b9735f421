"""Which poses of SMPL-X's joints are usual, and how far knees and elbows overstretch."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.motion.smpl_joints import BODY

_SIGMA_RAD: dict[str, float] = {
    "hip": 0.8,
    "spine1": 0.3,
    "spine2": 0.3,
    "spine3": 0.3,
    "knee": 0.8,
    "ankle": 0.3,
    "foot": 0.2,
    "neck": 0.3,
    "head": 0.3,
    "collar": 0.15,
    "shoulder": 0.9,
    "elbow": 0.9,
    "wrist": 0.4,
}
"""Spread of each joint's rotation about rest: half the range of motion that clinics publish
(American Academy of Orthopaedic Surgeons 1965), rounded; the spine's shared by its joints."""
_ACROSS_HINGE_RAD = 0.15
_HINGES = (("left_knee", 0, 1), ("right_knee", 0, 1), ("left_elbow", 1, -1), ("right_elbow", 1, 1))
"""Joints that bend one way: number of the axis, and the sign of bending."""
_FREE_RAD, _OVER_SIGMA_RAD = 0.1, 0.05
"""Knees and elbows overstretch by 6 degrees without a penalty."""


def _weights() -> np.ndarray:
    plain = [name.removeprefix("left_").removeprefix("right_") for name in BODY[1:]]
    sigma = np.repeat([[_SIGMA_RAD[name]] for name in plain], 3, axis=1)
    for name, axis, _ in _HINGES:
        sigma[BODY.index(name) - 1, [a for a in range(3) if a != axis]] = _ACROSS_HINGE_RAD
    return np.asarray(sigma**-2)


POSE_WEIGHT: Float[np.ndarray, "21 3"] = _weights()
"""Inverse variance of each number of a body pose [1/rad^2]."""


def overstretch(
    body: Float[np.ndarray, "time 21 3"],
) -> tuple[Float[np.ndarray, "time 21 3"], Float[np.ndarray, "time 21 3"]]:
    """How far joints bend the wrong way, in sigmas, and its slope by the pose [1/rad]."""
    over, slope = np.zeros_like(body), np.zeros_like(body)
    for name, axis, sign in _HINGES:
        joint = BODY.index(name) - 1
        excess = -sign * body[:, joint, axis] - _FREE_RAD
        over[:, joint, axis] = np.maximum(excess, 0) / _OVER_SIGMA_RAD
        slope[:, joint, axis] = np.where(excess > 0, -sign / _OVER_SIGMA_RAD, 0)
    return over, slope
