"""Things for the scenes of 6-D poses: MuJoCo geoms whose surface points are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np

Geom = tuple[str, tuple[float, ...], tuple[float, ...], tuple[float, ...]]
"""Type, size [m], place [m] and axis-angle (x y z degrees) of a part in the thing's frame."""


def geoms(shape: str, rng: np.random.Generator) -> list[Geom]:
    """Parts of a thing; sizes vary by 15 % with the generator."""
    s = float(rng.uniform(0.9, 1.15))

    def part(
        kind: str, size: tuple[float, ...], at: tuple[float, ...], turn: tuple[float, ...]
    ) -> Geom:
        return kind, tuple(s * v for v in size), tuple(s * v for v in at), turn

    def box(size: tuple[float, ...], at: tuple[float, ...], yaw: float = 0.0) -> Geom:
        return part("box", size, at, (0, 0, 1, yaw))

    none = (0.0, 0.0, 1.0, 0.0)
    if shape == "box":
        return [box((0.05, 0.033, 0.025), (0, 0, 0))]
    if shape == "plate":
        return [box((0.07, 0.05, 0.004), (0, 0, 0))]
    if shape == "mug":
        r, h = 0.038, 0.045
        wall = [
            box(
                (0.003, 1.08 * r * np.tan(np.pi / 16), h),
                (r * np.cos(a), r * np.sin(a), 0),
                np.degrees(a),
            )
            for a in np.arange(16) * np.pi / 8
        ]
        handle = [box((0.012, 0.005, 0.005), (r + 0.012, 0, z)) for z in (-0.022, 0.022)] + [
            box((0.005, 0.005, 0.027), (r + 0.026, 0, 0))
        ]
        return [*wall, part("cylinder", (r, 0.003), (0, 0, -h + 0.003), none), *handle]
    if shape == "hammer":
        return [
            part("cylinder", (0.012, 0.085), (0, 0, 0), (0, 1, 0, 90)),
            box((0.018, 0.045, 0.018), (0.085, 0, 0)),
        ]
    if shape == "bracket":
        return [
            box((0.055, 0.02, 0.012), (0, 0, -0.02)),
            box((0.012, 0.02, 0.04), (-0.043, 0, 0.02)),
            box((0.012, 0.035, 0.012), (0.043, 0.02, 0.0)),
        ]
    if shape == "drill":
        return [
            part("cylinder", (0.024, 0.055), (0.02, 0, 0.045), (0, 1, 0, 90)),
            part("cylinder", (0.008, 0.02), (0.095, 0, 0.045), (0, 1, 0, 90)),
            box((0.016, 0.014, 0.04), (-0.01, 0, 0)),
            box((0.032, 0.02, 0.012), (-0.005, 0, -0.045)),
        ]
    if shape == "lamp":
        return [
            part("cylinder", (0.03, 0.012), (0, 0, -0.05), none),
            box((0.009, 0.012, 0.045), (0.006, 0, 0)),
            part("cylinder", (0.02, 0.035), (0.03, 0, 0.05), (0, 1, 0, 90)),
        ]
    if shape == "wrench":
        return [
            box((0.07, 0.012, 0.008), (0, 0, 0)),
            box((0.02, 0.01, 0.01), (0.08, 0.02, 0), 20),
            box((0.014, 0.01, 0.01), (0.085, -0.018, 0), -20),
            part("cylinder", (0.018, 0.01), (-0.075, 0, 0), none),
        ]
    if shape == "bear":
        at = rng.uniform(-0.03, 0.03, (5, 3))
        return [
            part(
                "ellipsoid",
                tuple(rng.uniform(0.016, 0.036, 3)),
                tuple(p),
                (0, 0, 1, float(rng.uniform(0, 180))),
            )
            for p in at
        ]
    if shape == "pitcher":
        r, h = 0.045, 0.06
        wall = [
            box(
                (0.003, 1.08 * r * np.tan(np.pi / 16), h),
                (r * np.cos(a), r * np.sin(a), 0),
                np.degrees(a),
            )
            for a in np.arange(16) * np.pi / 8
        ]
        spout = [box((0.02, 0.012, 0.006), (-r - 0.012, 0, h - 0.012))]
        handle = [box((0.02, 0.006, 0.006), (r + 0.02, 0, z)) for z in (-0.03, 0.04)]
        return [
            *wall,
            part("cylinder", (r, 0.003), (0, 0, -h + 0.003), none),
            *spout,
            *handle,
            box((0.006, 0.006, 0.041), (r + 0.04, 0, 0.005)),
        ]
    if shape == "bottle":
        return [
            part("cylinder", (0.03, 0.06), (0, 0, 0), none),
            part("cylinder", (0.012, 0.02), (0, 0, 0.08), none),
        ]
    if shape == "ball":
        return [part("sphere", (0.04,), (0, 0, 0), none)]
    raise ValueError(shape)


def mesh(parts: list[Geom]) -> tuple[np.ndarray, np.ndarray]:
    """Vertices [m] and faces of a thing; parts overlap as the geoms do."""
    import open3d as o3d

    vertices, faces, start = [], [], 0
    make = o3d.geometry.TriangleMesh
    for kind, size, at, turn in parts:
        if kind == "box":
            m = make.create_box(*(2 * v for v in size))
            m.translate([-v for v in size])
        elif kind == "cylinder":
            m = make.create_cylinder(size[0], 2 * size[1], 40)
        else:
            m = make.create_sphere(1.0, 30)
            m.vertices = o3d.utility.Vector3dVector(
                np.asarray(m.vertices) * (size if len(size) == 3 else size[0])
            )
        axis = np.array(turn[:3], float)
        m.rotate(
            o3d.geometry.get_rotation_matrix_from_axis_angle(np.radians(turn[3]) * axis), (0, 0, 0)
        )
        m.translate(at)
        vertices.append(np.asarray(m.vertices))
        faces.append(np.asarray(m.triangles) + start)
        start += len(vertices[-1])
    return np.concatenate(vertices), np.concatenate(faces)


def surface(parts: list[Geom], num: int, seed: int) -> np.ndarray:
    """Points of its surface [m], evenly by area."""
    vertices, faces = mesh(parts)
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    rng = np.random.default_rng(seed)
    pick = rng.choice(len(faces), num, p=area / area.sum())
    u, v = rng.uniform(size=(2, num, 1))
    u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
    return np.asarray(a[pick] + u * (b - a)[pick] + v * (c - a)[pick])


def write_mesh(parts: list[Geom], path: Path, *, scale: float = 1.0) -> None:
    """The thing as a mesh file, in meters times `scale`."""
    import open3d as o3d

    vertices, faces = mesh(parts)
    made = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(scale * vertices), o3d.utility.Vector3iVector(faces)
    )
    o3d.io.write_triangle_mesh(str(path), made)
