"""Arms of makers that no rule was made on: which can be used from their file alone.

An arm is usable where `rotoscope robot check FILE --kind arm` proposes a YAML file that loads,
agrees with MuJoCo, names the right joints and fingers and the right direction of approach, and with
which a working hand becomes labels. What a proposal leaves open, or gets wrong, is printed.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from benchmarks._arm_clips import APPROACHES, axes, working_hand
from benchmarks._arm_files import ARMS, ArmFile, path_of
from benchmarks.figure import Bar, Figure
from rotoscope.pipeline.errors import AssetError, RobotError
from rotoscope.pipeline.testing import a_clip
from rotoscope.pipeline.tracks import ActionTrack
from rotoscope.retarget.arm.stage import RetargetArm, RetargetArmConfig
from rotoscope.retarget.kinematics.frames import Frame
from rotoscope.retarget.kinematics.tree import KinematicTree
from rotoscope.retarget.onboarding.check import check
from rotoscope.retarget.robots.arm import ArmRobot, load_arm

DIRECTION_DEG = 15.0
"""How far the approach may point from the true one."""
VALID_SHARE = 0.25
"""Least share of a working hand's frames that an arm must follow, better of two orientations: the
hand moves through 40 cm, more than small arms reach."""
NUM_FRAMES = 150
SIGMA_RAD = 0.35
"""1-sigma of the hand's rotation, as video gives it [rad]."""


def run() -> list[Figure]:
    """How many of the arms are usable, and how many of their proposals are wrong without saying."""
    usable, silent = 0, 0
    for arm in ARMS:
        try:
            fault, is_silent = _fault(arm)
        except AssetError as error:
            print(f"{arm.name}: {error}")
            continue
        usable += fault is None
        silent += is_silent
        print(f"{arm.name}: {fault or 'usable'}")
    return [
        Figure("arms_unseen.usable", usable, "arms", Bar(">=", 14)),
        Figure("arms_unseen.wrong_unsaid", silent, "arms", Bar("<=", 0)),
        Figure("arms_unseen.number", len(ARMS), "arms"),
    ]


def _fault(arm: ArmFile) -> tuple[str | None, bool]:
    """Why an arm is not usable, and whether its proposal is wrong without a word."""
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "arm.yaml"
        try:
            report = check(str(path_of(arm)), kind="arm", write=written)
        except RobotError as error:
            return f"refused: {error}", False
        if report.fault is not None:
            return report.fault, False
        robot = load_arm(str(written))
        wrong = _wrong(arm, robot)
        assert report.proposal is not None
        is_said = any("end_effector" in item.key for item in report.proposal.open)
        if wrong is not None:
            return wrong, not is_said
        share = max(_valid_share(written, kind) for kind in ("down", "towards_camera"))
    return (None if share >= VALID_SHARE else f"follows {share:.0%} of a hand"), False


def _wrong(arm: ArmFile, robot: ArmRobot) -> str | None:
    joints = robot.joint_names
    if (joints[0], joints[-1]) != arm.joints or len(joints) != arm.num_joints:
        return f"wrong: its joints are said to be {', '.join(joints)}"
    fingers = set(robot.config.gripper.joints)
    if bool(fingers) != bool(arm.fingers) or not fingers <= arm.fingers:
        return f"wrong: its fingers are said to be {fingers or 'none'}"
    link, axis = arm.approach
    tree = KinematicTree(
        robot.description,
        columns=robot.joint_names,
        locked={},
        frames=[Frame.at(link)],
        root=robot.base_link,
    )
    true = tree.forward_kinematics(robot.home[None]).R[0, 0] @ np.array(axis)
    ours = robot.pose(robot.home[None]).R[0, :, 0]
    away = np.degrees(np.arccos(np.clip(true @ ours, -1.0, 1.0)))
    return f"wrong: approach {away:.0f} degrees off" if away > DIRECTION_DEG else None


def _valid_share(config_file: Path, kind: str) -> float:
    hand = working_hand(kind, 4, axes(*APPROACHES[kind]), num_frames=NUM_FRAMES)
    gripper = hand.gripper.replace(sigma_rotation_rad=np.full(NUM_FRAMES, SIGMA_RAD))
    stage = RetargetArm(RetargetArmConfig(robot=str(config_file)))
    made = stage.run(a_clip(hand.time_s), {"gripper": gripper})
    (actions,) = (track for track in made.values() if isinstance(track, ActionTrack))
    return float(actions.valid.mean())
