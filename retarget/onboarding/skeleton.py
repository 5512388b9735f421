"""A robot file as rigid parts between joints, and where they stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.errors import RobotError
from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.description.links import Description, Joint
from rotoscope.retarget.description.mujoco import import_mujoco, robot_spec
from rotoscope.retarget.kinematics.frames import Frame
from rotoscope.retarget.kinematics.tree import KinematicTree
from rotoscope.retarget.onboarding.mesh_points import undrawn_points

SAMPLES_PER_TURN = 24
"""Points by which round shapes are stood for."""


@dataclass(frozen=True)
class Part:
    """Links that never move against each other."""

    joint: Joint | None
    """The joint that moves it; `None` for the root's."""
    links: tuple[str, ...]
    """Its links; the first is the one that the joint moves."""
    parent: int
    """Index of the part that it hangs on; -1 for the root's."""
    children: tuple[int, ...]
    """Indices of the parts that hang on it."""


class Skeleton:
    """Parts of a robot, and their poses for given joint values.

    Args:
        description: Links and joints of the robot's file.

    Raises:
        RobotError: The file has no joint that moves.
    """

    def __init__(self, description: Description) -> None:
        self.description = description
        self.surface_fault: str | None = None
        self.parts = _parts(description)
        self.part_of = {link: i for i, part in enumerate(self.parts) for link in part.links}
        moving = [joint for joint in description.joints.values() if joint.kind != "fixed"]
        self.free = tuple(joint.name for joint in moving if joint.mimic is None)
        if not self.free:
            raise RobotError(f"{description.path} has no joint that moves; there is nothing to map")
        self._tree = KinematicTree(
            description,
            columns=self.free,
            locked={},
            frames=[Frame.at(link) for link in description.links],
        )
        self._row = {link: i for i, link in enumerate(description.links)}

    @cached_property
    def rest(self) -> dict[str, float]:
        """Zero, or the nearest limit, of each independent joint [rad or m]."""
        joints = self.description.joints
        return {n: float(np.clip(0.0, joints[n].lower, joints[n].upper)) for n in self.free}

    @cached_property
    def leaves(self) -> list[int]:
        """Parts that nothing hangs on."""
        return [i for i, part in enumerate(self.parts) if not part.children]

    def poses(self, values: Mapping[str, float]) -> dict[str, Float[np.ndarray, "4 4"]]:
        """Every link in the root link, for values of the independent joints [rad or m]."""
        x = np.array([[values[name] for name in self.free]])
        reached = self._tree.forward_kinematics(x)
        T = se3.make(reached.R[0], reached.p_m[0])
        return {link: T[row] for link, row in self._row.items()}

    def path(self, part: int) -> list[int]:
        """Parts from the root to a part, both included."""
        found = [part]
        while self.parts[found[-1]].parent >= 0:
            found.append(self.parts[found[-1]].parent)
        return found[::-1]

    def below(self, part: int) -> list[int]:
        """A part and all that hang on it."""
        return [part, *(i for child in self.parts[part].children for i in self.below(child))]

    def common_ancestor(self, parts: list[int]) -> int:
        """The outermost part that all of these hang on."""
        paths = [self.path(part) for part in parts]
        shared = [level[0] for level in zip(*paths, strict=False) if len(set(level)) == 1]
        return shared[-1]

    def entry(self, part: int) -> str:
        """The link of a part that its joint moves; the root link for the root's part."""
        return self.parts[part].links[0]

    def anchor(
        self, part: int, T: Mapping[str, Float[np.ndarray, "4 4"]]
    ) -> Float[np.ndarray, " 3"]:
        """A point on the axis of a part's joint, in the root link [m]."""
        joint = self.parts[part].joint
        here = T[self.entry(part)]
        return here[:3, 3] if joint is None else here[:3, :3] @ joint.anchor_m + here[:3, 3]

    def axis(self, part: int, T: Mapping[str, Float[np.ndarray, "4 4"]]) -> Float[np.ndarray, " 3"]:
        """Axis of a part's joint in the root link, positive where its master moves upwards."""
        joint = self.parts[part].joint
        if joint is None:
            raise RobotError(f"the root part of {self.description.path} has no joint")
        sign = 1.0 if self.description.resolve_mimic(joint.name).multiplier >= 0 else -1.0
        return sign * (T[self.entry(part)][:3, :3] @ joint.axis)

    @cached_property
    def surface(self) -> dict[str, Float[np.ndarray, "point 3"]]:
        """Points on each link's collision geometry in that link [m].

        Of the meshes that MuJoCo reads, and of COLLADA and glTF; the reason is in `surface_fault`
        where MuJoCo cannot read the shapes.
        """
        drawn: dict[str, np.ndarray] = {}
        try:
            drawn = surface_points(self.description.path)
        except RobotError as error:
            self.surface_fault = str(error)
        others = undrawn_points(self.description.path)
        return {
            link: np.concatenate([p[link] for p in (drawn, others) if link in p])
            for link in {**drawn, **others}
        }


