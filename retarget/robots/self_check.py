"""A start-up check: every joint is moved, and our kinematics are compared with MuJoCo's.

A silent mismatch is real: a robot whose joints stay frozen in one of the two looks perfect in that
one. What a robot's files and the installed packages give is checked once and remembered.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import logging
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.errors import RobotError
from rotoscope.pipeline.files.atomic import write_text_atomic
from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.description.mujoco import body_pose, compile_robot, import_mujoco
from rotoscope.retarget.description.xml import parse_xml
from rotoscope.retarget.kinematics.frames import Frame
from rotoscope.retarget.robots.arm import ArmRobot
from rotoscope.retarget.robots.robot import Robot
from rotoscope.retarget.robots.two_arms import TwoArmRobot

TOLERANCE = 1e-6
"""Largest difference of any element of a link's pose [m, or 1 for axes]: files give 6 digits."""

MOVED = 1e-7
"""A link whose pose changes by less than this [m, or 1 for axes] was not moved."""

ENDLESS_RANGE_RAD = np.pi
"""How far a joint that turns without end is moved either way [rad]."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SelfCheck:
    """What a comparison with MuJoCo found."""

    largest_difference: float
    """Of any element of any link's or named point's pose [m, or 1 for axes]."""
    num_links: int
    """Links that were compared."""
    idle_joints: tuple[str, ...]
    """Joints of the action that move none of the points that the YAML file names."""


def check_robot(robot: Robot, *, against: Path | None = None) -> SelfCheck:
    """Moves every joint alone, then all together, and compares all links with MuJoCo's.

    Args:
        robot: Any robot. Of an arm's gripper, whose fingers are no part of the kinematics, the
            links are left out; of two arms each is checked by itself.
        against: Another file of the same robot, to compare with instead of its own.

    Raises:
        RobotError: A link's pose differs by more than a micrometre, a joint moves nothing, a
            follower follows otherwise than the file says, or MuJoCo lacks a link or joint.
    """
    if isinstance(robot, TwoArmRobot):
        found = [check_robot(arm) for arm in robot.arms.values()]
        worst = max(one.largest_difference for one in found)
        idle = tuple(name for one in found for name in one.idle_joints)
        return SelfCheck(worst, sum(one.num_links for one in found), idle)
    path = against or robot.path
    model = compile_robot(path, geometry="none")
    links = _links(robot, model)
    named = robot.frames()
    names = [*named, *(f"link {link!r}" for link in links)]
    frames = [*named.values(), *map(Frame.at, links)]
    poses = _poses(robot)
    reached = robot.tree(frames).forward_kinematics(poses)
    ours = se3.make(reached.R, reached.p_m)
    theirs = _mujoco_poses(robot, model, path, frames, poses)
    _require_moving(robot, path, theirs[:, len(named) :])
    difference = np.abs(ours - theirs).max(axis=(2, 3))
    worst = float(difference.max())
    if not worst <= TOLERANCE:
        raise RobotError(
            f"{path}: our kinematics and MuJoCo's differ by {_where(robot, names, difference)}; "
            "the file uses something that is not supported, or the two do not read the same robot"
        )
    moves = _moved(ours[:, : len(named)])
    idle = tuple(n for n, does in zip(robot.joint_names, moves, strict=True) if not does)
    return SelfCheck(worst, len(links), idle)


def ensure_checked(robot: Robot) -> None:
    """Checks a robot's kinematics, unless the same files and packages were checked before.

    Raises:
        RobotError: The kinematics differ from MuJoCo's; see `check_robot`.
    """
    stamp = _stamp(robot.checksum)
    if stamp.is_file():
        return
    found = check_robot(robot)
    try:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        write_text_atomic(stamp, f"{robot.name}: {found}\n")
    except OSError as error:
        _log.info("the check of %s cannot be remembered in %s: %s", robot.name, stamp, error)


def stated_mimics(path: Path, model: Any) -> dict[str, tuple[str, float, float]]:
    """What each following joint follows, its factor and offset, read apart from our own reader.

    Of a URDF from its XML, because MuJoCo 3.8 drops its mimic elements; of an MJCF file from
    MuJoCo's equality constraints.
    """
    root = parse_xml(path)
    if root.tag == "robot":
        return {e.get("name", ""): _mimic(m) for e in root.findall("joint") for m in _mimics(e)}
    found = {}
    for e in _ties(model):
        follower, master = int(model.eq_obj1id[e]), int(model.eq_obj2id[e])
        if master < 0:
            continue
        offset, factor = (float(x) for x in model.eq_data[e][:2])
        y, x = (float(model.qpos0[model.jnt_qposadr[j]]) for j in (follower, master))
        found[model.joint(follower).name] = (
            model.joint(master).name,
            factor,
            y + offset - factor * x,
        )
    return found


def stated_locks(model: Any) -> dict[str, float]:
    """Joints that MuJoCo's equality constraints hold at one value [rad or m]."""
    return {
        model.joint(joint).name: float(model.qpos0[model.jnt_qposadr[joint]] + model.eq_data[e][0])
        for e in _ties(model)
        if int(model.eq_obj2id[e]) < 0
        for joint in [int(model.eq_obj1id[e])]
    }


