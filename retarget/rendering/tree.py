"""Pictures of dexterous hands and humanoids, drawn without a display."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.pipeline.errors import RobotError
from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.description.mujoco import body_pose, import_mujoco, robot_spec
from rotoscope.retarget.rendering.arm import HAND_RGBA, UNCOLOURED_RGBA
from rotoscope.retarget.rendering.offscreen import Offscreen, View, lay_floor, light_up
from rotoscope.retarget.robots.self_check import stated_followers, with_followers
from rotoscope.retarget.robots.tree_robot import HandRobot, HumanoidRobot, TreeRobot

FIELD_OF_VIEW_RAD = float(np.radians(20.0))
"""Angle that a picture's height spans: narrow, so that near parts look no larger than far ones."""
ELEVATION_RAD = float(np.radians(12.0))
"""How far from above a humanoid is looked at."""
TILE_M = 0.25
"""Side of the floor's tiles under a humanoid [m]."""
FLOOR_REACH_M = 100.0
"""How far the floor reaches to each side [m]."""
ROOT_BODY = 1
"""Number of the body on which everything hangs; the world is 0."""
BONE_RADIUS_M = 0.004
"""Radius of the bars from each joint of a hand to the next [m]: hidden inside most shapes."""
PALM_RGBA = (0.82, 0.84, 0.87, 1.0)
"""Colour of the links of a hand, where the file gives none; fingertips are orange."""


class TreeRenderer:
    """Draws one hand or humanoid. Close it before making another.

    A humanoid stands on a floor at z = 0 of its world; a hand hangs in the air.

    Args:
        robot: The robot.

    Raises:
        RobotError: Its file cannot be drawn or moved as a whole.
    """

    def __init__(self, robot: TreeRobot) -> None:
        mujoco = import_mujoco()
        self.robot = robot
        self._model = _scene(robot)
        self._followers = stated_followers(robot.path, self._model)
        self._data = mujoco.MjData(self._model)
        self._set(robot.held)
        mujoco.mj_kinematics(self._model, self._data)
        T_world_link = body_pose(self._data, carried_link(robot))
        self._T_link_root = se3.inverse(T_world_link) @ body_pose(
            self._data, self._model.body(ROOT_BODY).name
        )
        self._offscreen = Offscreen(self._model, self._data)

    def render(
        self,
        joints: Float[np.ndarray, " joint"],
        T_world_link: Float[np.ndarray, "4 4"],
        view: View,
        *,
        width: int = 480,
        height: int = 480,
    ) -> UInt8[np.ndarray, "height width 3"]:
        """The robot as an RGB picture.

        Args:
            joints: Values of `robot.joint_names` [rad or m].
            T_world_link: Where the root link of a humanoid is, or the palm link of a hand.
            view: Camera in the same world.
            width: Pixels across.
            height: Pixels down.

        Raises:
            RobotError: A value is not finite, the picture is too large, or this machine cannot
                draw without a display.
        """
        if len(joints) != len(self.robot.joint_names) or not (
            np.isfinite(joints).all() and np.isfinite(T_world_link).all()
        ):
            raise RobotError(
                f"drawing {self.robot.name} needs {len(self.robot.joint_names)} finite joint "
                f"values and a finite pose, got {np.asarray(joints).tolist()} and "
                f"{np.asarray(T_world_link).tolist()}"
            )
        self._set(dict(zip(self.robot.joint_names, map(float, joints), strict=True)))
        T_world_root = T_world_link @ self._T_link_root
        self._data.mocap_pos[0] = T_world_root[:3, 3]
        self._data.mocap_quat[0] = se3.quat_from_matrix(T_world_root[:3, :3])
        return self._offscreen.draw(view, np.eye(4), width=width, height=height)

    def close(self) -> None:
        """Releases the drawing context."""
        self._offscreen.close()

    def __enter__(self) -> TreeRenderer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _set(self, joints: Mapping[str, float]) -> None:
        values = {
            **self.robot.held,
            **dict(zip(self.robot.joint_names, self.robot.rest, strict=True)),
        }
        for name, value in with_followers(
            self.robot.path, {**values, **joints}, self._followers
        ).items():
            self._data.joint(name).qpos[:] = value


