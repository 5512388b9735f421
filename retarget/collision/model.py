"""A robot's collision shapes as a MuJoCo model that tells which of them are inside each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.errors import RobotError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import SIDES
from rotoscope.retarget.description.mujoco import body_pose, import_mujoco
from rotoscope.retarget.robots.arm import ArmRobot
from rotoscope.retarget.robots.robot import Robot
from rotoscope.retarget.robots.self_check import stated_mimics, with_mimics
from rotoscope.retarget.robots.spec import spec_of
from rotoscope.retarget.robots.two_arms import TwoArmRobot, own_links

FLOOR = "floor below the robot"
"""Name of the plane in the model: no link bears it."""
AT_REST_M = 1e-3
"""Links further inside each other than this at rest are so by how they are built [m]: nothing is
said of them."""
CHAIN = 2
"""Links so few moving joints apart are neighbors: their shapes meet in the joint itself."""


class CollisionModel:
    """Shapes of any robot. Each is taken as its convex hull, as MuJoCo does.

    Args:
        robot: The robot. A humanoid's root floats.
        margin_m: Links of two arms nearer to each other than this are told of [m]; all others only
            where they are inside each other.
    """

    def __init__(self, robot: Robot, *, margin_m: float = 0.0) -> None:
        self.robot, self.margin_m = robot, margin_m
        self.is_fixed = isinstance(robot, ArmRobot | TwoArmRobot)
        mujoco = import_mujoco()
        self._move, self._collide = mujoco.mj_kinematics, mujoco.mj_collision
        spec = _bare_spec(robot, is_fixed=self.is_fixed, margin_m=margin_m)
        self._take(spec)
        self.mimics = {} if self.is_fixed else stated_mimics(robot.path, self.model)
        self._exclude(spec)
        self._take(spec)

    def _take(self, spec: Any) -> None:
        """Compiles the model and looks up what is needed of it in every frame."""
        self.model = _compiled(spec, self.robot)
        self.data = import_mujoco().MjData(self.model)
        self.floor = self.model.geom(FLOOR).id
        self._T_root_file: Float[np.ndarray, "4 4"] | None = None
        self._joint_of = {
            self.model.joint(j).name: int(self.model.jnt_qposadr[j]) for j in range(self.model.njnt)
        }
        self._link_of = [self.name_of(geom) for geom in range(self.model.ngeom)]
        self._links_of: dict[tuple[int, int], tuple[tuple[str, str], bool]] = {}

    @property
    def has_shapes(self) -> bool:
        """Whether the robot's file holds any shape that MuJoCo reads."""
        return int(self.model.ngeom) > 1

    def place(
        self,
        joints: Float[np.ndarray, " joint"],
        *,
        T_world_root: Float[np.ndarray, "4 4"] | None = None,
        others: Mapping[str, float] | None = None,
    ) -> None:
        """Moves the robot.

        Args:
            joints: Values of `robot.joint_names` [rad or m].
            T_world_root: Where `robot.base_link` is, of a robot that floats.
            others: Values of further joints, such as fingers [rad or m].
        """
        robot, data = self.robot, self.data
        values = dict(zip(robot.joint_names, joints.tolist(), strict=True))
        values = with_mimics(robot.path, {**robot.locked, **values, **(others or {})}, self.mimics)
        for name, value in values.items():
            if name in self._joint_of:
                data.qpos[self._joint_of[name]] = value
        if T_world_root is not None and not self.is_fixed:
            if self._T_root_file is None:
                # Where the free joint's body is in the base link, once: nothing moves in between.
                self._move(self.model, data)
                T_world_file = body_pose(data, self.model.body(1).name)
                T_root_world = se3.inverse(body_pose(data, robot.base_link))
                self._T_root_file = T_root_world @ T_world_file
            T = T_world_root @ self._T_root_file
            data.qpos[:3], data.qpos[3:7] = T[:3, 3], se3.quat_from_matrix(T[:3, :3])
        self._move(self.model, data)

    def contacts(self) -> list[tuple[str, str, float]]:
        """Links inside each other as the robot stands; those of two arms nearer than the margin.

        Both names and their distance [m], negative inside; the floor's name first where it is one
        of them, else in the order of the alphabet, each two once.
        """
        self._collide(self.model, self.data)
        found = self.data.contact
        nearest: dict[tuple[str, str], float] = {}
        for (one, other), distance in zip(found.geom.tolist(), found.dist.tolist(), strict=True):
            pair, is_of_two_arms = self._links(one, other)
            if distance < 0.0 or is_of_two_arms:
                nearest[pair] = min(nearest.get(pair, np.inf), distance)
        return [(a, b, distance) for (a, b), distance in nearest.items()]

    def _links(self, one: int, other: int) -> tuple[tuple[str, str], bool]:
        """The links of two shapes in their order, and whether they are of two arms."""
        if (one, other) not in self._links_of:
            names = sorted(
                (self._link_of[one], self._link_of[other]), key=lambda n: (n != FLOOR, n)
            )
            is_of_two = names[0] != FLOOR and arm_of(names[0]) != arm_of(names[1])
            self._links_of[one, other] = (names[0], names[1]), is_of_two
        return self._links_of[one, other]

    def name_of(self, geom: int) -> str:
        """The link that a shape belongs to; the floor's own name."""
        if geom == self.floor:
            return FLOOR
        return str(self.model.body(int(self.model.geom_bodyid[geom])).name)

    def set_floor(self, height_m: float) -> None:
        """Puts the floor so high over the frame that the robot is placed in [m]."""
        self.model.geom_pos[self.floor, 2] = height_m
        # Compiled at the origin of the world, it would be taken to stay there.
        self.model.geom_sameframe[self.floor] = 0

    def _exclude(self, spec: Any) -> None:
        """Leaves out pairs of links that are neighbors, or inside each other at rest."""
        self.set_floor(-1e3)
        self.place(self.robot.rest, T_world_root=np.eye(4))
        pairs = {(a, b) for a, b, d in self.contacts() if d < -AT_REST_M and a != FLOOR}
        pairs |= _neighbors(self.model)
        for a, b in sorted({tuple(sorted(pair)) for pair in pairs}):
            spec.add_exclude(bodyname1=a, bodyname2=b)