def _ties(model: Any) -> list[int]:
    """Equality constraints of joints that hold from the start."""
    kind = int(import_mujoco().mjtEq.mjEQ_JOINT)
    active = (e for e in range(model.neq) if model.eq_active0[e])
    return [e for e in active if int(model.eq_type[e]) == kind]


def _mimics(joint: ET.Element) -> list[ET.Element]:
    return [] if joint.get("type") == "fixed" else joint.findall("mimic")


def _mimic(element: ET.Element) -> tuple[str, float, float]:
    factor, offset = (float(element.get(k, d)) for k, d in (("multiplier", 1), ("offset", 0)))
    return element.get("joint", ""), factor, offset


def _links(robot: Robot, model: Any) -> list[str]:
    """Links that hang on the base by joints of the robot's, and that MuJoCo knows too.

    A body with several joints is several links of ours, of which MuJoCo knows only the last.
    """
    known = {model.body(b).name for b in range(model.nbody)}
    description = robot.description
    above = {joint.child: joint for joint in description.joints.values()}
    moved = {*robot.joint_names, *robot.locked}

    def is_ours(link: str) -> bool:
        while link != robot.base_link:
            joint = above.get(link)
            if joint is None:
                return False
            if joint.kind != "fixed" and description.resolve_mimic(joint.name).joint not in moved:
                return False
            link = joint.parent
        return True

    return [link for link in description.links if link in known and is_ours(link)]


def _poses(robot: Robot) -> Float[np.ndarray, "pose joint"]:
    """Rest, every joint alone at another value, then all together, twice."""
    lower = np.where(np.isfinite(robot.lower), robot.lower, -ENDLESS_RANGE_RAD)
    upper = np.where(np.isfinite(robot.upper), robot.upper, ENDLESS_RANGE_RAD)
    span = upper - lower
    # Away from rest towards the further end, so that it moves whatever the rest is.
    far = np.where(
        robot.rest - lower > upper - robot.rest, lower + 0.15 * span, upper - 0.15 * span
    )
    alone = np.where(np.eye(len(far), dtype=bool), far, robot.rest)
    return np.concatenate([robot.rest[None], alone, [lower + 0.3 * span, lower + 0.9 * span]])


