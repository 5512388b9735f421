"""A mesh that the user gives of the thing: read, compared with what is seen, brought onto it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from rotoscope.models.object_pose.key_frames import PAST_M, KeyFrame
from rotoscope.models.object_pose.open3d_import import open3d
from rotoscope.models.object_pose.seen import Lens
from rotoscope.models.object_pose.surface import Model, cloud_of, turn_between
from rotoscope.pipeline.errors import UnreasonableVideoError
from rotoscope.pipeline.files.paths import beside
from rotoscope.pipeline.geometry import se3

ENDINGS = (".mesh.ply", ".mesh.obj", ".mesh.stl")
FITS = 0.75
"""Share of what is seen of a thing that must lie on its mesh."""
MOST_PAST = 0.12
"""Share of the mesh's points that views may see past, of those that they would see."""
SIZES = (0.6, 12.0)
"""The mesh's extent over that of what is seen of the thing: a thing is never smaller than what is
seen of it, and of a thing that the camera sees less than a twelfth of nothing can be said."""
ANOTHER_RAD, ALIKE = np.radians(25.0), 0.03
"""Two poses that differ by so much are two, and fit alike where their scores differ by less."""
_STARTS, _KEPT = 96, 8


@dataclass(frozen=True, eq=False)
class Placed:
    """A mesh brought onto what is seen."""

    T_mesh_model: Float[np.ndarray, "4 4"]
    share: float
    """Points seen that lie on it."""
    past: float
    """Points of it that were seen past."""
    alike: int
    """Other poses that fit as well: the mesh looks alike from there."""


def mesh_file(video: Path) -> Path | None:
    """`NAME.mesh.ply`, `.obj` or `.stl` beside a video; `None` where there is none."""
    stem = video.name if video.is_dir() else video.stem
    for ending in ENDINGS:
        if video.with_name(stem + ending).is_file():
            return beside(video, stem + ending, what="the mesh", error=UnreasonableVideoError)
    return None


def read_mesh(path: Path, meters_per_unit: float, voxel_m: float) -> Model:
    """Points and outward normals of its surface [m].

    Raises:
        UnreasonableVideoError: It holds no triangles, or numbers that are none.
    """
    o3d = open3d()
    mesh = o3d.io.read_triangle_mesh(str(path))
    vertices, faces = np.asarray(mesh.vertices) * meters_per_unit, np.asarray(mesh.triangles)
    if len(faces) == 0 or not np.isfinite(vertices).all():
        raise UnreasonableVideoError(
            f"{path.name} holds no triangles that can be read; give a PLY, OBJ or STL of the thing"
        )
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    # Wound the other way round, the volume that its faces enclose is negative.
    if (np.cross(b, c) * a).sum() < 0:
        normals = -normals
    area = np.linalg.norm(normals, axis=1)
    if not area.sum() > 0:
        raise UnreasonableVideoError(f"{path.name} holds triangles without an area")
    num = int(np.clip(area.sum() / voxel_m**2, 500, 8_000))
    rng = np.random.default_rng(0)
    pick = rng.choice(len(faces), num, p=area / area.sum())
    u, v = rng.uniform(size=(2, num, 1))
    u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
    points = a[pick] + u * (b - a)[pick] + v * (c - a)[pick]
    # Not thinned to one point a cell: normals of both sides of a thin wall would cancel out.
    return Model(points, normals[pick] / area[pick, None], voxel_m)


def check_size(path: Path, mesh: Model, seen: Model) -> None:
    """That it can be the thing at all.

    Raises:
        UnreasonableVideoError: It is much larger or smaller than what is seen of the thing.
    """
    ratio = _extent_m(mesh) / _extent_m(seen)
    if SIZES[0] <= ratio <= SIZES[1]:
        return
    unit = " as if it were in millimeters (set object_pose.mesh_meters_per_unit to 0.001)"
    raise UnreasonableVideoError(
        f"{path.name} is {_extent_m(mesh):.3g} m across and what is seen of the thing "
        f"{_extent_m(seen):.3g} m:{unit if ratio > 100 else ''} it is the mesh of another thing or "
        "in another unit"
    )