def surface_points(path: Path) -> dict[str, Float[np.ndarray, "point 3"]]:
    """Points on the collision geometry of each link of a robot file, in that link [m].

    Raises:
        RobotError: No such file, or MuJoCo refuses it.
    """
    mujoco = import_mujoco()
    spec = robot_spec(path, geometry="collision")
    # Only shapes matter here: masses that make no sense and meshes without volume will do.
    for mesh in spec.meshes:
        mesh.inertia = mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL
    for body in spec.bodies:
        body.explicitinertial = True
        body.mass, body.inertia = 1.0, np.ones(3)
        body.fullinertia = np.full(6, np.nan)
    # Flat meshes have no convex hull, which shapes that touch nothing do without.
    for geom in spec.geoms:
        geom.contype = geom.conaffinity = 0
    try:
        model = spec.compile()
    except ValueError as error:
        raise RobotError(f"MuJoCo cannot compile {path}: {error}") from error
    found: dict[str, list[np.ndarray]] = {}
    for g in range(model.ngeom):
        points = _geom_points(mujoco, model, g)
        T = se3.make(se3.matrix_from_quat(model.geom_quat[g]), model.geom_pos[g])
        link = model.body(int(model.geom_bodyid[g])).name
        found.setdefault(link, []).append(se3.apply(T, points))
    return {link: np.concatenate(points) for link, points in found.items()}


def _geom_points(mujoco: Any, model: Any, g: int) -> Float[np.ndarray, "point 3"]:
    kinds = mujoco.mjtGeom
    kind, size = int(model.geom_type[g]), np.array(model.geom_size[g])
    if kind == int(kinds.mjGEOM_MESH):
        mesh = int(model.geom_dataid[g])
        first, count = int(model.mesh_vertadr[mesh]), int(model.mesh_vertnum[mesh])
        return np.array(model.mesh_vert[first : first + count], float)
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
    if kind == int(kinds.mjGEOM_BOX):
        return corners * size
    turn = np.linspace(0, 2 * np.pi, SAMPLES_PER_TURN, endpoint=False)
    ring = np.stack([np.cos(turn), np.sin(turn), np.zeros_like(turn)], axis=1)
    if kind == int(kinds.mjGEOM_CYLINDER):
        up = np.array([0, 0, size[1]])
        return np.concatenate([ring * size[0] + up, ring * size[0] - up])
    ball = np.concatenate([ring, np.roll(ring, 1, axis=1), np.roll(ring, 2, axis=1)])
    if kind == int(kinds.mjGEOM_CAPSULE):
        up = np.array([0, 0, size[1]])
        return np.concatenate([ball * size[0] + up, ball * size[0] - up])
    if kind in (int(kinds.mjGEOM_SPHERE), int(kinds.mjGEOM_ELLIPSOID)):
        radii = size if kind == int(kinds.mjGEOM_ELLIPSOID) else np.full(3, size[0])
        return ball * radii
    return np.zeros((0, 3))


def _parts(description: Description) -> tuple[Part, ...]:
    hanging: dict[str, list[Joint]] = {}
    for joint in description.joints.values():
        hanging.setdefault(joint.parent, []).append(joint)
    links: list[list[str]] = []
    joints: list[Joint | None] = []
    parents: list[int] = []

    def grow(link: str, part: int) -> None:
        links[part].append(link)
        for joint in hanging.get(link, []):
            if joint.kind == "fixed":
                grow(joint.child, part)
                continue
            links.append([])
            joints.append(joint)
            parents.append(part)
            grow(joint.child, len(links) - 1)

    links.append([])
    joints.append(None)
    parents.append(-1)
    grow(description.root_link, 0)
    children = [tuple(i for i, p in enumerate(parents) if p == k) for k in range(len(links))]
    return tuple(
        Part(joint, tuple(names), parent, below)
        for joint, names, parent, below in zip(joints, links, parents, children, strict=True)
    )