def _mujoco_poses(
    robot: Robot,
    model: Any,
    path: Path,
    frames: list[Frame],
    poses: Float[np.ndarray, "pose joint"],
) -> Float[np.ndarray, "pose frame 4 4"]:
    mujoco = import_mujoco()
    data = mujoco.MjData(model)
    mimics = {} if isinstance(robot, ArmRobot) else stated_mimics(path, model)
    held = {**stated_locks(model), **robot.locked}
    out = np.empty((len(poses), len(frames), 4, 4))
    for i, values in enumerate(poses):
        joints = {**held, **dict(zip(robot.joint_names, map(float, values), strict=True))}
        for name, value in with_mimics(path, joints, mimics).items():
            _set(model, data, path, name, value)
        mujoco.mj_kinematics(model, data)
        T_base_world = se3.inverse(_body(data, path, robot.base_link))
        for k, frame in enumerate(frames):
            out[i, k] = T_base_world @ _body(data, path, frame.link) @ frame.T_link_frame
    return out


def with_mimics(
    path: Path, joints: dict[str, float], mimics: Mapping[str, tuple[str, float, float]]
) -> dict[str, float]:
    """Values of some joints, and of those that follow them as `stated_mimics` says.

    Raises:
        RobotError: A joint follows one that has no value.
    """
    joints = dict(joints)
    waiting = {name: rule for name, rule in mimics.items() if name not in joints}
    while waiting:
        ready = {name: rule for name, rule in waiting.items() if rule[0] in joints}
        if not ready:
            raise RobotError(
                f"{path}: {sorted(waiting)} follow joints that do not move; valid ones are those "
                f"that do: {sorted(joints)}"
            )
        for name, (master, factor, offset) in ready.items():
            joints[name] = factor * joints[master] + offset
            del waiting[name]
    return joints


def _set(model: Any, data: Any, path: Path, name: str, value: float) -> None:
    mujoco = import_mujoco()
    if mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_JOINT, name) < 0:
        raise RobotError(f"{path}: MuJoCo has no joint {name!r}, which our reader found")
    data.joint(name).qpos[:] = value


def _body(data: Any, path: Path, link: str) -> Float[np.ndarray, "4 4"]:
    try:
        return body_pose(data, link)
    except KeyError:
        raise RobotError(f"{path}: MuJoCo has no link {link!r}, which our reader found") from None


def _where(robot: Robot, names: list[str], difference: Float[np.ndarray, "pose point"]) -> str:
    """How much, at which point, and in which pose; one joint alone says more than all."""
    poses = ["nothing", *robot.joint_names, "every joint", "every joint"]
    differs = ~(difference.max(axis=1) <= TOLERANCE)
    pose = int(np.argmax(differs))
    point = int(np.argmax(difference[pose]))
    return f"{difference[pose, point]:.2g} at {names[point]} when {poses[pose]!r} is moved"


def _moved(T: Float[np.ndarray, "pose frame 4 4"]) -> Bool[np.ndarray, " joint"]:
    """Which joints, each moved alone in its pose, move any of these frames."""
    return np.asarray(np.abs(T[1:-2] - T[:1]).max(axis=(1, 2, 3), initial=0.0) > MOVED)


def _require_moving(robot: Robot, path: Path, theirs: Float[np.ndarray, "pose link 4 4"]) -> None:
    """Every joint must move some link in MuJoCo: a frozen model agrees with nothing."""
    frozen = [n for n, moves in zip(robot.joint_names, _moved(theirs), strict=True) if not moves]
    if frozen:
        raise RobotError(
            f"{path}: the joints {frozen} move nothing in MuJoCo "
            f"{importlib.metadata.version('mujoco')}; the installed version may not read this "
            "file (version 3.8.1 is the tested one), or the joints carry no link below the root"
        )


def _stamp(checksum: str) -> Path:
    from platformdirs import user_cache_dir

    sources = sorted(Path(__file__).parents[1].rglob("*.py"))
    parts = [checksum, *(importlib.metadata.version(p) for p in ("mujoco", "numpy"))]
    digest = hashlib.sha256("\n".join(parts).encode())
    for source in sources:
        digest.update(source.read_bytes())
    return Path(user_cache_dir("rotoscope")) / "robot_checks" / digest.hexdigest()
