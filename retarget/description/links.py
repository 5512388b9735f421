"""Robot files: URDF read directly, MJCF through MuJoCo, both into the same few facts.

URDF needs no MuJoCo: importing it costs more than solving a short clip.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.errors import RobotError, one_of
from rotoscope.pipeline.geometry import se3

_URDF_KINDS = {"revolute": "revolute", "continuous": "revolute", "prismatic": "prismatic"}


@dataclass(frozen=True)
class Mimic:
    """A joint that always follows another: `value = multiplier * other + offset`."""

    joint: str
    """The joint that it follows."""
    multiplier: float = 1.0
    """Its share of that joint's value."""
    offset: float = 0.0
    """What is added [rad or m]."""


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
    max_effort: float = math.inf
    """Torque or force limit [N m or N]."""
    is_continuous: bool = False
    """Whether the file says that it turns without end, and so needs no limits."""
    mimic: Mimic | None = None
    """What it follows, if it does not move by itself."""


@dataclass(frozen=True)
class Mass:
    """What a link weighs."""

    kg: float
    """Mass [kg]."""
    centre_m: tuple[float, float, float]
    """Centre of mass in the link [m]."""


@dataclass(frozen=True, eq=False)
class Description:
    """The tree of links and joints in a robot file."""

    path: Path
    """The file."""
    links: tuple[str, ...]
    """All link names."""
    joints: dict[str, Joint]
    """All joints by name, fixed ones too."""
    masses: dict[str, Mass] = field(default_factory=dict)
    """What links weigh; links without a mass are left out."""

    @property
    def root_link(self) -> str:
        """The one link that hangs on no other.

        Raises:
            RobotError: There is none, or more than one.
        """
        children = {joint.child for joint in self.joints.values()}
        roots = [link for link in self.links if link not in children]
        if len(roots) != 1:
            raise RobotError(
                f"{self.path} must have one root link, a link that is no joint's child; "
                f"it has {len(roots)}: {one_of(roots)}"
            )
        return roots[0]

    def require_links(self, names: Iterable[str]) -> None:
        """Raises `RobotError` unless all these links are there."""
        unknown = sorted(set(names) - set(self.links))
        if unknown:
            raise RobotError(
                f"{self.path} has no link {', '.join(map(repr, unknown))}; "
                f"it has {one_of(self.links)}"
            )

    def path_between(self, base_link: str, tip_link: str) -> list[Joint]:
        """The joints from a base outwards to a tip.

        Raises:
            RobotError: A link is unknown, or the tip does not hang on the base.
        """
        self.require_links((base_link, tip_link))
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
    # Imported here because that module reads files through this one.
    from rotoscope.retarget.description.mjcf import read_mjcf

    return read_mjcf(path)


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
    masses = {
        link.get("name", ""): _urdf_mass(path, link)
        for link in root.findall("link")
        if link.find("inertial/mass") is not None
    }
    found = Description(path, links, joints, masses)
    found.require_links(link for joint in joints.values() for link in (joint.parent, joint.child))
    _require_masters(found)
    return found


def _urdf_mass(path: Path, link: ET.Element) -> Mass:
    where = f"{path}: link {link.get('name', '')!r}"
    mass, origin = link.find("inertial/mass"), link.find("inertial/origin")
    kg = _number(where, "mass", None if mass is None else mass.get("value"))
    xyz = _numbers(where, "xyz", None if origin is None else origin.get("xyz"), "0 0 0")
    return Mass(kg, (float(xyz[0]), float(xyz[1]), float(xyz[2])))


def _require_masters(description: Description) -> None:
    for joint in description.joints.values():
        if joint.mimic is not None and joint.mimic.joint not in description.joints:
            raise RobotError(
                f"{description.path}: joint {joint.name!r} mimics {joint.mimic.joint!r}, which "
                f"is not there; the joints are {one_of(description.joints)}"
            )


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
    if kind == "fixed":
        # What does not move needs no axis; some files write zeros there.
        direction = np.eye(3)[2]
    length = float(np.linalg.norm(direction))
    if length < 1e-9:
        raise RobotError(f"{where}: its axis is zero")
    limits: dict[str, float] = {}
    if limit is not None:
        if limit.get("effort") is not None:
            limits["max_effort"] = _number(where, "effort", limit.get("effort"))
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
        is_continuous=kind == "continuous",
        mimic=_urdf_mimic(where, element.find("mimic")),
        **limits,
    )


def _urdf_mimic(where: str, element: ET.Element | None) -> Mimic | None:
    if element is None:
        return None
    multiplier = _number(where, "mimic multiplier", element.get("multiplier", "1"))
    offset = _number(where, "mimic offset", element.get("offset", "0"))
    return Mimic(element.get("joint", ""), multiplier, offset)


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
