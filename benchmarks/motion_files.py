"""What the readers of motion files make of real recordings."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from benchmarks.figure import Bar, Figure
from benchmarks.paths import require_shared_data
from rotoscope.pipeline.motion import Motion, read_motion
from rotoscope.pipeline.motion.normalize import leg_length
from rotoscope.pipeline.tracks import BODY_JOINTS, SIDES

FILES = {
    "bvh": ("aitviewer/sample.bvh", 1300),
    "amc": ("mocap_fairmotion/11_01.amc", 597),
    "keypoints": ("pyroki/humanoid/smpl_keypoints.npy", 122),
    "smpl": ("aitviewer/glamr/running_seed1.pkl", 203),
}
"""Files of each format, and the frames that they hold."""

_BONES = (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
_LEG_OF_STATURE = 0.491
"""Hip to knee to ankle as a fraction of the stature (Drillis and Contini 1966)."""


def run() -> list[Figure]:
    """Frames, stature, spread of bone lengths over time, and CPU time a frame, of each format."""
    folder = require_shared_data()
    return [
        figure
        for name, (file, frames) in FILES.items()
        for figure in _one(name, folder / file, frames)
    ]


def _one(name: str, path: Path, frames: int) -> list[Figure]:
    read_motion(path)
    begin_s = time.thread_time()
    motion = read_motion(path)
    cpu_s = time.thread_time() - begin_s
    stature_m = leg_length(motion.joints_m) / _LEG_OF_STATURE
    return [
        Figure(f"motion.{name}.frames", len(motion.time_s), "frames", Bar("==", frames)),
        Figure(f"motion.{name}.stature_by_legs", stature_m, "m", Bar("<=", 2.1)),
        Figure(f"motion.{name}.bone_spread", 1e3 * _spread_m(motion), "mm", Bar("<=", 0.01)),
        Figure(f"motion.{name}.cpu", 1e3 * cpu_s / len(motion.time_s), "ms/frame", Bar("<=", 1.0)),
    ]


def _spread_m(motion: Motion) -> float:
    """Largest standard deviation over time of the length of a bone of the limbs [m]."""
    at = {joint: motion.joints_m[:, number] for number, joint in enumerate(BODY_JOINTS)}
    return max(
        float(np.linalg.norm(at[f"{side}_{a}"] - at[f"{side}_{b}"], axis=1).std())
        for side in SIDES
        for a, b in _BONES
    )
