"""The motion clips of DeepMimic, as pybullet's package holds them, as a person's joints.

Peng et al. 2018. A frame is its duration, the root's position and quaternion, then joints from the
chest outwards: quaternions for balls, one angle for knees and elbows. The skeleton is that of the
paper's own `humanoid3d.txt`: x forward, y up, z right.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation, Slerp

from benchmarks._wheels import unpacked_wheel
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import BODY_JOINTS

BONES: tuple[tuple[str, str, tuple[float, float, float], int], ...] = (
    ("chest", "root", (0.0, 0.236151, 0.0), 4),
    ("neck", "chest", (0.0, 0.223894, 0.0), 4),
    ("right_hip", "root", (0.0, 0.0, 0.084887), 4),
    ("right_knee", "right_hip", (0.0, -0.421546, 0.0), 1),
    ("right_ankle", "right_knee", (0.0, -0.409870, 0.0), 4),
    ("right_shoulder", "chest", (-0.02405, 0.243500, 0.183110), 4),
    ("right_elbow", "right_shoulder", (0.0, -0.274788, 0.0), 1),
    ("left_hip", "root", (0.0, 0.0, -0.084887), 4),
    ("left_knee", "left_hip", (0.0, -0.421546, 0.0), 1),
    ("left_ankle", "left_knee", (0.0, -0.409870, 0.0), 4),
    ("left_shoulder", "chest", (-0.02405, 0.243500, -0.183110), 4),
    ("left_elbow", "left_shoulder", (0.0, -0.274788, 0.0), 1),
)
"""Joint, parent, place in the parent [m], and numbers of it in a frame, in the file's order."""
POINTS: dict[str, tuple[str, tuple[float, float, float]]] = {
    "head": ("neck", (0.0, 0.175, 0.0)),
    **{f"{s}_wrist": (f"{s}_elbow", (0.0, -0.258947, 0.0)) for s in ("left", "right")},
    **{f"{s}_hand": (f"{s}_elbow", (0.0, -0.34, 0.0)) for s in ("left", "right")},
    **{f"{s}_heel": (f"{s}_ankle", (-0.045, -0.0225, 0.0)) for s in ("left", "right")},
    **{f"{s}_toe": (f"{s}_ankle", (0.13, -0.0225, 0.0)) for s in ("left", "right")},
}
"""Further points, fixed to joints [m]."""
TO_Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""From y up to z up, x staying forward."""


TO_SMPLX = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
"""Axes of SMPL-X's rest pose in the skeleton's: x left, y up, z forward."""
SMPLX_BODIES: dict[str, str] = {
    "pelvis": "root",
    "spine3": "chest",
    **{
        f"{side}_{body}": f"{side}_{joint}"
        for side in ("left", "right")
        for body, joint in (
            *(("hip", "hip"), ("knee", "knee"), ("foot", "ankle"), ("shoulder", "shoulder")),
            *(("elbow", "elbow"), ("wrist", "elbow")),
        )
    },
}
"""Bodies of SMPL-X, and the joint here that turns each."""
HEIGHT_M = 1.62
"""From the soles to the top of the head, standing upright [m]."""


def clip_paths() -> dict[str, Path]:
    """The clips by name, out of pybullet's wheel.

    Raises:
        AssetError: The wheel cannot be had.
    """
    folder = unpacked_wheel(
        "pybullet",
        "3.2.7",
        prefix="pybullet_data/data",
        keep=("motions",),
        python="3.11",
        platform="manylinux_2_17_x86_64",
    )
    found = sorted((folder / "motions").glob("humanoid3d_*.txt"))
    return {path.stem.removeprefix("humanoid3d_"): path for path in found}


def deepmimic_joints(
    path: Path, *, rate_hz: float = 30.0
) -> tuple[Float[np.ndarray, "time 21 3"], Float[np.ndarray, " time"]]:
    """`BODY_JOINTS` of a clip with z up [m], and the frames' times [s], evenly spaced."""
    at_s, _, p = _world(path)
    time_s = np.arange(0.0, at_s[-1], 1.0 / rate_hz)
    joints = np.stack([p[name] for name in BODY_JOINTS], axis=1) @ TO_Z_UP.T
    flat = joints.reshape(len(at_s), -1)
    even = np.stack([np.interp(time_s, at_s, column) for column in flat.T], axis=1)
    return even.reshape(len(time_s), len(BODY_JOINTS), 3), time_s


def smplx_bodies(
    path: Path, *, rate_hz: float = 30.0
) -> dict[str, tuple[Float[np.ndarray, "time 3"], Float[np.ndarray, "time 4"]]]:
    """The same frames as bodies of SMPL-X with z up: place [m] and quaternion wxyz of each.

    A body's rotation is 1 where SMPL-X's rest pose, arms out to the sides, faces along its z; the
    skeleton's arms hang down at rest.
    """
    at_s, R, p = _world(path)
    time_s = np.arange(0.0, at_s[-1], 1.0 / rate_hz)
    out = {}
    for name, joint in SMPLX_BODIES.items():
        place = {"pelvis": "root", "spine3": "chest"}.get(name, name.replace("foot", "toe"))
        turned = TO_Z_UP @ R[joint] @ TO_SMPLX
        if joint.endswith(("shoulder", "elbow")):
            down = -1.0 if joint.startswith("left") else 1.0
            turned = turned @ se3.exp_so3(np.array([0.0, 0.0, down * 0.5 * np.pi]))
        even = Slerp(at_s, Rotation.from_matrix(turned))(time_s)
        place_m = p[place] @ TO_Z_UP.T
        at_m = np.stack([np.interp(time_s, at_s, column) for column in place_m.T], axis=1)
        out[name] = (at_m, even.as_quat(scalar_first=True))
    return out


def _world(
    path: Path,
) -> tuple[
    Float[np.ndarray, " frame"],
    dict[str, Float[np.ndarray, "frame 3 3"]],
    dict[str, Float[np.ndarray, "frame 3"]],
]:
    """Times [s], rotations of joints, and places of joints and points [m], with y up."""
    rows = np.array(json.loads(path.read_text())["Frames"], float)
    at_s = np.concatenate([[0.0], np.cumsum(rows[:-1, 0])])
    R = {"root": se3.matrix_from_quat(rows[:, 4:8])}
    p = {"root": rows[:, 1:4]}
    column = 8
    for name, parent, offset, count in BONES:
        p[name] = p[parent] + R[parent] @ np.array(offset)
        values = rows[:, column : column + count]
        turned = (
            se3.matrix_from_quat(values) if count == 4 else se3.exp_so3(values * [0.0, 0.0, 1.0])
        )
        R[name] = R[parent] @ turned
        column += count
    for name, (parent, offset) in POINTS.items():
        p[name] = p[parent] + R[parent] @ np.array(offset)
    p["pelvis"] = 0.5 * (p["left_hip"] + p["right_hip"])
    p["neck"] = 0.5 * (p["left_shoulder"] + p["right_shoulder"])
    return at_s, R, p
