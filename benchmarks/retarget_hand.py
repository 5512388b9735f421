"""Dexterous hands: the recorded hand of dex-retargeting on robot hands, beside the field's tools.

All follow the same vectors between the same links at the same scale (`hand_vectors.json`), and all
joint angles are judged by the same kinematics (`_hand_metrics`). Peers' times are theirs for one
frame, filter included, on one thread; ours is the whole clip's solution divided by its frames,
after one short solution that loads what is loaded once.

Peers are shown before (`raw`) and after (`filtered`) their own low-pass filter. `ours` puts the
vectors before all else and is about as rough as the peers' unfiltered output or rougher: compare
the accelerations. `ours_calm` is smoother than their filtered output. Peers know nothing of
velocity limits, and both do without them; `ours_within_speed` keeps those of the robot file, which
on these hands are slower than the recorded fingers.

`recipe_joints`, `recipe_video` and `recipe` are what a user gets, beside DexPilot: see
`_hand_recipe`.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from benchmarks import _hand_recipe
from benchmarks._hand_metrics import hand_metrics, hand_vectors, is_defined_as
from benchmarks._our_hand import VARIANTS, our_joints
from benchmarks._peers import HAND_PEERS, PeerError, run_peer
from benchmarks.figure import Bar, Figure
from benchmarks.hands import read_reference
from benchmarks.paths import require_shared_data

FPS = 30.0
PEERS = {"dex_retargeting": "run_dex_retargeting", "dexi_rs": "run_dexi_rs"}
_UNITS = {
    "error_mm": "mm",
    "explained": "1",
    "outside_frames": "1",
    "outside_max_mrad": "mrad",
    "acceleration_rad_s2": "rad/s2",
}
NUM_WARM_UP_FRAMES = 30

_ERROR_BARS = {"shadow": Bar("<=", 13.3), "allegro": Bar("<=", 38.3)}
_RATED = ("shadow", "allegro")
_SPEED_BARS = {"dex_retargeting": Bar(">=", 5.0), "dexi_rs": Bar(">=", 1.0)}


@dataclass(frozen=True, eq=False)
class HandRun:
    """What one tool made of the clip on one hand."""

    who: str
    """The tool, and which of its outputs."""
    robot: str
    """The hand, as in `hand_vectors.json`."""
    joint_names: list[str]
    """Names of the columns."""
    angles_rad: Float[np.ndarray, "time joint"]
    """Joint angles."""
    taken_ms: float
    """CPU time per frame [ms]."""

    def metrics(self, joints_m: Float[np.ndarray, "time 21 3"]) -> dict[str, float]:
        """Everything of `hand_metrics`."""
        return hand_metrics(
            hand_vectors()[self.robot], self.joint_names, self.angles_rad, joints_m, FPS
        )


def run() -> list[Figure]:
    """Figures of every tool that can be had here."""
    recording = require_shared_data() / "dex_retargeting" / "human_joint_right.pkl"
    joints_m = read_reference(recording)
    peers, ours = peer_runs(joints_m), our_runs(joints_m)
    out = []
    for hand in (*peers, *ours):
        out += _figures(hand, hand.metrics(joints_m))
    return out + _speedups(peers, ours) + _hand_recipe.figures()


def our_runs(joints_m: Float[np.ndarray, "time 21 3"]) -> list[HandRun]:
    """Our solver on each hand, in each of `VARIANTS`."""
    time_s = np.arange(len(joints_m)) / FPS
    out = []
    for robot, vectors in hand_vectors().items():
        for who, variant in VARIANTS.items():
            for end in (NUM_WARM_UP_FRAMES, len(joints_m)):
                names, angles_rad, taken_ms = our_joints(
                    vectors, joints_m[:end], time_s[:end], variant
                )
            out.append(HandRun(who, robot, names, angles_rad, taken_ms))
    return out


def peer_runs(joints_m: Float[np.ndarray, "time 21 3"]) -> list[HandRun]:
    """Each peer on each hand, raw and filtered; without those that cannot be had here."""
    out = []
    for who, script in PEERS.items():
        try:
            out += _peer(who, script, joints_m)
        except PeerError as error:
            print(f"{who} is left out: {error}")
    return out


def _peer(who: str, script: str, joints_m: np.ndarray) -> list[HandRun]:
    with tempfile.TemporaryDirectory() as folder:
        joints = Path(folder) / "joints.npy"
        np.save(joints, joints_m)
        rows = run_peer(HAND_PEERS, script, ",".join(hand_vectors()), joints)
    out = []
    for robot, row in rows.items():
        if not is_defined_as(robot, row["definition"]):
            raise PeerError(f"its configuration of {robot} is not that of hand_vectors.json")
        taken_ms = float(np.mean(row["taken_ms"]))
        for output in ("raw", "filtered"):
            angles_rad = np.array(row[f"{output}_rad"])
            name = f"{who}.{output}"
            out.append(HandRun(name, robot, row["joint_names"], angles_rad, taken_ms))
    return out


def _figures(hand: HandRun, metrics: dict[str, float]) -> list[Figure]:
    begin = f"retarget_hand.{hand.robot}.{hand.who}"
    bars = _bars(hand)
    return [
        Figure(f"{begin}.per_frame", hand.taken_ms, "ms", bars.get("per_frame")),
        *(
            Figure(f"{begin}.{name}", metrics[name], unit, bars.get(name))
            for name, unit in _UNITS.items()
        ),
    ]


def _bars(hand: HandRun) -> dict[str, Bar]:
    if hand.who not in VARIANTS:
        return {}
    bars = {"outside_frames": Bar("==", 0.0), "per_frame": Bar("<=", 1.0)}
    if hand.who == "ours" and hand.robot in _ERROR_BARS:
        bars["error_mm"] = _ERROR_BARS[hand.robot]
    return bars


def _speedups(peers: list[HandRun], ours: list[HandRun]) -> list[Figure]:
    """How many times faster than each peer, in this run."""
    taken_ms = {hand.robot: hand.taken_ms for hand in ours if hand.who == "ours"}
    out = []
    for peer in peers:
        who, _, output = peer.who.partition(".")
        if output == "raw":
            ratio = peer.taken_ms / taken_ms[peer.robot]
            bar = _SPEED_BARS[who] if peer.robot in _RATED else None
            out.append(Figure(f"retarget_hand.{peer.robot}.faster_than_{who}", ratio, "x", bar))
    return out
