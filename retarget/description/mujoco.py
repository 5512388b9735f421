"""A robot file as a MuJoCo model: for pictures, for MJCF, and to check our own kinematics.

MuJoCo is imported inside the functions: a run that only follows a URDF arm never pays for it.
"""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.errors import RobotError
from rotoscope.pipeline.files.paths import inside
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.packages import import_mujoco as import_mujoco
from rotoscope.retarget.description.root import check_mjcf, file_of_robot
from rotoscope.retarget.description.xml import parse_xml

_READABLE_MESHES = {".stl", ".obj", ".msh"}


Geometry = Literal["visual", "collision", "none"]
"""What is kept of the shapes in a URDF; `none` leaves bare joints without masses."""


def robot_spec(path: Path, *, geometry: Geometry = "visual") -> Any:
    """An editable `mujoco.MjSpec` of a URDF or MJCF file.

    Of a URDF every link keeps one kind of geometry: the wanted one where MuJoCo reads it, the
    other one where not. `package://` names are looked up in the folders above the file; a mesh
    that is not there is left out. `none` leaves joints alone, for which a file whose meshes or
    inertias MuJoCo refuses will do. An MJCF file keeps all it has.

    Raises:
        RobotError: No such file, MuJoCo refuses it, or it names files outside of its folder.
    """
    mujoco = import_mujoco()
    root = parse_xml(path)
    try:
        if root.tag == "mujoco":
            check_mjcf(path)
            return mujoco.MjSpec.from_file(str(path))
        _prepare_urdf(root, path, geometry)
        return mujoco.MjSpec.from_string(ET.tostring(root, encoding="unicode"))
    except ValueError as error:
        raise RobotError(f"MuJoCo cannot read {path}: {error}") from error


def compile_robot(path: Path, *, geometry: Geometry = "visual") -> Any:
    """The `mujoco.MjModel` of a robot file; `geometry` as for `robot_spec`.

    Raises:
        RobotError: No such file, or MuJoCo refuses it.
    """
    spec = robot_spec(path, geometry=geometry)
    try:
        return spec.compile()
    except ValueError as error:
        raise RobotError(f"MuJoCo cannot compile {path}: {error}") from error


def body_pose(data: Any, link: str) -> Float[np.ndarray, "4 4"]:
    """Where MuJoCo has a link in the world [m]."""
    body = data.body(link)
    return se3.make(np.array(body.xmat).reshape(3, 3), np.array(body.xpos))


def _prepare_urdf(root: ET.Element, path: Path, geometry: Geometry) -> None:
    # MuJoCo's defaults for URDF merge links that do not move, which loses their names, and drop
    # the folder from mesh names.
    options = {"fusestatic": "false", "strippath": "false", "discardvisual": "false"}
    options |= {"boundmass": "0.001", "boundinertia": "0.000001", "balanceinertia": "true"}
    for old in root.findall("mujoco"):
        root.remove(old)
    for element in root.iter("origin"):
        for key in ("xyz", "rpy"):
            if "," in element.get(key, ""):
                element.set(key, element.get(key, "").replace(",", " "))
    # What they name is opened by MuJoCo wherever it lies, and colors do without.
    for parent in list(root.iter()):
        for tag in ("include", "texture"):
            for element in parent.findall(tag):
                parent.remove(element)
    ET.SubElement(ET.SubElement(root, "mujoco"), "compiler", options)
    for link in root.findall("link"):
        if geometry == "none":
            for element in list(link):
                link.remove(element)
            continue
        drawable = {
            tag: [e for e in link.findall(tag) if _has_drawable_geometry(e, path)]
            for tag in ("visual", "collision")
        }
        other = "collision" if geometry == "visual" else "visual"
        keep = drawable[geometry] or drawable[other]
        for tag in drawable:
            for element in link.findall(tag):
                if element not in keep:
                    link.remove(element)


def _has_drawable_geometry(element: ET.Element, path: Path) -> bool:
    """Whether MuJoCo can draw it; writes the absolute file name of a mesh into it."""
    mesh = element.find("geometry/mesh")
    if mesh is None:
        return element.find("geometry") is not None
    found = find_mesh(mesh.get("filename", ""), path)
    if found is None or found.suffix.lower() not in _READABLE_MESHES:
        return False
    mesh.set("filename", str(found))
    return True


def find_mesh(filename: str, urdf: Path) -> Path | None:
    """Where a mesh that a URDF names lies, or `None`.

    `package://some/where/robot/meshes/x.stl` is looked for in the folders above the URDF by ever
    shorter endings, because the package's own folders above the robot are not kept.

    Raises:
        RobotError: It is there, but it is no file of the robot.
    """
    plain = filename.removeprefix("file://")
    if not plain.startswith("package://"):
        return file_of_robot(plain, urdf, urdf.parent)
    parts = Path(plain.removeprefix("package://")).parts
    for folder in (urdf.parent, *urdf.parents[1:3]):
        for i in range(len(parts)):
            name = os.path.join(*parts[i:])
            if (folder / name).is_file():
                return inside(folder, name, what=f"{urdf.name} names", error=RobotError)
    return None
