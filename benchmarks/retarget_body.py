"""Humanoids: two people who carry a box, on the Unitree G1, beside the field's tools.

What GMR and OmniRetarget made of the clips lies in the shared folder; OmniRetarget's time is
measured here, in an environment of its own, over the first frames of each clip (its first frame,
which gets five times the iterations, is left out). Ours is the stages `ground` and
`retarget.humanoid` over the whole clip, after one short run that loads what is loaded once. All are
judged on one model (`_body_metrics`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from benchmarks._body_metrics import BARS, body_metrics, g1, joint_names
from benchmarks._omomo import CLIPS, RATE_HZ, omomo_clips, to_body_joints
from benchmarks._our_body import our_body
from benchmarks._peers import BODY_PEERS, PeerError, run_peer
from benchmarks.figure import Bar, Figure
from benchmarks.paths import shared_data
from rotoscope.pipeline.geometry import se3

PEERS = ("gmr", "omniretarget")
NUM_TIMED_FRAMES = 8
NUM_WARM_UP_FRAMES = 30
_SAME_RAD = 1e-3
_UNITS = {
    "limb_deg": "deg",
    "limb_explained": "1",
    "root_explained": "1",
    "sole_std_mm": "mm",
    "sole_std_low_mm": "mm",
    "sole_height_mm": "mm",
    "skate_cm_s": "cm/s",
    "below_ground_frames": "1",
    "limit_frames": "1",
    "self_collision_frames": "1",
    "acceleration_rad_s2": "rad/s2",
    "overall": "1",
}


@dataclass(frozen=True, eq=False)
class BodyRun:
    """What one tool made of one clip."""

    who: str
    """The tool."""
    clip: str
    """The clip."""
    qpos: Float[np.ndarray, "time 36"]
    """Base position, quaternion wxyz, 29 joint angles in the order of `g1_29dof.xml`."""


def run() -> list[Figure]:
    """Figures of every tool that can be had here."""
    clips = omomo_clips()
    out = []
    for peer in peer_runs():
        out += figures(peer, clips[peer.clip][1], {})
    out += peer_times()
    for clip, (time_s, joints52_m) in clips.items():
        out += _ours(clip, time_s, joints52_m)
    return out


def _ours(clip: str, time_s: np.ndarray, joints52_m: np.ndarray) -> list[Figure]:
    joints_m = to_body_joints(joints52_m)
    our_body(joints_m[:NUM_WARM_UP_FRAMES], time_s[:NUM_WARM_UP_FRAMES])
    made = our_body(joints_m, time_s)
    columns = [made.joint_names.index(name) for name in joint_names(g1())]
    qpos = np.concatenate([made.qpos[:, :7], made.qpos[:, 7:][:, columns]], axis=1)
    person_m = se3.apply(made.T_world_source, joints52_m)
    bars = {name: Bar("<=", limit) for name, limit in BARS.items()}
    begin = f"retarget_body.{clip}.ours"
    return [
        Figure(f"{begin}.per_frame", made.taken_ms, "ms", Bar("<=", 20.0)),
        Figure(f"{begin}.valid_frames", float(made.valid.mean()), "1"),
        *figures(BodyRun("ours", clip, qpos), person_m, bars),
    ]


def figures(
    body: BodyRun, joints52_m: Float[np.ndarray, "time 52 3"], bars: dict[str, Bar]
) -> list[Figure]:
    """Metrics of one motion, held against bars where there are some."""
    metrics = body_metrics(body.qpos, joints52_m[: len(body.qpos)], RATE_HZ)
    begin = f"retarget_body.{body.clip}.{body.who}"
    return [
        Figure(f"{begin}.{name}", metrics[name], unit, bars.get(name))
        for name, unit in _UNITS.items()
    ]


def peer_runs() -> Iterator[BodyRun]:
    """Recorded outputs of the peers, where they are."""
    data = shared_data()
    if data is None:
        print("outputs of GMR and OmniRetarget are left out: there is no shared folder here")
        return
    for clip in CLIPS:
        for who in PEERS:
            with np.load(data / "peers" / f"{who}_{clip}.npz") as file:
                yield BodyRun(who, clip, file["qpos"][:, :36])


def peer_times() -> list[Figure]:
    """OmniRetarget's CPU time per frame now, and whether it still makes what was recorded."""
    try:
        rows = run_peer(BODY_PEERS, "run_omniretarget", ",".join(CLIPS), NUM_TIMED_FRAMES)
    except PeerError as error:
        print(f"OmniRetarget's time is left out: {error}")
        return []
    recorded = {body.clip: body.qpos for body in peer_runs() if body.who == "omniretarget"}
    out = []
    for clip, row in rows.items():
        taken_ms = float(np.mean(row["taken_ms"][1:]))
        out.append(Figure(f"retarget_body.{clip}.omniretarget.per_frame", taken_ms, "ms"))
        if clip in recorded:
            made = np.array(row["qpos"])[:, :36]
            is_same = np.abs(made - recorded[clip][: len(made)]).max() < _SAME_RAD
            out.append(Figure(f"retarget_body.{clip}.omniretarget.as_recorded", is_same, "1"))
    return out
