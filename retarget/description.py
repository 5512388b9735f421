"""Robot files: URDF read directly, MJCF through MuJoCo, both into the same few facts.

URDF needs no MuJoCo: importing it costs more than solving a short clip.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float

from pipeline.errors import RobotError, one_of
from pipeline.geometry import se3

_URDF_KINDS = {"revolute": "revolute", "continuous": "revolute", "prismatic": "prismatic"}


@dataclass(frozen=True, eq=False)
class Joint:
    """A link's connection to its parent, as the robot's file states it."""

    name: str
    """Joint name."""
    kind: Literal["revolute", "prismatic", "fixed"]
    """How it moves."""
    parent: str
    """Link that it hangs on."""
    child: str
    """Link that it moves."""
    T_parent_child: Float[np.ndarray, "4 4"]
    """Child link in the parent link at zero [m]."""
    axis: Float[np.ndarray, " 3"]
    """Unit axis in the child link; any for a fixed joint."""
    anchor_m: Float[np.ndarray, " 3"]
    """A point on the axis in the child link [m]."""
    lower: float = -math.inf
    """Lower position limit [rad or m]."""
    upper: float = math.inf
    """Upper position limit [rad or m]."""
    max_velocity: float = math.inf
    """Velocity limit [rad/s or m/s]; MJCF states none."""


@dataclass(frozen=True, eq=False)
class Description:
    """The tree of links and joints in a robot file."""

    path: Path
    """The file."""
    links: tuple[str, ...]
    """All link names."""
    joints: dict[str, Joint]
    """All joints by name, fixed ones too."""

    def path_between(self, base_link: str, tip_link: str) -> list[Joint]:
        """The joints from a base outwards to a tip.

        Raises:
            RobotError: A link is unknown, or the tip does not hang on the base.
        """
        for link in (base_link, tip_link):
            if link not in self.links:
                raise RobotError(f"{self.path} has no link {link!r}; it has {one_of(self.links)}")
        above = {joint.child: joint for joint in self.joints.values()}
        path: list[Joint] = []
        link = tip_link
        while link != base_link:
            if link not in above or len(path) > len(self.joints):
                raise RobotError(
                    f"{self.path}: link {tip_link!r} does not hang on base link {base_link!r}; "
                    f"going up from it ends at {link!r}"
                )
            path.append(above[link])
            link = above[link].parent
        return path[::-1]


def read_description(path: Path) -> Description:
    """The tree in a URDF or MJCF file; which one it is decides the root element.

    Raises:
        RobotError: No such file, not XML, or neither URDF nor MJCF.
    """
    root = parse_xml(path)
    if root.tag == "robot":
        return _from_urdf(path, root)
    return _from_mjcf(path)


def parse_xml(path: Path) -> ET.Element:
    """The root element of a robot file: `robot` for URDF, `mujoco` for MJCF.

    Raises:
        RobotError: No such file, not XML, or another root element.
    """
    if not path.is_file():
        raise RobotError(f"there is no robot file {path}; check `asset`, `folder` and `file`")
    try:
        root = ET.fromstring(path.read_bytes())
    except ET.ParseError as error:
        raise RobotError(f"{path} is not well-formed XML: {error}") from error
    if root.tag not in ("robot", "mujoco"):
        raise RobotError(
            f"{path} has root element <{root.tag}>; URDF has <robot>, MJCF has <mujoco>"
        )
    return root


def _from_urdf(path: Path, root: ET.Element) -> Description:
    joints = {}
    for element in root.findall("joint"):
        joint = _urdf_joint(path, element)
        joints[joint.name] = joint
    links = tuple(link.get("name", "") for link in root.findall("link"))
    return Description(path, links, joints)


def _urdf_joint(path: Path, element: ET.Element) -> Joint:
    name, kind = element.get("name", ""), element.get("type", "")
    parent, child = element.find("parent"), element.find("child")
    if not name or parent is None or child is None:
        raise RobotError(f"{path}: joint {name!r} lacks a name, a parent or a child")
    if kind not in (*_URDF_KINDS, "fixed"):
        kinds = one_of((*_URDF_KINDS, "fixed"))
        raise RobotError(f"{path}: joint {name!r} has type {kind!r}; valid ones are {kinds}")
    origin, axis, limit = element.find("origin"), element.find("axis"), element.find("limit")
    where = f"{path}: joint {name!r}"
    xyz = _numbers(where, "xyz", None if origin is None else origin.get("xyz"), "0 0 0")
    rpy = _numbers(where, "rpy", None if origin is None else origin.get("rpy"), "0 0 0")
    direction = _numbers(where, "axis", None if axis is None else axis.get("xyz"), "1 0 0")
    length = float(np.linalg.norm(direction))
    if length < 1e-9:
        raise RobotError(f"{where}: its axis is zero")
    limits: dict[str, float] = {}
    if limit is not None:
        if limit.get("velocity") is not None:
            limits["max_velocity"] = _number(where, "velocity", limit.get("velocity"))
        if kind != "continuous" and limit.get("lower") is not None:
            limits["lower"] = _number(where, "lower", limit.get("lower"))
            limits["upper"] = _number(where, "upper", limit.get("upper", "0"))
    return Joint(
        name=name,
        kind=_URDF_KINDS.get(kind, "fixed"),  # type: ignore[arg-type]  # values are the literals
        parent=parent.get("link", ""),
        child=child.get("link", ""),
        T_parent_child=se3.make(rotation_of_rpy(rpy), xyz),
        axis=direction / length,
        anchor_m=np.zeros(3),
        **limits,
    )


def rotation_of_rpy(rpy_rad: Float[np.ndarray, " 3"]) -> Float[np.ndarray, "3 3"]:
    """Rotation of URDF's roll, pitch, yaw [rad]: about fixed x, then y, then z."""
    roll, pitch, yaw = (se3.exp_so3(a * e) for a, e in zip(rpy_rad, np.eye(3), strict=True))
    return yaw @ pitch @ roll


