"""Corners of meshes that MuJoCo cannot read: COLLADA (`.dae`) and binary glTF (`.glb`).

Only where the surface lies matters here, so materials, normals and triangles are left out.
"""

from __future__ import annotations

import json
import struct
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.description.mujoco import find_mesh
from rotoscope.retarget.description.urdf import rotation_of_rpy
from rotoscope.retarget.description.xml import parse_xml

_COLLADA = "{http://www.collada.org/2005/11/COLLADASchema}"
_GLTF_FLOAT = 5126
_UP = {
    "X_UP": np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
    "Y_UP": np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]]),
    "Z_UP": np.eye(3),
}
"""Rotations from a file's axes to those with z up."""


def undrawn_points(path: Path) -> dict[str, Float[np.ndarray, "point 3"]]:
    """Corners of the meshes of each link of a URDF that MuJoCo cannot read, in that link [m]."""
    root = parse_xml(path)
    found: dict[str, list[np.ndarray]] = {}
    if root.tag != "robot":
        return {}
    for link in root.findall("link"):
        for element in link.findall("collision") or link.findall("visual"):
            points = _points_of(element, path)
            if points is not None:
                found.setdefault(link.get("name", ""), []).append(points)
    return {link: np.concatenate(points) for link, points in found.items()}


def _points_of(element: ET.Element, path: Path) -> Float[np.ndarray, "point 3"] | None:
    mesh, origin = element.find("geometry/mesh"), element.find("origin")
    file = None if mesh is None else find_mesh(mesh.get("filename", ""), path)
    if mesh is None or file is None or file.suffix.lower() not in (".dae", ".glb"):
        return None
    try:
        points = (collada_points if file.suffix.lower() == ".dae" else glb_points)(file)
        scale = _three(mesh.get("scale"), 1.0)
        T = np.eye(4) if origin is None else _pose(origin)
    except (ValueError, KeyError, IndexError, TypeError, ET.ParseError, struct.error):
        # A mesh that is not as its format says shows nothing; what is not seen is said elsewhere.
        return None
    return np.asarray(se3.apply(T, points * scale))


def _pose(origin: ET.Element) -> Float[np.ndarray, "4 4"]:
    rpy, xyz = (_three(origin.get(key), 0.0) for key in ("rpy", "xyz"))
    return se3.make(rotation_of_rpy(rpy), xyz)


def _three(text: str | None, default: float) -> Float[np.ndarray, " 3"]:
    values = np.full(3, default) if text is None else np.array(text.split(), float)
    return values if len(values) == 3 else np.resize(values, 3)


def collada_points(path: Path) -> Float[np.ndarray, "point 3"]:
    """Corners in a COLLADA file, in its own axes turned so that z is up [m]."""
    root = ET.fromstring(path.read_bytes())
    unit = root.find(f".//{_COLLADA}unit")
    meter = 1.0 if unit is None else float(unit.get("meter", "1"))
    up = _UP.get(root.findtext(f".//{_COLLADA}up_axis", "Y_UP").strip(), np.eye(3))
    geometries = {
        geometry.get("id", ""): points
        for geometry in root.iter(f"{_COLLADA}geometry")
        if (points := _collada_positions(geometry)) is not None
    }
    out: list[np.ndarray] = []
    for scene in root.iter(f"{_COLLADA}visual_scene"):
        for node in scene.findall(f"{_COLLADA}node"):
            _collada_node(node, np.eye(4), geometries, out)
    points = np.concatenate(out or list(geometries.values()) or [np.zeros((0, 3))])
    return np.asarray(points * meter @ up.T)


def _collada_positions(geometry: ET.Element) -> Float[np.ndarray, "point 3"] | None:
    named = geometry.find(f".//{_COLLADA}vertices/{_COLLADA}input[@semantic='POSITION']")
    wanted = "" if named is None else named.get("source", "").lstrip("#")
    for source in geometry.iter(f"{_COLLADA}source"):
        numbers = source.find(f"{_COLLADA}float_array")
        if source.get("id") == wanted and numbers is not None and numbers.text:
            return np.array(numbers.text.split(), float).reshape(-1, 3)
    return None