def arm_of(link: str) -> str:
    """Which of two arms a link belongs to, `left` or `right`; empty for other robots."""
    side = link.partition("/")[0]
    return side if side in SIDES else ""


def _bare_spec(robot: Robot, *, is_fixed: bool, margin_m: float) -> Any:
    mujoco = import_mujoco()
    spec = spec_of(robot, geometry="collision")
    for element in (*spec.actuators, *spec.sensors, *spec.keys, *spec.equalities, *spec.tendons):
        spec.delete(element)
    tops = list(spec.worldbody.bodies)
    for geom in list(spec.worldbody.geoms):
        spec.delete(geom)
    if not is_fixed:
        if len(tops) != 1:
            raise RobotError(f"{robot.path} has {len(tops)} bodies that hang on the world, not one")
        if not any(j.type == mujoco.mjtJoint.mjJNT_FREE for j in spec.joints):
            tops[0].add_freejoint()
    _choose_shapes(spec, margin_m, own_links(robot) if isinstance(robot, ArmRobot) else None)
    spec.worldbody.add_geom(
        name=FLOOR,
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[1.0, 1.0, 1.0],
        contype=1,
        conaffinity=1,
    )
    return spec


def _choose_shapes(spec: Any, margin_m: float, own: set[str] | None) -> None:
    """Of each link those shapes that its file says collide; all of them where it says of none.

    Of a file that holds more than one arm, such as a table and another arm, its `own` links alone.
    """
    for body in spec.bodies:
        geoms = list(body.geoms)
        said = [g for g in geoms if g.contype or g.conaffinity] or geoms
        if own is not None and body.name not in own:
            said = []
        for geom in geoms:
            geom.contype = geom.conaffinity = int(geom in said)
            # MuJoCo adds the margins of both.
            geom.margin, geom.gap = 0.5 * margin_m, 0.0


def _compiled(spec: Any, robot: Robot) -> Any:
    try:
        return spec.compile()
    except ValueError as error:
        raise RobotError(f"MuJoCo cannot read the shapes of {robot.path}: {error}") from error


def _neighbors(model: Any) -> set[tuple[str, str]]:
    """Links of one chain with at most `CHAIN` moving joints between them."""
    out = set()
    for b in range(1, model.nbody):
        moving, above = int(model.body_jntnum[b] > 0), int(model.body_parentid[b])
        while above > 0 and moving <= CHAIN:
            out.add((str(model.body(b).name), str(model.body(above).name)))
            moving += int(model.body_jntnum[above] > 0)
            above = int(model.body_parentid[above])
    return out
