"""From MediaPipe's 33 pose landmarks to `BODY_JOINTS`, and the bones between these."""

from __future__ import annotations

import itertools

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.tracks import BODY_JOINTS, SIDES

NUM_LANDMARKS = 33
"""Landmarks of MediaPipe's pose model (BlazePose GHUM, 2020)."""
TORSO_LANDMARKS = (11, 12, 23, 24)
"""Left and right shoulder, left and right hip."""

_LANDMARKS_OF_LEFT: dict[str, tuple[int, ...]] = {
    "shoulder": (11,),
    "elbow": (13,),
    "wrist": (15,),
    "hand": (17, 19),
    "hip": (23,),
    "knee": (25,),
    "ankle": (27,),
    "heel": (29,),
    "toe": (31,),
}
"""MediaPipe's landmarks whose mean is the joint; those of the right side are one more each. Hands:
roots of little and index finger."""

BONES: tuple[str, ...] = (
    "spine",
    "head",
    "hip_line",
    "shoulder_line",
    *(
        f"{side}_{bone}"
        for side in SIDES
        for bone in ("upper_arm", "forearm", "hand", "thigh", "shank", "heel", "foot")
    ),
)
"""Directions that a body's posture consists of. The spine leads from pelvis to neck, both lines
from right to left, the rest away from the trunk; heel and foot begin at the ankle."""

_CHAINS = {
    "elbow": ("shoulder", "upper_arm"),
    "wrist": ("elbow", "forearm"),
    "hand": ("wrist", "hand"),
    "knee": ("hip", "thigh"),
    "ankle": ("knee", "shank"),
    "heel": ("ankle", "heel"),
    "toe": ("ankle", "foot"),
}
"""Joint of one side -> the joint before it and the bone between."""


def _joint_weights() -> Float[np.ndarray, "body_joint 33"]:
    groups: dict[str, tuple[int, ...]] = {"pelvis": (23, 24), "neck": (11, 12), "head": (7, 8)}
    for offset, side in enumerate(SIDES):
        for joint, landmarks in _LANDMARKS_OF_LEFT.items():
            groups[f"{side}_{joint}"] = tuple(index + offset for index in landmarks)
    out = np.zeros((len(BODY_JOINTS), NUM_LANDMARKS))
    for row, name in enumerate(BODY_JOINTS):
        out[row, list(groups[name])] = 1.0 / len(groups[name])
    return out


def _bone_paths() -> Float[np.ndarray, "body_joint bone"]:
    paths = {name: np.zeros(len(BONES)) for name in BODY_JOINTS}
    index = {name: i for i, name in enumerate(BONES)}
    paths["neck"][index["spine"]] = 1.0
    paths["head"][[index["spine"], index["head"]]] = 1.0
    for side, sign in zip(SIDES, (0.5, -0.5), strict=True):
        paths[f"{side}_hip"][index["hip_line"]] = sign
        paths[f"{side}_shoulder"][[index["spine"], index["shoulder_line"]]] = 1.0, sign
        for joint, (before, bone) in _CHAINS.items():
            path = paths[f"{side}_{before}"].copy()
            path[index[f"{side}_{bone}"]] = 1.0
            paths[f"{side}_{joint}"] = path
    return np.array([paths[name] for name in BODY_JOINTS])


def _bone_ends() -> Float[np.ndarray, "bone body_joint"]:
    ends = {
        "spine": ("pelvis", "neck"),
        "head": ("neck", "head"),
        "hip_line": ("right_hip", "left_hip"),
        "shoulder_line": ("right_shoulder", "left_shoulder"),
    }
    for side, (joint, (before, bone)) in itertools.product(SIDES, _CHAINS.items()):
        ends[f"{side}_{bone}"] = f"{side}_{before}", f"{side}_{joint}"
    out = np.zeros((len(BONES), len(BODY_JOINTS)))
    for row, name in enumerate(BONES):
        start, end = ends[name]
        out[row, BODY_JOINTS.index(start)], out[row, BODY_JOINTS.index(end)] = -1.0, 1.0
    return out


JOINT_WEIGHTS = _joint_weights()
"""Joints = this @ landmarks: each is the mean of one or two of them."""
BONE_PATHS = _bone_paths()
"""Joints relative to the pelvis = this @ bone vectors; pelvis and neck are the middles of lines."""
BONE_ENDS = _bone_ends()
"""Bone vectors = this @ joints."""


def joints_of(landmarks: Float[np.ndarray, "*batch 33 d"]) -> Float[np.ndarray, "*batch 21 d"]:
    """`BODY_JOINTS` from landmarks, in pixels or in meters."""
    return np.asarray(JOINT_WEIGHTS @ landmarks)
