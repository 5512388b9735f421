"""DeepMimic's clips on the G1, ours and GMR's, on one model, in one run.

GMR (Ze et al. 2025) gets the same frames as places and rotations of SMPL-X's bodies, as its own
script feeds it, with its own configuration for the G1, in an environment of its own. Ours are the
stages `ground` and `retarget.humanoid`, after one short run that loads what is loaded once. A clip
of which ours gives no frame, since no body moves so, is left out of both. All frames that ours
gives count, valid or not. Judged on holosoma's G1 (`_body_metrics`).
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from benchmarks._body_metrics import body_metrics, g1, joint_names
from benchmarks._deepmimic import HEIGHT_M, clip_paths, deepmimic_joints, smplx_bodies
from benchmarks._omomo import OMOMO_JOINTS
from benchmarks._our_body import our_body
from benchmarks._peers import GMR_PEERS, PeerError, gmr_checkout, run_peer
from benchmarks.figure import Bar, Figure
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import BODY_JOINTS

RATE_HZ = 30.0
NUM_WARM_UP_FRAMES = 30
COMPARED = {
    "limb_deg": "deg",
    "skate_cm_s": "cm/s",
    "acceleration_rad_s2": "rad/s2",
    "self_collision_frames": "1",
    "below_ground_frames": "1",
    "limit_frames": "1",
}
"""Metrics that are compared, and their units; smaller is better. Bars are on the first four."""
NUM_BARRED = 4
REPEATS = 2
"""Runs of each tool of which the faster counts: the machine is not alone."""
CPU_RATIO = 1.5


def run() -> list[Figure]:
    """Medians over clips, then every clip."""
    paths = clip_paths()
    ours, times = {}, {}
    motions = {name: deepmimic_joints(path, rate_hz=RATE_HZ) for name, path in paths.items()}
    warm_m, warm_s = motions["walk"]
    our_body(warm_m[:NUM_WARM_UP_FRAMES], warm_s[:NUM_WARM_UP_FRAMES])
    out = []
    frames = {}
    for name, (joints_m, time_s) in motions.items():
        made = [our_body(joints_m, time_s) for _ in range(REPEATS)]
        times[name] = min(one.taken_ms for one in made)
        out.append(Figure(f"deepmimic.{name}.ours.valid", float(made[0].valid.mean()), "1"))
        columns = [made[0].joint_names.index(joint) for joint in joint_names(g1())]
        qpos = np.concatenate([made[0].qpos[:, :7], made[0].qpos[:, 7:][:, columns]], axis=1)
        frames[name] = np.isfinite(qpos).all(axis=1)
        if frames[name].sum() > 2:
            person_m = se3.apply(made[0].T_world_source, joints_m)
            ours[name] = _metrics(qpos[frames[name]], person_m[frames[name]])
    theirs, their_ms = _gmr({name: paths[name] for name in ours}, motions, frames)
    return [*_summary(ours, times, theirs, their_ms), *out, *_clips(ours, theirs, times, their_ms)]


def _metrics(qpos: np.ndarray, joints_m: np.ndarray) -> dict[str, float]:
    return body_metrics(qpos, _omomo(joints_m), RATE_HZ)


def _omomo(joints_m: np.ndarray) -> np.ndarray:
    """`OMOMO_JOINTS`, as far as the metrics look at them; NaN for the others."""
    out = np.full((len(joints_m), len(OMOMO_JOINTS), 3), np.nan)
    out[:, OMOMO_JOINTS.index("Pelvis")] = joints_m[:, BODY_JOINTS.index("pelvis")]
    for side in ("left", "right"):
        for joint in ("hip", "knee", "ankle", "toe", "shoulder", "elbow", "wrist"):
            own = OMOMO_JOINTS.index(f"{side[0].upper()}_{joint.title()}")
            out[:, own] = joints_m[:, BODY_JOINTS.index(f"{side}_{joint}")]
    return out


def _gmr(
    paths: dict[str, Path],
    motions: dict[str, tuple[np.ndarray, np.ndarray]],
    frames: dict[str, np.ndarray],
) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Metrics and CPU time a frame [ms] of GMR by clip; none where it cannot be had."""
    bodies = {
        f"{clip}/{body}": np.concatenate(pose, axis=1)
        for clip, path in paths.items()
        for body, pose in smplx_bodies(path, rate_hz=RATE_HZ).items()
    }
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "clips.npz", **bodies)
        try:
            rows = run_peer(
                GMR_PEERS,
                "run_gmr",
                gmr_checkout(),
                HEIGHT_M,
                REPEATS,
                Path(folder) / "clips.npz",
            )
        except PeerError as error:
            print(f"GMR is left out: {error}")
            return {}, {}
    made = {
        clip: _metrics(np.array(row["qpos"])[frames[clip]], motions[clip][0][frames[clip]])
        for clip, row in rows.items()
    }
    return made, {clip: float(row["taken_ms"]) for clip, row in rows.items()}


def _summary(
    ours: dict[str, dict[str, float]],
    times: dict[str, float],
    theirs: dict[str, dict[str, float]],
    their_ms: dict[str, float],
) -> list[Figure]:
    out = []
    for k, (metric, unit) in enumerate(COMPARED.items()):
        peer = float(np.median([row[metric] for row in theirs.values()])) if theirs else None
        own = float(np.median([row[metric] for row in ours.values()]))
        bar = Bar("<=", peer) if peer is not None and k < NUM_BARRED else None
        out.append(Figure(f"deepmimic.median.ours.{metric}", own, unit, bar))
        if peer is not None:
            out.append(Figure(f"deepmimic.median.gmr.{metric}", peer, unit))
            wins = sum(row[metric] <= theirs[name][metric] for name, row in ours.items())
            out.append(Figure(f"deepmimic.clips_not_worse.{metric}", wins, "clips"))
    own_ms = float(np.median([times[name] for name in ours]))
    out.append(Figure("deepmimic.median.ours.per_frame", own_ms, "ms"))
    if their_ms:
        peer_ms = float(np.median(list(their_ms.values())))
        ratio = float(np.median([times[name] / their_ms[name] for name in their_ms]))
        out.append(Figure("deepmimic.median.gmr.per_frame", peer_ms, "ms"))
        out.append(Figure("deepmimic.median.cpu_ratio", ratio, "1", Bar("<=", CPU_RATIO)))
    return out


def _clips(
    ours: dict[str, dict[str, float]],
    theirs: dict[str, dict[str, float]],
    times: dict[str, float],
    their_ms: dict[str, float],
) -> list[Figure]:
    out = []
    for who, rows, taken in (("ours", ours, times), ("gmr", theirs, their_ms)):
        for name, row in rows.items():
            begin = f"deepmimic.{name}.{who}"
            out += [Figure(f"{begin}.{metric}", row[metric], u) for metric, u in COMPARED.items()]
            out.append(Figure(f"{begin}.per_frame", taken[name], "ms"))
    return out
