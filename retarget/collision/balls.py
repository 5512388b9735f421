"""Balls that stand for the shapes of a robot where an optimizer keeps them apart."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.collision.model import FLOOR, CollisionModel
from rotoscope.retarget.description.mujoco import import_mujoco
from rotoscope.retarget.kinematics.frames import Frame

MAX_BALLS = 6
"""Balls of a shape at most."""
SPACING = 1.2
"""Distance between balls of a shape, in radii: the dents between them are a fifth of a radius."""
MIN_RADIUS_M = 0.01
"""Smaller shapes are taken as large as this [m]."""


@dataclass(frozen=True, eq=False)
class Balls:
    """Balls on the links of a robot."""

    links: tuple[str, ...]
    """The link that carries each."""
    center_m: Float[np.ndarray, "ball 3"]
    """Its center in that link [m]."""
    radius_m: Float[np.ndarray, " ball"]
    """Its radius [m]."""

    def by_link(self) -> dict[str, list[int]]:
        """Numbers of the balls of each link."""
        out: dict[str, list[int]] = {}
        for i, link in enumerate(self.links):
            out.setdefault(link, []).append(i)
        return out

    def frames(self) -> list[Frame]:
        """The centers."""
        points = self.center_m.tolist()
        return [Frame.at(link, p) for link, p in zip(self.links, points, strict=True)]


@lru_cache(maxsize=4)
def balls_of(shapes: CollisionModel) -> Balls:
    """A row of balls along every shape.

    Each is as thick as the shape is across, so that they stand for arms and legs well and for
    plates badly: what an optimizer keeps apart with them is still to be checked.
    """
    model = shapes.model
    links, centers, radii = [], [], []
    for geom in range(model.ngeom):
        link = shapes.name_of(geom)
        if link == FLOOR or not model.geom_contype[geom]:
            continue
        center, radius = row_of_balls(_in_link(model, geom))
        links += [link] * len(center)
        centers.append(center)
        radii.append(radius)
    return Balls(tuple(links), np.concatenate(centers), np.concatenate(radii))


def row_of_balls(
    points_m: Float[np.ndarray, "point 3"],
) -> tuple[Float[np.ndarray, "ball 3"], Float[np.ndarray, " ball"]]:
    """Centers and radii of balls along the longest axis of a cloud of points [m]."""
    middle = points_m.mean(axis=0)
    axes = np.linalg.svd(points_m - middle, full_matrices=False)[2]
    along = (points_m - middle) @ axes.T
    low, high = along.min(axis=0), along.max(axis=0)
    length, *across = high - low
    radius = max(0.5 * max(across), MIN_RADIUS_M)
    between = max(length - 2.0 * radius, 0.0)
    count = min(1 + int(np.ceil(between / (SPACING * radius))), MAX_BALLS)
    center = 0.5 * (low + high)
    line = np.linspace(-0.5, 0.5, count) * between if count > 1 else np.zeros(1)
    local = np.tile(center, (count, 1))
    local[:, 0] += line
    return local @ axes + middle, np.full(count, radius)


def _in_link(model: Any, geom: int) -> Float[np.ndarray, "point 3"]:
    """Points of a shape's surface in its link [m]."""
    mujoco = import_mujoco()
    kind, size = int(model.geom_type[geom]), model.geom_size[geom]
    if kind == int(mujoco.mjtGeom.mjGEOM_MESH):
        mesh = int(model.geom_dataid[geom])
        first, count = int(model.mesh_vertadr[mesh]), int(model.mesh_vertnum[mesh])
        points = model.mesh_vert[first : first + count].astype(float)
    else:
        half = size.copy()
        if kind in (int(mujoco.mjtGeom.mjGEOM_CAPSULE), int(mujoco.mjtGeom.mjGEOM_CYLINDER)):
            half = np.array([size[0], size[0], size[1]])
            half[2] += size[0] * (kind == int(mujoco.mjtGeom.mjGEOM_CAPSULE))
        elif kind == int(mujoco.mjtGeom.mjGEOM_SPHERE):
            half = np.full(3, size[0])
        points = np.array(np.meshgrid([-1, 0, 1], [-1, 0, 1], [-1, 0, 1])).reshape(3, -1).T * half
    R = se3.matrix_from_quat(model.geom_quat[geom])
    return points @ R.T + model.geom_pos[geom]
