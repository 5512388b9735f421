"""How many humanoids never seen before can be used from their files alone, and whether rightly.

`rotoscope robot check` proposes the YAML file of each; the proposal is then compared with the
file's own joints, which are found by their names (the proposal never looks at names of joints): it
is wrong where, over random poses, a limb points more than 15 degrees away from the line between the
named joints, where bending the named knee or elbow does not bend the proposed one as much, or where
left and right, up and down are exchanged.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from jaxtyping import Float

from benchmarks._humanoid_files import REPORTED, HumanoidFile
from benchmarks.figure import Bar, Figure
from rotoscope.pipeline.errors import RotoscopeError
from rotoscope.pipeline.tracks import SIDES, Side
from rotoscope.retarget.onboarding.check import check
from rotoscope.retarget.onboarding.limbs import meeting_point
from rotoscope.retarget.onboarding.skeleton import Skeleton
from rotoscope.retarget.robots.robot import HumanoidRobot, load_humanoid

NUM_POSES = 20
"""Random poses of every robot."""
RANGE_SHARE = 0.5
"""They take this share of each joint's range about the pose at rest."""
WRONG_DEG = 15.0
"""A limb that points this far elsewhere is wrong: hips and wrists have joints centimeters apart."""
BEND_RAD = 0.2
"""How far a knee or elbow is bent to see what follows."""


def run() -> list[Figure]:
    """Counts of usable files, and of those that are wrong in silence."""
    outcome = {name: _outcome(name, file) for name, file in REPORTED.items()}
    counts = Counter(outcome.values())
    print(dict(counts))
    return [
        Figure("humanoids_unseen.files", len(outcome), "1"),
        Figure("humanoids_unseen.right", counts["right"], "1", Bar(">=", 13)),
        Figure("humanoids_unseen.wrong_in_silence", counts["WRONG"], "1", Bar("<=", 0)),
        Figure("humanoids_unseen.refused", counts["refused"], "1"),
    ]


def _outcome(name: str, file: HumanoidFile) -> str:
    path = file.wheel.folder() / file.path
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "robot.yaml"
        try:
            report = check(str(path), write=out)
        except RotoscopeError as error:
            return _say(name, file, "refused", str(error), began)
        if not report.is_good:
            return _say(name, file, "refused", str(report.fault), began)
        if report.kind != "humanoid":
            return _say(name, file, "WRONG", f"taken for {report.kind}", began)
        robot = load_humanoid(str(out))
        faults = wrong(robot, file)
        guesses = [o.key for o in report.proposal.open] if report.proposal else []
        what = "; ".join(faults) or f"guesses: {', '.join(dict.fromkeys(guesses))}"
        return _say(name, file, "WRONG" if faults else "right", what, began)


def _say(name: str, file: HumanoidFile, outcome: str, why: str, began: float) -> str:
    print(f"{name} ({file.maker}): {outcome}, {time.process_time() - began:.1f} s: {why[:300]}")
    return outcome


