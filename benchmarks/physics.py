"""What gravity makes of G1 motions: postures with known faults, and the peers' OMOMO clips.

`missing` is the force that no contact can give, in body weights (inverse dynamics); `fall` the time
until a robot without a balance controller lies there, its whole length where it never does.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from benchmarks.figure import Bar, Figure
from benchmarks.paths import require_shared_data
from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.physics.model import build_physics_model
from rotoscope.retarget.physics.pd_tracking import track_with_pd
from rotoscope.retarget.physics.residual_wrench import residual_wrench

CLIPS = ("sub3_largebox_003", "sub10_largebox_049")
PEERS = ("gmr", "omniretarget")
RATE_HZ, STANDING_S = 30.0, 5.0
ANKLE_LEAN_RAD = 0.41
"""Puts the center of mass, 0.75 m over the ankles, 0.3 m ahead of where it balances."""


@dataclass(frozen=True, eq=False)
class Motion:
    """A trajectory of the G1."""

    root_m: Float[np.ndarray, "time 3"]
    root_R: Float[np.ndarray, "time 3 3"]  # noqa: N815 - as in the mathematics
    joints: Float[np.ndarray, "time joint"]

    @property
    def time_s(self) -> Float[np.ndarray, " time"]:
        """Time of each frame [s]."""
        return np.arange(len(self.joints)) / RATE_HZ


def run() -> list[Figure]:
    """All figures."""
    shared = require_shared_data()
    path = shared / "robots" / "unitree_g1_gmr" / "g1_mocap_29dof.xml"
    names = build_physics_model(path, "free").joint_names
    motions = {
        "standing": standing(names),
        "floating_5cm": standing(names, raised_m=0.05),
        "leaning_30cm": standing(names, lean_rad=ANKLE_LEAN_RAD),
    }
    for peer in PEERS:
        for clip in CLIPS:
            qpos = np.load(shared / "peers" / f"{peer}_{clip}.npz")["qpos"].astype(float)
            R = se3.matrix_from_quat(qpos[:, 3:7])
            motions[f"{peer}.{clip}"] = Motion(qpos[:, :3], R, qpos[:, 7:])
    figures = []
    for name, motion in motions.items():
        what = (path, motion.root_m, motion.root_R, motion.joints, names, motion.time_s)
        start_s = time.process_time()
        missing = residual_wrench(*what).mean(axis=0)
        free, helped = (track_with_pd(*what, root=root) for root in ("free", "assisted"))
        cpu_ms = (time.process_time() - start_s) / len(motion.joints) * 1e3
        fall_s = free.duration_s if free.fall_s is None else free.fall_s
        never = Bar("==", free.duration_s) if name == "standing" else None
        figures += [
            Figure(f"physics.{name}.fall", fall_s, "s", never),
            Figure(f"physics.{name}.missing_force", float(missing[0]), "weights"),
            Figure(f"physics.{name}.missing_torque", float(missing[1]), "weights m"),
            Figure(
                f"physics.{name}.assist", _number(helped.facts(), "assist_force_weights"), "weights"
            ),
            Figure(
                f"physics.{name}.joint_p95", _number(helped.facts(), "joint_error_p95_deg"), "deg"
            ),
            Figure(f"physics.{name}.saturation", _number(helped.facts(), "saturation_share"), "1"),
            Figure(f"physics.{name}.cpu_per_frame", cpu_ms, "ms"),
        ]
    return figures


def standing(names: tuple[str, ...], *, raised_m: float = 0.0, lean_rad: float = 0.0) -> Motion:
    """The G1 with bent knees, both soles on the floor, tilted as a whole about its ankles."""
    num_frames = int(STANDING_S * RATE_HZ)
    joints = np.zeros((num_frames, len(names)))
    for side in ("left", "right"):
        for joint, value in (("hip_pitch", -0.3), ("knee", 0.6), ("ankle_pitch", -0.3 - lean_rad)):
            joints[:, names.index(f"{side}_{joint}_joint")] = value
    # The ankle lies 0.035 m over the sole, and the pelvis 0.722 m over the ankle.
    R = se3.exp_so3(np.array([0.0, lean_rad, 0.0]))
    pelvis = np.array([0.0, 0.0, 0.035 + raised_m]) + R @ np.array([0.0, 0.0, 0.722])
    return Motion(np.tile(pelvis, (num_frames, 1)), np.tile(R, (num_frames, 1, 1)), joints)


def _number(facts: dict[str, float | None], name: str) -> float:
    value = facts[name]
    return float("nan") if value is None else value