def _collada_node(
    node: ET.Element, T: np.ndarray, geometries: dict[str, np.ndarray], out: list[np.ndarray]
) -> None:
    for child in node:
        tag = child.tag.removeprefix(_COLLADA)
        numbers = np.array((child.text or "").split(), float) if tag in _MOVES else np.zeros(0)
        if tag in _MOVES:
            T = T @ _MOVES[tag](numbers)
        elif tag == "instance_geometry":
            points = geometries.get(child.get("url", "").lstrip("#"))
            if points is not None:
                out.append(points @ T[:3, :3].T + T[:3, 3])
        elif tag == "node":
            _collada_node(child, T, geometries, out)


def _matrix(numbers: np.ndarray) -> np.ndarray:
    return numbers.reshape(4, 4)


def _translate(numbers: np.ndarray) -> np.ndarray:
    return se3.make(np.eye(3), numbers)


def _rotate(numbers: np.ndarray) -> np.ndarray:
    return se3.make(se3.exp_so3(numbers[:3] * np.radians(numbers[3])), np.zeros(3))


def _scale(numbers: np.ndarray) -> np.ndarray:
    return np.diag([*numbers, 1.0])


_MOVES = {"matrix": _matrix, "translate": _translate, "rotate": _rotate, "scale": _scale}


def glb_points(path: Path) -> Float[np.ndarray, "point 3"]:
    """Corners in a binary glTF file, in its own axes [m]."""
    data = path.read_bytes()
    magic, _, _ = struct.unpack_from("<4sII", data)
    if magic != b"glTF":
        raise ValueError("no binary glTF")
    length, _ = struct.unpack_from("<II", data, 12)
    facts = json.loads(data[20 : 20 + length])
    blob = data[20 + length + 8 :]
    out: list[np.ndarray] = []
    nodes = facts.get("nodes", [])
    children = {child for node in nodes for child in node.get("children", [])}

    def walk(index: int, T: np.ndarray) -> None:
        node = nodes[index]
        T = T @ _gltf_pose(node)
        if "mesh" in node:
            for primitive in facts["meshes"][node["mesh"]]["primitives"]:
                points = _gltf_positions(facts, blob, primitive["attributes"]["POSITION"])
                out.append(points @ T[:3, :3].T + T[:3, 3])
        for child in node.get("children", []):
            walk(child, T)

    for index in range(len(nodes)):
        if index not in children:
            walk(index, np.eye(4))
    return np.concatenate(out) if out else np.zeros((0, 3))


def _gltf_pose(node: dict[str, list[float]]) -> Float[np.ndarray, "4 4"]:
    if "matrix" in node:
        return np.array(node["matrix"], float).reshape(4, 4).T
    x, y, z, w = node.get("rotation", [0.0, 0.0, 0.0, 1.0])
    R = se3.matrix_from_quat(np.array([w, x, y, z], float))
    scale = np.array(node.get("scale", [1.0, 1.0, 1.0]), float)
    return se3.make(R * scale, np.array(node.get("translation", [0.0, 0.0, 0.0]), float))


def _gltf_positions(
    facts: dict[str, list[dict[str, int]]], blob: bytes, accessor_index: int
) -> Float[np.ndarray, "point 3"]:
    accessor = facts["accessors"][accessor_index]
    if accessor["componentType"] != _GLTF_FLOAT:
        raise ValueError("positions are not floats")
    view = facts["bufferViews"][accessor["bufferView"]]
    start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    stride, count = view.get("byteStride", 12), accessor["count"]
    raw = np.frombuffer(blob[start : start + stride * (count - 1) + 12], np.uint8)
    rows = np.lib.stride_tricks.as_strided(raw, (count, 12), (stride, 1))
    return np.ascontiguousarray(rows).view("<f4").reshape(-1, 3).astype(float)
