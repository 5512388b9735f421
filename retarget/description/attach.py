"""An arm and a gripper that come as two URDF files, as the one URDF file that both are."""

from __future__ import annotations

import hashlib
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

from rotoscope.pipeline.errors import RobotError
from rotoscope.pipeline.files.atomic import atomic_path
from rotoscope.retarget.description.mujoco import find_mesh
from rotoscope.retarget.description.urdf import read_urdf
from rotoscope.retarget.description.xml import parse_xml

MOUNT = "gripper_mount"
"""Name of the joint that holds the gripper on the arm."""


def attached_file(
    arm: Path,
    gripper: Path,
    *,
    link: str,
    xyz_m: tuple[float, float, float] = (0.0, 0.0, 0.0),
    rpy_rad: tuple[float, float, float] = (0.0, 0.0, 0.0),
    prefix: str = "gripper_",
    folder: Path | None = None,
) -> Path:
    """Path of one URDF file of an arm with a gripper, made where it is not there yet.

    Links and joints of the gripper keep their names; where the arm has the same, the gripper's
    begin with a prefix.

    Args:
        arm: URDF file of the arm.
        gripper: URDF file of the gripper.
        link: Link of the arm that the gripper's root is fixed to.
        xyz_m: Where the gripper's root is in that link [m].
        rpy_rad: How it is turned there: roll, pitch, yaw [rad].
        prefix: What names of the gripper begin with where the arm has the same.
        folder: Where it is made; a folder of the user's cache when absent.

    Raises:
        RobotError: A file is no URDF, or the arm has no such link.
    """
    roots = [parse_xml(path) for path in (arm, gripper)]
    for path, root in zip((arm, gripper), roots, strict=True):
        if root.tag != "robot":
            raise RobotError(
                f"{path} is MJCF; an arm and a gripper in two files can be put together where both "
                "are URDF. Attach them in MuJoCo and give the file that it writes instead"
            )
    described = [read_urdf(path) for path in (arm, gripper)]
    described[0].require_links([link])
    meshes = [_meshes(root, path) for root, path in zip(roots, (arm, gripper), strict=True)]
    key = _key((arm, gripper), meshes, f"{link} {xyz_m} {rpy_rad} {prefix}")
    place = (folder or _cache()) / f"{arm.stem}_{gripper.stem}_{key[:16]}"
    file = place / f"{arm.stem}_{gripper.stem}.urdf"
    if file.is_file():
        return file
    taken = {*described[0].links, *described[0].joints}
    _rename(roots[1], {n: prefix + n for n in taken})
    root_link = described[1].root_link
    mount = ET.SubElement(roots[0], "joint", name=MOUNT, type="fixed")
    ET.SubElement(mount, "origin", xyz=_numbers(xyz_m), rpy=_numbers(rpy_rad))
    ET.SubElement(mount, "parent", link=link)
    ET.SubElement(mount, "child", link=prefix + root_link if root_link in taken else root_link)
    with atomic_path(place) as scratch:
        scratch.mkdir(parents=True)
        for found, name in zip(meshes, ("arm", "gripper"), strict=True):
            _copy(found, scratch, name)
        roots[0].extend(e for e in roots[1] if e.tag in ("link", "joint", "material"))
        ET.ElementTree(roots[0]).write(scratch / file.name, encoding="utf-8")
    return file


def _meshes(root: ET.Element, path: Path) -> list[tuple[ET.Element, Path]]:
    """Elements that name a mesh which is there, with the file."""
    named = [(mesh, find_mesh(mesh.get("filename", ""), path)) for mesh in root.iter("mesh")]
    return [(mesh, file) for mesh, file in named if file is not None]


def _key(
    files: tuple[Path, Path], meshes: list[list[tuple[ET.Element, Path]]], options: str
) -> str:
    found = hashlib.sha256(options.encode())
    for file in files:
        found.update(file.read_bytes())
    for file in sorted({file for part in meshes for _, file in part}):
        stat = file.stat()
        found.update(f"{file.name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return found.hexdigest()


def _copy(meshes: list[tuple[ET.Element, Path]], scratch: Path, name: str) -> None:
    """Copies meshes and names them where they are now; files of one name are told apart."""
    names: dict[Path, str] = {}
    for mesh, file in meshes:
        if file not in names:
            names[file] = f"meshes/{name}/{len(names)}_{file.name}"
            target = scratch / names[file]
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        mesh.set("filename", names[file])


def _rename(root: ET.Element, names: dict[str, str]) -> None:
    """Renames links and joints wherever they are named."""
    for element in root.iter():
        for key in ("name", "link", "joint"):
            if element.tag not in ("material", "mesh") and element.get(key) in names:
                element.set(key, names[element.get(key, "")])


def _numbers(values: tuple[float, float, float]) -> str:
    return " ".join(f"{value:.12g}" for value in values)


def _cache() -> Path:
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("rotoscope")) / "robots"
