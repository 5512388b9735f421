"""Motion files and a video of squats, end to end by the command line's own way, onto the G1.

Each source is labeled into a dataset in a folder of its own, and the dataset is what is judged:
its joints and root pose are played in MuJoCo, whose kinematics are not ours, and compared with the
person's joints that stand beside them. The squats are compared with the landmarks that Google
publishes for the same video, which no part of the pipeline has seen.
"""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from benchmarks.figure import Bar, Figure
from benchmarks.paths import shared_data
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.recipe import load_recipe
from rotoscope.pipeline.run.label import label
from rotoscope.pipeline.run.request import LabelRequest
from rotoscope.pipeline.tracks import BODY_JOINTS, SIDES, runs
from rotoscope.retarget.description.mujoco import body_pose, compile_robot, import_mujoco
from rotoscope.retarget.humanoid.human_skeleton import LIMBS
from rotoscope.retarget.optimize.violations import position_violations
from rotoscope.retarget.robots.robot import HumanoidRobot, load_humanoid

FILES = {
    "aitviewer": "aitviewer/sample.bvh",
    "fairmotion": "mocap_fairmotion/11_01.amc",
    "pyroki": "pyroki/humanoid/smpl_keypoints.npy",
}
"""Motion files by the name of their figures."""
SQUATS = "tfjs_pose_regression/pose_squats.mp4"
SQUATS_TRUTH = "tfjs_pose_regression/pose_squats_3d.full.json"
HIP, KNEE, ANKLE = (23, 24), (25, 26), (27, 28)
"""Left and right landmarks of MediaPipe's 33."""
DEEP_M = 0.01
"""A sole deeper than this is below the ground [m]."""
SHORT_ROWS = 2
"""Gaps in a contact up to this many rows, at 30 a second, are none."""


@dataclass(frozen=True, eq=False)
class Episode:
    """What a dataset says about one episode, played in MuJoCo."""

    time_s: Float[np.ndarray, " time"]
    joints: Float[np.ndarray, "time joint"]
    corners_m: Float[np.ndarray, "time 2 corner 3"]
    floor_m: Float[np.ndarray, "time 2"]
    contact: Bool[np.ndarray, "time 2"]
    limb_deg: Float[np.ndarray, "time limb"]
    valid: Bool[np.ndarray, " time"]


def run() -> list[Figure]:
    """Figures of every source that is there."""
    data = shared_data()
    if data is None:
        return []
    robot = load_humanoid("g1")
    out: list[Figure] = []
    for name, file in FILES.items():
        episodes = list(_episodes(robot, data / file, "motion-humanoid"))
        out += _figures(name, robot, episodes)
    squats = list(_episodes(robot, data / SQUATS, "body-humanoid"))
    out += _figures("squats", robot, squats)
    out += _squat_figures(robot, squats, json.loads((data / SQUATS_TRUTH).read_text()))
    return out


def _figures(name: str, robot: HumanoidRobot, episodes: list[Episode]) -> Iterator[Figure]:
    def all_of(values: list[np.ndarray]) -> np.ndarray:
        return np.concatenate(values)

    slip = all_of([_slip_m_s(episode) for episode in episodes])
    height = [e.corners_m[..., 2].min(axis=2) - e.floor_m for e in episodes]
    standing = all_of([h[e.contact] for h, e in zip(height, episodes, strict=True)])
    outside = all_of([position_violations(e.joints, robot.lower, robot.upper) for e in episodes])
    where = f"retarget_motions.{name}"
    limb = all_of([e.limb_deg for e in episodes])
    rows = sum(len(e.time_s) for e in episodes)
    yield Figure(f"{where}.rows", rows, "rows")
    yield Figure(f"{where}.valid", float(all_of([e.valid for e in episodes]).mean()), "1")
    yield Figure(f"{where}.limb_deg", float(np.nanmean(limb)), "deg", Bar("<=", 10.0))
    yield Figure(f"{where}.skate_cm_s", 100.0 * float(slip.mean()), "cm/s", Bar("<=", 2.8))
    yield Figure(f"{where}.sole_std_mm", 1e3 * float(standing.std()), "mm", Bar("<=", 3.0))
    deep = all_of([h.min(axis=1) < -DEEP_M for h in height])
    yield Figure(f"{where}.below_ground", float(deep.mean()), "1", Bar("<=", 0.0))
    yield Figure(f"{where}.outside_limits", float(outside.mean()), "1", Bar("<=", 0.0))


def _squat_figures(
    robot: HumanoidRobot, episodes: list[Episode], truth: list[Any]
) -> Iterator[Figure]:
    """How the knees bend, against Google's landmarks, and whether the feet stay where they are."""
    landmarks = np.array(truth)
    human_s = np.arange(len(landmarks)) / 5.0
    time_s = np.concatenate([e.time_s for e in episodes])
    for k, side in enumerate(SIDES):
        bones = landmarks[:, KNEE[k]] - landmarks[:, HIP[k]]
        shins = landmarks[:, ANKLE[k]] - landmarks[:, KNEE[k]]
        cos = np.sum(bones * shins, axis=1)
        cos /= np.linalg.norm(bones, axis=1) * np.linalg.norm(shins, axis=1)
        human = np.interp(time_s, human_s, np.arccos(cos))
        column = robot.joint_names.index(f"{side}_knee_joint")
        knee = np.concatenate([e.joints[:, column] for e in episodes])
        correlation = float(np.corrcoef(human, knee)[0, 1])
        yield Figure(f"retarget_motions.squats.knee.{side}", correlation, "1", Bar(">=", 0.9))
    drift = max(float(np.ptp(e.corners_m[:, :, 0, :2], axis=0).max()) for e in episodes)
    yield Figure("retarget_motions.squats.foot_drift", 1e3 * drift, "mm", Bar("<=", 10.0))
    planted = np.concatenate([e.contact.all(axis=1) for e in episodes]).mean()
    yield Figure("retarget_motions.squats.both_planted", float(planted), "1", Bar(">=", 0.95))


