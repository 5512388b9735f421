"""People that the tests make up: `benchmarks._walks.walk` with arms, and the robot that follows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from drawn_robots import humanoid_urdf, humanoid_yaml

from benchmarks._walks import Walk, walk
from rotoscope.pipeline.stage import Tracks, select
from rotoscope.pipeline.testing import a_body_track, a_clip, a_motion_file
from rotoscope.pipeline.tracks import BODY_JOINTS, SIDES, BodyTrack
from rotoscope.pipeline.types import Clip
from rotoscope.retarget.ground.stage import Ground, GroundConfig
from rotoscope.retarget.humanoid.human_skeleton import LIMBS, HumanMotion
from rotoscope.retarget.humanoid.stage import RetargetHumanoid, RetargetHumanoidConfig
from rotoscope.retarget.robots.robot import HumanoidRobot

ARMS = "".join(
    f"  {side}_{joint}: {{link: {side}_{link}_link}}\n"
    for side in SIDES
    for joint, link in (("shoulder", "shoulder_pitch"), ("elbow", "elbow"))
)


def write_armed_humanoid(folder: Path) -> Path:
    """Writes `humanoid_urdf` with a YAML file that names its arms too; returns that file."""
    (folder / "humanoid.urdf").write_text(humanoid_urdf())
    (folder / "armed.yaml").write_text(humanoid_yaml().replace("body:\n", "body:\n" + ARMS))
    return folder / "armed.yaml"


def walker(**options: float) -> Walk:
    """Somebody who walks with swinging arms."""
    made = walk(**options)
    joints = made.joints_m.copy()
    spine = joints[:, BODY_JOINTS.index("neck")] - joints[:, BODY_JOINTS.index("pelvis")]
    across = joint(joints, "left_hip") - joint(joints, "right_hip")
    forward = np.cross(across, spine)
    forward /= np.linalg.norm(forward, axis=1, keepdims=True)
    for side, m in (("left", 1.0), ("right", -1.0)):
        swing = m * 0.4 * np.sin(2.0 * np.pi * made.time_s / 1.1)[:, None]
        down = np.array([0.0, 0.0, -1.0])
        upper = np.cos(swing) * down + np.sin(swing) * forward
        lower = np.cos(swing + 0.3) * down + np.sin(swing + 0.3) * forward
        elbow = joint(joints, f"{side}_shoulder") + 0.28 * upper
        joints[:, BODY_JOINTS.index(f"{side}_elbow")] = elbow
        joints[:, BODY_JOINTS.index(f"{side}_wrist")] = elbow + 0.25 * lower
    return replace(made, joints_m=joints)


def joint(joints_m: np.ndarray, name: str) -> np.ndarray:
    """One joint by its name."""
    return joints_m[:, BODY_JOINTS.index(name)]


def without(joints_m: np.ndarray, *names: str) -> np.ndarray:
    """The same where joints of these names were never seen, on either side."""
    out = joints_m.copy()
    for name in names:
        out[:, [i for i, known in enumerate(BODY_JOINTS) if known.split("_")[-1] == name]] = np.nan
    return out


def body_of(joints_m: np.ndarray, subject: str = "person0", **changes: object) -> BodyTrack:
    """A person of whom everything finite was observed."""
    return a_body_track(joints_m, subject=subject, **changes)


def clip_of(time_s: np.ndarray) -> Clip:
    """A clip of a motion file."""
    return a_clip(time_s, video=a_motion_file(len(time_s)))


def on_ground(time_s: np.ndarray, *bodies: BodyTrack) -> Tracks:
    """What the stage `ground` makes of these bodies."""
    tracks: Tracks = {f"body.{body.subject}": body for body in bodies}
    return tracks | Ground(GroundConfig()).run(clip_of(time_s), tracks)


def followed(robot: Path, time_s: np.ndarray, tracks: Tracks, **config: object) -> Tracks:
    """What `retarget.humanoid` makes of what it is given in a recipe."""
    stage = RetargetHumanoid(RetargetHumanoidConfig(robot=str(robot), **config))
    return stage.run(clip_of(time_s), select(tracks, stage.requires + stage.uses))


def limb_degrees(
    robot: HumanoidRobot, person: HumanMotion, joints: np.ndarray, root_R: np.ndarray
) -> np.ndarray:
    """Mean angle between limbs of person and robot in each frame, by plain kinematics."""
    frames = robot.frames()
    tree = robot.tree([frames[f"body.{n}"] for limb in LIMBS for n in limb])
    p = tree.forward_kinematics(joints).p_m
    along = np.einsum("tij,tkj->tki", root_R, p[:, 1::2] - p[:, ::2])
    along /= np.linalg.norm(along, axis=2, keepdims=True)
    wanted = np.stack([person.direction(a, b) for a, b in LIMBS], axis=1)
    return np.degrees(np.arccos(np.clip((along * wanted).sum(axis=2), -1, 1))).mean(axis=1)