def _numbers(where: str, what: str, text: str | None, default: str) -> Float[np.ndarray, " 3"]:
    parts = (default if text is None else text).split()
    values = [_number(where, what, part) for part in parts]
    if len(values) != 3:
        raise RobotError(f"{where}: {what} needs three numbers, got {text!r}")
    return np.array(values)


def _number(where: str, what: str, text: str | None) -> float:
    try:
        value = float(text if text is not None else "")
    except ValueError:
        raise RobotError(f"{where}: {what} is {text!r}, not a number") from None
    if not math.isfinite(value):
        raise RobotError(f"{where}: {what} is {text!r}; it must be finite")
    return value


def _from_mjcf(path: Path) -> Description:
    # Imported here because that module reads files through this one.
    from retarget.mujoco_model import compile_robot, import_mujoco

    mujoco = import_mujoco()
    model = compile_robot(path)
    hinge, slide = int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE)
    kinds = {hinge: "revolute", slide: "prismatic"}
    links = tuple(model.body(b).name for b in range(model.nbody))
    joints = {}
    for b in range(1, model.nbody):
        body = model.body(b)
        parent = links[int(body.parentid[0])]
        T = se3.make(se3.matrix_from_quat(model.body_quat[b]), model.body_pos[b])
        if int(body.jntnum[0]) == 0:
            name = f"{links[b]} (fixed)"
            joints[name] = Joint(name, "fixed", parent, links[b], T, np.eye(3)[2], np.zeros(3))
            continue
        joint = model.joint(int(body.jntadr[0]))
        if int(body.jntnum[0]) > 1 or int(joint.type[0]) not in kinds:
            raise RobotError(
                f"{path}: body {links[b]!r} has {int(body.jntnum[0])} joints, the first of type "
                f"{mujoco.mjtJoint(int(joint.type[0])).name}; an arm has one hinge or slide a body"
            )
        zero = -float(model.qpos0[joint.qposadr[0]])
        is_limited = bool(model.jnt_limited[joint.id])
        kind = kinds[int(joint.type[0])]
        joints[joint.name] = Joint(
            name=joint.name,
            kind=kind,  # type: ignore[arg-type]  # values of `kinds` are the literals
            parent=parent,
            child=links[b],
            # MuJoCo's bodies stand where the joint is at `ref`, ours where it is at zero.
            T_parent_child=T @ _moved(kind, np.array(joint.axis), np.array(joint.pos), zero),
            axis=np.array(joint.axis),
            anchor_m=np.array(joint.pos),
            lower=float(joint.range[0]) if is_limited else -math.inf,
            upper=float(joint.range[1]) if is_limited else math.inf,
        )
    return Description(path, links, joints)


def _moved(
    kind: str, axis: Float[np.ndarray, " 3"], anchor_m: Float[np.ndarray, " 3"], value: float
) -> Float[np.ndarray, "4 4"]:
    """How a joint moved by `value` moves its link."""
    if kind == "prismatic":
        return se3.make(np.eye(3), axis * value)
    R = se3.exp_so3(axis * value)
    return se3.make(R, anchor_m - R @ anchor_m)