def _episodes(robot: HumanoidRobot, source: Path, recipe: str) -> Iterator[Episode]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "dataset"
        request = LabelRequest(
            inputs=(source,), recipe=load_recipe(recipe), out=out, store=Path(folder) / "store"
        )
        result = label(request)
        if result.exit_code:
            raise SystemExit(f"{source.name}: {[row.message for row in result.rows]}")
        dataset = open_dataset(out)
        for index in range(len(dataset.table)):
            rows = dataset.episode(index)
            yield _played(robot, rows.columns, rows.meta)


def _played(robot: HumanoidRobot, columns: dict[str, np.ndarray], meta: dict[str, Any]) -> Episode:
    mujoco = import_mujoco()
    model = compile_robot(robot.path)
    data = mujoco.MjData(model)
    joints = columns["observation.state"].astype(float)
    pose = columns["label.root_pose"].astype(float)
    root_R = se3.exp_so3(pose[:, 3:])
    body = robot.config.body
    ends = {name: body[name] for pair in LIMBS for name in pair}
    points = np.zeros((len(joints), len(ends), 3))
    corners = np.zeros((len(joints), 2, len(robot.config.feet["left"].sole_m), 3))
    for t, row in enumerate(joints):
        for name, value in zip(robot.joint_names, row, strict=True):
            data.joint(name).qpos[:] = value
        mujoco.mj_kinematics(model, data)
        T_world = se3.make(root_R[t], pose[t, :3]) @ se3.inverse(body_pose(data, robot.config.root))
        for k, point in enumerate(ends.values()):
            T = T_world @ body_pose(data, point.link)
            points[t, k] = T[:3, :3] @ np.array(point.offset_m) + T[:3, 3]
        for k, side in enumerate(SIDES):
            foot = robot.config.feet[side]
            T = T_world @ body_pose(data, foot.link)
            corners[t, k] = np.array(foot.sole_m) @ T[:3, :3].T + T[:3, 3]
    person = columns["track.body.joints"].astype(float).reshape(len(joints), -1, 3)
    contact = columns["label.contact"] > 0.5
    return Episode(
        time_s=meta["source"]["start_s"] + columns["timestamp"].astype(float),
        joints=joints,
        corners_m=corners,
        floor_m=_floor(columns["label.support"].astype(float), contact) * meta["quality"]["scale"],
        contact=contact,
        limb_deg=_limb_deg(points, list(ends), person),
        valid=columns["label.valid"].astype(bool).reshape(-1),
    )


def _limb_deg(
    points_m: Float[np.ndarray, "time point 3"], names: list[str], person_m: np.ndarray
) -> Float[np.ndarray, "time limb"]:
    out = []
    for a, b in LIMBS:
        robot = points_m[:, names.index(b)] - points_m[:, names.index(a)]
        human = person_m[:, BODY_JOINTS.index(b)] - person_m[:, BODY_JOINTS.index(a)]
        cos = np.sum(robot * human, axis=1)
        cos /= np.linalg.norm(robot, axis=1) * np.linalg.norm(human, axis=1)
        out.append(np.degrees(np.arccos(np.clip(cos, -1.0, 1.0))))
    return np.stack(out, axis=1)


def _slip_m_s(episode: Episode) -> Float[np.ndarray, " standing"]:
    """Speed along the ground of the middle of each sole while it stands."""
    middle = episode.corners_m[..., :2].mean(axis=2)
    step = np.linalg.norm(np.diff(middle, axis=0), axis=2) / np.diff(episode.time_s)[:, None]
    both = episode.contact[1:] & episode.contact[:-1]
    return step[both]


def _floor(
    support_m: Float[np.ndarray, "time 2"], contact: Bool[np.ndarray, "time 2"]
) -> Float[np.ndarray, "time 2"]:
    """What each foot stands on; while it swings the lower of what comes before and after.

    A contact has one height, the median of what the person's foot rests on, and contacts less
    than a tenth of a second apart are one: on the hillside the recording's flags flicker.
    """
    out = np.zeros(support_m.shape)
    for foot in range(2):
        spans = runs(_closed(contact[:, foot]))
        if not spans:
            continue
        heights = [float(np.nanmedian(support_m[a:b, foot])) for a, b in spans]
        edges = [0, *(x for span in spans for x in span), len(out)]
        swings = [heights[0], *map(min, itertools.pairwise(heights)), heights[-1]]
        for k, value in enumerate(swings):
            out[edges[2 * k] : edges[2 * k + 1], foot] = value
        for (a, b), height in zip(spans, heights, strict=True):
            out[a:b, foot] = height
    return out


def _closed(flags: Bool[np.ndarray, " time"]) -> Bool[np.ndarray, " time"]:
    """Flags with gaps of up to `SHORT_ROWS` filled."""
    out = flags.copy()
    for a, b in runs(~flags):
        if a > 0 and b < len(flags) and b - a <= SHORT_ROWS:
            out[a:b] = True
    return out
