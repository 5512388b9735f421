"""Where the joints of the SMPL family stand at rest: of a body model, or of a mean person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.motion.names import with_middles
from rotoscope.pipeline.motion.smpl_joints import BODY, PARENTS
from rotoscope.pipeline.tracks import SIDES

_STATURE_M = 1.70

_MIDDLE: dict[str, tuple[float, float, float]] = {
    "pelvis": (0, 0.580, 0),
    "spine1": (0, 0.640, 0),
    "spine2": (0, 0.720, 0),
    "spine3": (0, 0.755, 0),
    "neck": (0, 0.870, 0),
    "head": (0, 0.915, 0.010),
}
_LEFT: dict[str, tuple[float, float, float]] = {
    "hip": (0.050, 0.530, 0),
    "knee": (0.052, 0.285, 0),
    "ankle": (0.052, 0.039, 0),
    "foot": (0.052, 0.010, 0.071),
    "collar": (0.045, 0.815, 0),
    "shoulder": (0.108, 0.818, 0),
    "elbow": (0.294, 0.818, 0),
    "wrist": (0.440, 0.818, 0),
}
_LEFT_POINTS: dict[str, tuple[str, tuple[float, float, float]]] = {
    "hand": ("wrist", (0.495, 0.818, 0)),
    "heel": ("ankle", (0.052, 0, -0.038)),
}
_HEAD_MIDDLE = (0, 0.936, 0.010)


@dataclass(frozen=True, eq=False)
class RestSkeleton:
    """A person in SMPL's rest pose: arms sideways, x to the left, y up, z forward."""

    joints_m: Float[np.ndarray, "22 3"]
    """The 22 body joints [m]."""
    points: Mapping[str, tuple[int, Float[np.ndarray, " 3"]]]
    """Other points by name: the joint that each is fixed to, and where it stands at rest [m]."""
    description: str
    """Source of the lengths, such as `bone lengths of a mean person`."""


def mean_person() -> RestSkeleton:
    """A grown-up of mean proportions, 1.70 m tall.

    Lengths of limbs, hands and feet, and heights of joints are Drillis and Contini's fractions of
    the stature (1966; as in Winter, Biomechanics and Motor Control of Human Movement, figure 4.1);
    the spine is divided, and hips and shoulders are set apart, as is usual for joint centers.
    """
    table: dict[str, tuple[float, float, float]] = dict(_MIDDLE)
    points = {"head_middle": (BODY.index("head"), _STATURE_M * np.array(_HEAD_MIDDLE))}
    for side, sign in zip(SIDES, (1.0, -1.0), strict=True):
        mirror = _STATURE_M * np.array([sign, 1.0, 1.0])
        for name, (x, y, z) in _LEFT.items():
            table[f"{side}_{name}"] = (sign * x, y, z)
        for name, (joint, at) in _LEFT_POINTS.items():
            points[f"{side}_{name}"] = (BODY.index(f"{side}_{joint}"), mirror * np.array(at))
    joints_m = _STATURE_M * np.array([table[name] for name in BODY])
    return RestSkeleton(joints_m, points, "bone lengths of a mean person")


def forward(
    rest: RestSkeleton,
    rotations: Float[np.ndarray, "time 22 3 3"],
    trans_m: Float[np.ndarray, "time 3"],
) -> tuple[tuple[str, ...], Float[np.ndarray, "time point 3"]]:
    """Names and positions [m] of the body joints and the points that are fixed to them.

    Rotations are relative to the parent, as in SMPL; the pelvis lies at its rest position plus
    `trans_m`.
    """
    num_frames = len(rotations)
    R = np.empty((len(BODY), num_frames, 3, 3))
    at = np.empty((len(BODY), num_frames, 3))
    for joint, parent in enumerate(PARENTS):
        if parent < 0:
            R[joint], at[joint] = rotations[:, joint], rest.joints_m[joint] + trans_m
            continue
        R[joint] = R[parent] @ rotations[:, joint]
        at[joint] = at[parent] + R[parent] @ (rest.joints_m[joint] - rest.joints_m[parent])
    fixed = [at[j] + R[j] @ (where - rest.joints_m[j]) for j, where in rest.points.values()]
    return (*BODY, *rest.points), np.stack([*at, *fixed], axis=1)


def our_joints(names: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """Numbers of the points around each of `BODY_JOINTS`, by the names that `forward` gives."""
    ours = {"head": "head_middle"} | {f"{side}_toe": f"{side}_foot" for side in SIDES}
    for side in SIDES:
        for joint in ("hip", "knee", "ankle", "heel", "shoulder", "elbow", "wrist", "hand"):
            ours[f"{side}_{joint}"] = f"{side}_{joint}"
    return with_middles({o: (names.index(t),) for o, t in ours.items() if t in names})
