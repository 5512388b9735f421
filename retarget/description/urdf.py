"""URDF robots, read without MuJoCo: importing it costs more than solving a short clip."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.errors import RobotError, quoted
from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.description.links import Description, Joint, Mass, Mimic
from rotoscope.retarget.description.xml import parse_xml

_LOOSE_KINDS = ("floating", "planar")
"""Joints that let a whole robot go where it likes: what hangs on one stands for itself."""
_URDF_KINDS = {"revolute": "revolute", "continuous": "revolute", "prismatic": "prismatic"}


def read_urdf(path: Path) -> Description:
    """The tree in a URDF file, or the trees where floating joints part it.

    Raises:
        RobotError: No such file, not XML, or something in it that no robot can have.
    """
    root = parse_xml(path)
    joints = {}
    for element in root.findall("joint"):
        if element.get("type") in _LOOSE_KINDS:
            continue
        joint = _urdf_joint(path, element)
        joints[joint.name] = joint
    links = tuple(link.get("name", "") for link in root.findall("link"))
    masses = {
        link.get("name", ""): _urdf_mass(path, link)
        for link in root.findall("link")
        if link.find("inertial/mass") is not None
    }
    found = Description(path, links, joints, masses, _shared_motors(root))
    found.require_links(link for joint in joints.values() for link in (joint.parent, joint.child))
    _require_masters(found)
    return found


def _shared_motors(root: ET.Element) -> tuple[tuple[str, ...], ...]:
    """The joints of each transmission that has fewer motors than joints."""
    out = []
    for transmission in root.findall("transmission"):
        names = tuple(joint.get("name", "") for joint in transmission.findall("joint"))
        if len(names) > len(transmission.findall("actuator")) > 0:
            out.append(names)
    return tuple(out)


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
                f"is not there; the joints are {quoted(description.joints)}"
            )


def _urdf_joint(path: Path, element: ET.Element) -> Joint:
    name, kind = element.get("name", ""), element.get("type", "")
    parent, child = element.find("parent"), element.find("child")
    if not name or parent is None or child is None:
        raise RobotError(f"{path}: joint {name!r} lacks a name, a parent or a child")
    if kind not in (*_URDF_KINDS, "fixed"):
        kinds = quoted((*_URDF_KINDS, "fixed"))
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
            if limits["lower"] > limits["upper"]:
                ends = f"{limits['lower']:g} and {limits['upper']:g}"
                raise RobotError(
                    f"{where} needs lower < upper, its limits are exchanged: {ends}; write the "
                    "smaller number as lower"
                )
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
    parts = (default if text is None else text).replace(",", " ").split()
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