def _extent_m(model: Model) -> float:
    low, high = np.quantile(model.points_m, [0.02, 0.98], axis=0)
    return float(np.linalg.norm(high - low))


def placed(mesh: Model, seen: Model, keys: list[KeyFrame], lens: Lens) -> Placed:
    """The pose of the seen surface on the mesh, from starts all around; the best that fits."""
    o3d = open3d()
    reg = o3d.pipelines.registration
    target = cloud_of(mesh.points_m, mesh.normals)
    every = max(1, len(seen.points_m) // 400)
    source = cloud_of(seen.points_m[::every], seen.normals[::every])
    size_m = _extent_m(mesh)
    middle, own = seen.points_m.mean(axis=0), mesh.points_m.mean(axis=0)
    coarse = []
    for R in _rotations(_STARTS):
        T = se3.make(R, own - R @ middle)
        for reach in (0.25 * size_m, 4 * mesh.voxel_m):
            loss = reg.TransformationEstimationPointToPlane(reg.TukeyLoss(k=reach))
            end = reg.ICPConvergenceCriteria(1e-4, 1e-4, 15)
            found = reg.registration_icp(source, target, reach, T, loss, end)
            T = found.transformation
        coarse.append((_share(T, seen, mesh), np.asarray(T)))
    coarse.sort(key=lambda one: -one[0])
    fine = []
    for _, T in coarse[: _KEPT * 3]:
        past = _past(T, mesh, keys, lens)
        fine.append((_share(T, seen, mesh) - past, _share(T, seen, mesh), past, T))
    fine.sort(key=lambda one: -one[0])
    score, share, past, T = fine[0]
    others: list[np.ndarray] = [T]
    for other_score, _, _, other in fine[1:]:
        angles = [turn_between(other, o) for o in others]
        if other_score > score - ALIKE and min(angles) > ANOTHER_RAD:
            others.append(other)
    return Placed(T, share, past, len(others) - 1)


def _share(T: np.ndarray, seen: Model, mesh: Model) -> float:
    """Share of the seen points that lie on the mesh, along its surface.

    Of a thin wall the nearest point may be of its other side, so that either sense will do.
    """
    away, nearest = mesh.tree.query(se3.apply(T, seen.points_m))
    facing = np.abs(((seen.normals @ T[:3, :3].T) * mesh.normals[nearest]).sum(axis=1)) > 0.3
    return float(((away < 2.5 * mesh.voxel_m) & facing).mean())


def _past(T: np.ndarray, mesh: Model, keys: list[KeyFrame], lens: Lens) -> float:
    """Share of the mesh's points that were seen past, of those that views would show."""
    past = shows = 0
    for key in keys[:: max(1, len(keys) // 8)]:
        back = se3.inverse(T @ key.T_model_camera)
        in_camera = se3.apply(back, mesh.points_m)
        toward = ((mesh.normals @ back[:3, :3].T) * in_camera).sum(axis=1)
        # Not at its outline, where a pixel beside it sees past.
        facing = toward < -0.3 * np.linalg.norm(in_camera, axis=1)
        measured, _ = lens.depth_at(key.depth_m, in_camera)
        behind = measured - in_camera[:, 2]
        past += int((facing & (behind > PAST_M)).sum())
        shows += int((facing & (behind > -PAST_M)).sum())
    return past / max(shows, 1)


def _rotations(num: int) -> Float[np.ndarray, "num 3 3"]:
    """Rotations that lie evenly over all (super-Fibonacci spiral, Alexa 2022)."""
    i = np.arange(num) + 0.5
    t, phi, psi = i / num, np.sqrt(2.0), 1.533751168755204288118041
    a, b = 2 * np.pi * i / phi, 2 * np.pi * i / psi
    r, s = np.sqrt(t), np.sqrt(1 - t)
    return se3.matrix_from_quat(
        np.stack([s * np.cos(b), r * np.sin(a), r * np.cos(a), s * np.sin(b)], axis=1)
    )