def carried_link(robot: TreeRobot) -> str:
    """The link whose pose says where a robot is: a humanoid's root, a hand's palm."""
    if isinstance(robot, HumanoidRobot):
        return robot.config.root
    assert isinstance(robot, HandRobot)
    return robot.config.palm.link


def view_from(
    direction: Float[np.ndarray, " 3"],
    looked_at_m: Float[np.ndarray, " 3"],
    *,
    height_m: float,
    width: int,
    height: int,
) -> View:
    """A camera that looks at a point from a direction, z up in the picture.

    Args:
        direction: From the point towards the camera; not along z.
        looked_at_m: What is in the middle of the picture [m].
        height_m: How much of the world the picture's height shows at that point [m].
        width: Pixels across.
        height: Pixels down.
    """
    forward = -direction / np.linalg.norm(direction)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    R = np.stack([right, np.cross(forward, right), forward], axis=1)
    focal_px = 0.5 * height / np.tan(0.5 * FIELD_OF_VIEW_RAD)
    eye = looked_at_m - forward * focal_px * height_m / height
    K = np.array([[focal_px, 0.0, width / 2], [0.0, focal_px, height / 2], [0.0, 0.0, 1.0]])
    return View(K, width, height, se3.make(R, eye))


def _scene(robot: TreeRobot) -> Any:
    mujoco = import_mujoco()
    spec = robot_spec(robot.path)
    _hang_on_mocap(mujoco, spec, robot)
    light_up(spec)
    tips: set[str] = set()
    if isinstance(robot, HandRobot):
        tips = _tip_links(robot)
        _draw_bones(mujoco, spec, robot)
    else:
        lay_floor(spec, half_size_m=FLOOR_REACH_M, height_m=0.0, tile_m=TILE_M)
    for geom in spec.geoms:
        if np.allclose(geom.rgba, UNCOLOURED_RGBA) and not geom.material:
            geom.rgba = HAND_RGBA if geom.parent.name in tips else PALM_RGBA
    try:
        return spec.compile()
    except ValueError as error:
        raise RobotError(f"MuJoCo cannot draw {robot.path}: {error}") from error


def _tip_links(robot: HandRobot) -> set[str]:
    """Links of the fingertips, and those that are fixed to them."""
    parents = {j.child: j for j in robot.description.joints.values()}
    found = set()
    for point in robot.config.tips.values():
        link = point.link
        found.add(link)
        while link in parents and parents[link].kind == "fixed":
            link = parents[link].parent
            found.add(link)
    return found


def _draw_bones(mujoco: Any, spec: Any, robot: HandRobot) -> None:
    """A bar from each joint to the next: files often show no shape of some links of a finger."""
    links = robot.description.path_between
    root, tips = robot.description.root_link, [p.link for p in robot.config.tips.values()]
    for joint in {joint.name: joint for tip in tips for joint in links(root, tip)}.values():
        end = joint.T_parent_child[:3, 3]
        parent = spec.body(joint.parent)
        if parent is not None and parent.name != "world" and np.linalg.norm(end) > 1e-3:
            parent.add_geom(
                type=mujoco.mjtGeom.mjGEOM_CAPSULE,
                size=[BONE_RADIUS_M, 0.0, 0.0],
                fromto=[0.0, 0.0, 0.0, *end],
            )


def _hang_on_mocap(mujoco: Any, spec: Any, robot: TreeRobot) -> None:
    """Lets the whole robot be put anywhere, whatever its file hangs it on."""
    tops = list(spec.worldbody.bodies)
    if len(tops) != 1:
        raise RobotError(
            f"{robot.path} has {len(tops)} bodies that hang on the world; a robot that is drawn in "
            "motion needs exactly one, on which everything hangs"
        )
    for geom in list(spec.worldbody.geoms):
        spec.delete(geom)
    for joint in [j for j in spec.joints if j.type == mujoco.mjtJoint.mjJNT_FREE]:
        spec.delete(joint)
    # Keyframes hold a value for the joint that was deleted.
    for key in list(spec.keys):
        spec.delete(key)
    tops[0].mocap = True