def wrong(robot: HumanoidRobot, file: HumanoidFile) -> list[str]:
    """What of a proposal contradicts the names of the file's joints."""
    skeleton = Skeleton(robot.description)
    frames = robot.frames()
    tree = robot.tree([frames["root"], *(frames[f"body.{b}"] for b in robot.config.body)])
    order = list(robot.config.body)
    rng = np.random.default_rng(0)
    low, high = np.maximum(robot.lower, -2.0), np.minimum(robot.upper, 2.0)
    q = robot.rest + RANGE_SHARE * (rng.uniform(low, high, (NUM_POSES, len(low))) - robot.rest)
    faults = []

    def points(x: Float[np.ndarray, "pose joint"]) -> dict[str, Float[np.ndarray, "pose 3"]]:
        p = tree.forward_kinematics(x).p_m
        return {name: p[:, 1 + i] for i, name in enumerate(order)}

    def bent(p: dict[str, np.ndarray], names: tuple[str, str, str]) -> Float[np.ndarray, " pose"]:
        a, b, c = (p[name] for name in names)
        u, v = b - a, c - b
        cos = np.sum(u * v, axis=1) / np.linalg.norm(u, axis=1) / np.linalg.norm(v, axis=1)
        return np.arccos(np.clip(cos, -1, 1))

    ours = points(q)
    for side in SIDES:
        for joints in (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist")):
            truth = _named_points(skeleton, file, side, joints, robot, q)
            for a, b in itertools.pairwise(joints):
                if truth[a] is None or truth[b] is None:
                    continue
                off = _between(ours[f"{side}_{b}"] - ours[f"{side}_{a}"], truth[b] - truth[a])
                if np.median(off) > WRONG_DEG:
                    faults.append(f"{side} {a} to {b} {np.median(off):.0f} degrees off")
            named = file.names.joints(joints[1], side, list(robot.joint_names))
            change = []
            for name in named:
                more = q.copy()
                k = robot.joint_names.index(name)
                more[:, k] += BEND_RAD
                less = q.copy()
                less[:, k] -= BEND_RAD
                trio = tuple(f"{side}_{j}" for j in joints)
                change.append(np.abs(bent(points(more), trio) - bent(points(less), trio)))
            share = float(np.median(np.max(change, axis=0))) / (2 * BEND_RAD) if change else 0.0
            if not 0.6 < share < 1.2:
                faults.append(f"{side} {joints[1]} bends by {share:.2f} of what is asked")
    faults += _exchanged(skeleton, file, robot)
    return faults


def _named_points(
    skeleton: Skeleton,
    file: HumanoidFile,
    side: Side,
    joints: tuple[str, str, str],
    robot: HumanoidRobot,
    q: Float[np.ndarray, "pose joint"],
) -> dict[str, Float[np.ndarray, "pose 3"] | None]:
    """Where the axes of the named joints meet, or where the one is, in the robot's base [m]."""
    every = list(skeleton.description.joints)
    parts = {p.joint.name: i for i, p in enumerate(skeleton.parts) if p.joint is not None}
    out: dict[str, list[np.ndarray] | None] = {}
    for joint in joints:
        named = [n for n in file.names.joints(joint, side, every) if n in parts]
        out[joint] = [] if named else None
    for values in q:
        T = skeleton.poses(
            {
                **skeleton.rest,
                **robot.locked,
                **dict(zip(robot.joint_names, values.tolist(), strict=True)),
            }
        )
        base = np.linalg.inv(T[robot.base_link])
        T = {link: base @ pose for link, pose in T.items()}
        for joint in joints:
            found = out[joint]
            if found is None:
                continue
            named = [parts[n] for n in file.names.joints(joint, side, every) if n in parts]
            found.append(
                meeting_point(skeleton, tuple(named), T)
                if joint in ("hip", "shoulder")
                else np.mean([skeleton.anchor(p, T) for p in named], axis=0)
            )
    return {joint: None if p is None else np.array(p) for joint, p in out.items()}


def _between(a: Float[np.ndarray, "pose 3"], b: Float[np.ndarray, "pose 3"]) -> np.ndarray:
    cos = np.sum(a * b, axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    return np.degrees(np.arccos(np.clip(cos, -1, 1)))


def _exchanged(skeleton: Skeleton, file: HumanoidFile, robot: HumanoidRobot) -> list[str]:
    """Whether sides or up and down are exchanged, at rest."""
    frames = robot.frames()
    names = ["left_knee", "right_knee", "left_shoulder", "left_toe", "left_heel"]
    reached = robot.tree([frames["root"], *(frames[f"body.{n}"] for n in names)])
    found = reached.forward_kinematics(robot.rest[None])
    R, p = found.R[0, 0], found.p_m[0]
    left, right, shoulder, toe, heel = (p[1:] - p[0]) @ R
    faults = []
    if left[1] - right[1] <= 0:
        faults.append("left is right")
    if shoulder[2] <= left[2]:
        faults.append("up is down")
    if toe[0] <= heel[0]:
        faults.append("toes are behind heels")
    # The named left side must be the proposed one.
    above = {joint.child: joint for joint in robot.description.joints.values()}
    link, path = robot.config.body["left_ankle"].link, []
    while link in above:
        path.append(above[link].name)
        link = above[link].parent
    knees = file.names.joints("knee", "left", list(robot.description.joints))
    if not set(knees) & set(path):
        faults.append("the left leg is not the one with that name")
    return faults
