"""Motions of right hands that robot hands are to copy: recorded, captured, and power grasps."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from benchmarks.hands import read_reference
from benchmarks.paths import require_shared_data
from rotoscope.models.rendered_hands.arm import Arm, Body, load_arm
from rotoscope.models.rendered_hands.postures import closing, fist, open_hand, pinch
from rotoscope.pipeline.geometry.hand_frame import in_wrist_frame

FPS = 30.0
_NUM_FRAMES = 180
_PERIOD_S = 3.0
_PINCH_FRAMES, _NOISE_M = 150, 0.003
_BODIES = {
    "power_man": (Body(gender=0.1, height=0.6, muscle=0.7), 1.0),
    "power_woman": (Body(gender=0.9, height=0.4, age=0.8), 0.8),
    "power_child": (Body(height=0.35, age=0.45), 0.6),
}
"""Whose hand closes, and which part of the way to a fist."""

Motions = dict[str, Float[np.ndarray, "time 21 3"]]


def recording() -> Float[np.ndarray, "time 21 3"]:
    """The joints of dex-retargeting's example [m]."""
    joints_m: np.ndarray = read_reference(
        require_shared_data() / "dex_retargeting" / "human_joint_right.pkl"
    )
    return joints_m


def reported_grasps() -> Motions:
    """Grasps that chose nothing: a captured one, and fists of three made-up people [m]."""
    with np.load(require_shared_data() / "rendered_grasp" / "e_gt.npz") as arrays:
        captured = in_wrist_frame(arrays["joints_world"], "right")
    return {"captured": captured, **{name: _fist(*of) for name, of in _BODIES.items()}}


def reported_pinches() -> Motions:
    """Pinches of thumb and index that chose nothing [m]: two people, slow and fast, and noise."""
    out, generator = {}, np.random.default_rng(7)
    for name in ("power_man", "power_woman"):
        arm = load_arm(_BODIES[name][0])
        opened, closed = open_hand(arm), pinch(arm)
        who = name.removeprefix("power_")
        for pace, period_s in (("slow", 2.0), ("fast", 0.9)):
            way = closing(np.arange(_PINCH_FRAMES) / FPS, period_s)
            out[f"pinch_{who}_{pace}"] = _posed(arm, opened, closed, way)
    still = out["pinch_man_slow"]
    return out | {"pinch_noise": still + generator.normal(0, _NOISE_M, still.shape)}


def _fist(body: Body, share: float) -> Float[np.ndarray, "time 21 3"]:
    arm = load_arm(body)
    opened, closed = open_hand(arm), fist(arm)
    return _posed(arm, opened, closed, share * closing(np.arange(_NUM_FRAMES) / FPS, _PERIOD_S))


def _posed(
    arm: Arm, opened: np.ndarray, closed: np.ndarray, way: Float[np.ndarray, " time"]
) -> Float[np.ndarray, "time 21 3"]:
    joints = [arm.joints(arm.motions(opened + part * (closed - opened))) for part in way]
    return in_wrist_frame(np.array(joints), "right")
