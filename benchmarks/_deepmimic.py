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


def deepmimic_joints(
    path: Path, *, rate_hz: float = 30.0
) -> tuple[Float[np.ndarray, "time 21 3"], Float[np.ndarray, " time"]]:
    """`BODY_JOINTS` of a clip with z up [m], and the frames' times [s], evenly spaced."""
    rows = np.array(json.loads(path.read_text())["Frames"], float)
    at_s = np.concatenate([[0.0], np.cumsum(rows[:-1, 0])])
    time_s = np.arange(0.0, at_s[-1], 1.0 / rate_hz)
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
    joints = np.stack([p[name] for name in BODY_JOINTS], axis=1) @ TO_Z_UP.T
    flat = joints.reshape(len(rows), -1)
    even = np.stack([np.interp(time_s, at_s, column) for column in flat.T], axis=1)
    return even.reshape(len(time_s), len(BODY_JOINTS), 3), time_s
